"""What Digest authentication compares a password with, for each user that may log in that way (RFC 7616, 3.4.2)."""

import hashlib

DIGEST_REALM = "Halcyon Vista"


def digest_secret(user: str, password: str) -> str:
    """Return H(user:realm:password) with SHA-256."""
    return hashlib.sha256(f"{user}:{DIGEST_REALM}:{password}".encode()).hexdigest()
