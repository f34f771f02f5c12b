"""AI: the product and its parts can be distinguished."""
