"""What a service of an unknown protocol tells of its software: versions with a label or after a name."""

import re

from drivers.network.recognise.pages import telling

LIMIT = 4_096
"""Octets that are searched."""
_NAMED = re.compile(
    r"^[^\w\n]{0,4}((?:[A-Za-z][\w-]{0,30}[ /_-]){1,4}"
    r"v?\d{1,4}\.\d{1,5}\.\d{1,5}(?:[a-z+-][\w.+-]{0,40})?)(?![\w.]*\d)",
    re.M,
)
"""A name and three numbers, as `MPD 0.23.5`: two may be a measured value, four are an address."""
_NO_VERSION = re.compile(
    r"(?i)time|date|clock|addr|\bip\b|oid|temp|pos|lat|lon|serial|protocol|proto\b|\b(?:19|20)\d\d\.\d\d?\.\d\d?\b"
)
"""Words that make the numbers something else, and a date."""


def told_by_unknown(heard: bytes) -> list[bytes]:
    """Return the pieces of a text that name a version of the software."""
    data = heard[:LIMIT]
    named = [found[1] for found in _NAMED.finditer(data.decode("utf-8", "replace"))]
    pieces = [*telling(data), *(piece for piece in named if not _NO_VERSION.search(piece))]
    return [piece.encode() for piece in dict.fromkeys(pieces)]
