"""Collectors of what the device logs."""
