"""Update images, how they are judged and installed, and the news of newer ones."""
