"""Looks for texts and patterns in a storage image, in the forms in which software writes a text down.

What was found is told by its place and form; the octets themselves may be somebody's secret, and are not kept. What is
compressed or encrypted in the image is not opened.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.storage.dump import Image

OVERLAP = 8192
"""Octets that pieces share: the longest thing that is found for certain."""
MOST_PLACES = 20
"""Places of one thing that are told."""
SHORTEST = 6
"""Characters of a text that can be told from chance."""


@dataclass(frozen=True)
class Wanted:
    """A thing to look for under the name of a fact: octets in several forms, and patterns."""

    about: str
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What the text is, in words, to one form of it."""
    patterns: Mapping[str, re.Pattern[bytes]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a thing was found: its name and form, and the offset in octets."""

    what: str
    offset: int

    def __str__(self) -> str:
        """Say it, ready to print."""
        return f"{self.what} at octet {self.offset:#x}"


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


def search(image: Image, wanted: Iterable[Wanted]) -> dict[str, tuple[Place, ...]]:
    """Return the places of each wanted thing, by the name of its fact; empty where it is nowhere."""
    things = list(wanted)
    found: dict[str, dict[Place, None]] = {one.about: {} for one in things}
    for start, piece in image.pieces(OVERLAP):
        if not piece.strip(b"\0"):
            continue  # what was never written holds nothing
        for one in things:
            for place in _in_piece(one, piece, start):
                if len(found[one.about]) < MOST_PLACES:
                    found[one.about][place] = None
    return {about: tuple(places) for about, places in found.items()}


def _in_piece(one: Wanted, piece: bytes, start: int) -> Iterable[Place]:
    for what, octets in one.texts.items():
        at = piece.find(octets) if len(octets) >= SHORTEST else -1
        if at >= 0:
            yield Place(what, start + at)
    for what, pattern in one.patterns.items():
        if match := pattern.search(piece):
            yield Place(what, start + match.start())


def _base64_inside(plain: bytes, shift: int) -> bytes:
    """Return the characters that base64 of any text has which holds this one after 3n+shift other octets."""
    encoded = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
    first = (0, 2, 3)[shift]  # characters that carry bits of what stands before
    last = len(encoded) if (shift + len(plain)) % 3 == 0 else len(encoded) - 1
    return encoded[first:last]
