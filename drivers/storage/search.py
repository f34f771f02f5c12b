"""Looks for texts and patterns in a storage image, in the forms in which software writes a text down.

What was found is told by its place and form; the octets themselves may be somebody's secret, and are not kept. What is
compressed is unpacked and searched as well; what is encrypted is not opened.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from drivers.data import table
from drivers.storage.bounds import Unpacking
from drivers.storage.dump import Image
from drivers.storage.unpack import DEEPEST, unpack

OVERLAP = 8192
"""Octets that pieces share: the longest thing that is found for certain."""
MOST_PLACES = 20
"""Places of one thing that are told."""
SHORTEST = 6
"""Characters of a text that can be told from chance."""
_COMPARED, _ENOUGH_OF_A_KEY = 120, 220
"""Characters of the base64 of a key that its digest in the table is of, and octets that hold them in any notation."""
_PUBLIC = frozenset(digest for digests in table("public_test_keys").values() for digest in digests)


@dataclass(frozen=True)
class SearchTerm:
    """A thing to look for under the name of a fact: octets in several forms, and patterns."""

    about: str
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What the text is, in words, to one form of it."""
    patterns: Mapping[str, re.Pattern[bytes]] = field(default_factory=dict)


@dataclass(frozen=True)
class StoragePlace:
    """Where a thing was found: its name and form, and the offset in octets."""

    what: str
    offset: int
    within: str = ""

    def __str__(self) -> str:
        """Say it, ready to print."""
        return f"{self.what} at octet {self.offset:#x}" + (f" of {self.within}" if self.within else "")


def search_unpacked(
    image: Image, wanted: Iterable[SearchTerm]
) -> tuple[dict[str, tuple[StoragePlace, ...]], Unpacking]:
    """Search an image and all that is compressed in it; the places, and what was unpacked."""
    things, unpacking = list(wanted), Unpacking.of(image)
    found: dict[str, tuple[StoragePlace, ...]] = {one.about: () for one in things}
    for part in _parts(image, unpacking, DEEPEST):
        for about, places in search(part, things).items():
            found[about] = (found[about] + places)[:MOST_PLACES]
    return found, unpacking


def _parts(image: Image, unpacking: Unpacking, depth: int) -> Iterator[Image]:
    yield image
    if depth:
        for part in unpack(image, unpacking):
            yield from _parts(part, unpacking, depth - 1)


def search(image: Image, wanted: Iterable[SearchTerm]) -> dict[str, tuple[StoragePlace, ...]]:
    """Return the places of each wanted thing, by the name of its fact; empty where it is nowhere."""
    things = list(wanted)
    found: dict[str, dict[StoragePlace, None]] = {one.about: {} for one in things}
    for start, piece in image.pieces(OVERLAP):
        if not piece.strip(b"\0"):
            continue  # what was never written holds nothing
        for one in things:
            for place in _in_piece(one, piece, start, image):
                if len(found[one.about]) < MOST_PLACES:
                    found[one.about][place] = None
    return {about: tuple(places) for about, places in found.items()}


def _in_piece(one: SearchTerm, piece: bytes, start: int, image: Image) -> Iterable[StoragePlace]:
    for what, octets in one.texts.items():
        at = piece.find(octets) if len(octets) >= SHORTEST else -1
        if at >= 0:
            yield StoragePlace(what, *image.at(start + at))
    for what, pattern in one.patterns.items():
        for match in pattern.finditer(piece):
            if not _is_public(piece, match):
                yield StoragePlace(what, *image.at(start + match.start()))
                break


def _is_public(piece: bytes, match: re.Match[bytes]) -> bool:
    """Whether a PEM key lies here that a library publishes with its own tests."""
    if not match[0].startswith(b"-----BEGIN"):
        return False
    text = piece[match.start() : match.start() + _ENOUGH_OF_A_KEY].replace(b"\\n", b"\n").replace(b"\r", b"")
    _, _, body = text.partition(b"\n")
    base64 = body.partition(b"-")[0].replace(b"\n", b"")[:_COMPARED]
    return sha256(base64).hexdigest() in _PUBLIC
