"""ID: the developer tells customers and others what they need to know."""
