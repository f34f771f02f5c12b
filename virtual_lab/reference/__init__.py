"""The reference device: an IP camera in pure Python, with a board, a firmware, and planted defects on request."""
