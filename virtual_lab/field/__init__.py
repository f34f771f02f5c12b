"""Devices of unmodified third-party software, each configured well and badly, with the truth about both."""
