"""AI: the product and its parts can be told apart."""
