"""Malformed messages, one file per protocol."""
