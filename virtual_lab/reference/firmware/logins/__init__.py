"""Accounts, passwords, lockout and Digest authentication."""
