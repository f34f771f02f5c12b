"""ID: the developer informs customers and others."""
