"""Looks for texts and patterns in a storage image, in the forms in which software writes a text down.

What was found is told by its place and form; the octets themselves may be somebody's secret, and are not kept. What is
compressed or encrypted in the image is not opened.
"""

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

    def __str__(self) -> str:
        """Say it, ready to print."""
        return f"{self.what} at octet {self.offset:#x}"


def search(image: Image, wanted: Iterable[SearchTerm]) -> dict[str, tuple[StoragePlace, ...]]:
    """Return the places of each wanted thing, by the name of its fact; empty where it is nowhere."""
    things = list(wanted)
    found: dict[str, dict[StoragePlace, None]] = {one.about: {} for one in things}
    for start, piece in image.pieces(OVERLAP):
        if not piece.strip(b"\0"):
            continue  # what was never written holds nothing
        for one in things:
            for place in _in_piece(one, piece, start):
                if len(found[one.about]) < MOST_PLACES:
                    found[one.about][place] = None
    return {about: tuple(places) for about, places in found.items()}


def _in_piece(one: SearchTerm, piece: bytes, start: int) -> Iterable[StoragePlace]:
    for what, octets in one.texts.items():
        at = piece.find(octets) if len(octets) >= SHORTEST else -1
        if at >= 0:
            yield StoragePlace(what, start + at)
    for what, pattern in one.patterns.items():
        if match := pattern.search(piece):
            yield StoragePlace(what, start + match.start())
