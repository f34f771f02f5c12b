"""The log, where it is kept, and its way to the collector."""
