"""DOC: what the developer writes down about the product, and keeps."""
