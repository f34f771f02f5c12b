"""The forms in which software writes a text down: plain, UTF-16, hexadecimal, base64, unsalted hashes; and patterns."""

import base64
import hashlib
import re
from collections.abc import Mapping


def forms_of(what: str, text: str) -> dict[str, bytes]:
    """Return the forms of a text: plain, UTF-16, hexadecimal and base64 at each of its three alignments."""
    plain = text.encode()
    forms = {
        f"{what} in clear": plain,
        f"{what} in UTF-16": text.encode("utf-16-le"),
        f"{what} in UTF-16 (big endian)": text.encode("utf-16-be"),
        f"{what} in hexadecimal": plain.hex().encode(),
        f"{what} in hexadecimal (capitals)": plain.hex().upper().encode(),
    }
    for shift in range(3):
        inner = _base64_inside(plain, shift)
        forms[f"{what} in base64 ({shift})"] = inner
        forms[f"{what} in base64url ({shift})"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return forms


def weak_hashes_of(what: str, text: str) -> dict[str, bytes]:
    """Return MD5, SHA-1 and SHA-256 of a text without a salt: as octets, in hexadecimal and in base64."""
    forms = {}
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, text.encode(), usedforsecurity=False).digest()
        label = f"{name.upper()} of {what} without a salt"
        forms[label] = digest
        forms[f"{label}, in hexadecimal"] = digest.hex().encode()
        forms[f"{label}, in hexadecimal capitals"] = digest.hex().upper().encode()
        forms[f"{label}, in base64"] = base64.b64encode(digest).rstrip(b"=")
    return forms


def compiled(patterns: Mapping[str, str]) -> dict[str, re.Pattern[bytes]]:
    """Compile patterns of a table."""
    return {name: re.compile(pattern.encode("latin-1")) for name, pattern in patterns.items()}


def _base64_inside(plain: bytes, shift: int) -> bytes:
    """Return the characters that base64 of any text has which holds this one after 3n+shift other octets."""
    encoded = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
    first = (0, 2, 3)[shift]  # characters that carry bits of what stands before
    last = len(encoded) if (shift + len(plain)) % 3 == 0 else len(encoded) - 1
    return encoded[first:last]
