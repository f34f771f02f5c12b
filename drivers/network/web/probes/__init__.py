"""The probes that test a web administration."""
