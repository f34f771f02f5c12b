"""SU: verified updates install, and nothing else does."""
