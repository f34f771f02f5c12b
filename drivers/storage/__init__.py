"""The storage of the sample: an image of it that the bench takes, and what is looked for in there."""
