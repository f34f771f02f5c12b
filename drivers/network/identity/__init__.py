"""What should be different on each sample of a product."""
