"""Looks for texts and patterns in a storage image, in the forms in which software writes a text down.

What was found is told by its place and form; the octets themselves may be somebody's secret, and are not kept. What is
compressed is unpacked and searched as well; what is encrypted is not opened.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from drivers.storage.bounds import Unpacking
from drivers.storage.dump import Image
from drivers.storage.published import published
from drivers.storage.unpack import DEEPEST, unpack

OVERLAP = 8192
"""Octets that pieces share: the longest thing that is found for certain."""
MOST_PLACES = 20
"""Places of one thing that are told."""
_BEFORE = 64
"""Octets that a pattern may look at before its match."""
_PEM = b"-----BEGIN"
SHORTEST = 6
"""Characters of a text that can be told from chance."""


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


PublishedKeys = dict[bytes, StoragePlace]
"""Where a published key was found first, by its PEM."""
MOST_PUBLISHED = 64
"""Published keys that are kept. There are fewer; others that only begin like them are treated as keys of the device."""


def search_unpacked(
    image: Image, wanted: Iterable[SearchTerm], keys: PublishedKeys | None = None
) -> tuple[dict[str, tuple[StoragePlace, ...]], Unpacking]:
    """Search an image and all that is compressed in it; the places, and what was unpacked.

    Published keys are no places; they go into `keys`.
    """
    things, unpacking = list(wanted), Unpacking.of(image)
    found: dict[str, tuple[StoragePlace, ...]] = {one.about: () for one in things}
    for part in _parts(image, unpacking, DEEPEST):
        for about, places in search(part, things, keys).items():
            found[about] = (found[about] + places)[:MOST_PLACES]
    return found, unpacking


def _parts(image: Image, unpacking: Unpacking, depth: int) -> Iterator[Image]:
    yield image
    if depth:
        for part in unpack(image, unpacking):
            yield from _parts(part, unpacking, depth - 1)


def search(
    image: Image, wanted: Iterable[SearchTerm], keys: PublishedKeys | None = None
) -> dict[str, tuple[StoragePlace, ...]]:
    """Return the places of each wanted thing, by the name of its fact; empty where it is nowhere."""
    things, keys = list(wanted), {} if keys is None else keys
    found: dict[str, dict[StoragePlace, None]] = {one.about: {} for one in things}
    for start, piece in image.pieces(OVERLAP):
        if not piece.strip(b"\0"):
            continue  # what was never written holds nothing
        begins = _begins(start, len(piece), image)
        for one in things:
            for place in _in_piece(one, piece, start, begins, image, keys):
                if len(found[one.about]) < MOST_PLACES:
                    found[one.about][place] = None
    return {about: tuple(places) for about, places in found.items()}


def _begins(start: int, size: int, image: Image) -> range:
    """Return where a match may begin, so that the piece holds what lies before it and after it.

    Each octet of an image is in the range of one piece.
    """
    last = start + size >= image.searched
    return range(_BEFORE if start else 0, size if last else size - OVERLAP + _BEFORE)


def _in_piece(
    one: SearchTerm, piece: bytes, start: int, begins: range, image: Image, keys: PublishedKeys
) -> Iterable[StoragePlace]:
    for what, octets in one.texts.items():
        at = piece.find(octets) if len(octets) >= SHORTEST else -1
        if at >= 0:
            yield StoragePlace(what, *image.at(start + at))
    for what, pattern in one.patterns.items():
        for match in pattern.finditer(piece):
            if match.start() not in begins:
                continue
            place = StoragePlace(what, *image.at(start + match.start()))
            key = published(piece[match.start() : match.start() + OVERLAP]) if match[0].startswith(_PEM) else None
            if key is None or (key not in keys and len(keys) >= MOST_PUBLISHED):
                yield place
                break
            keys.setdefault(key, place)
