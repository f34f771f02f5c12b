"""How deep a JSON document is nested: what is read of it by recursion needs a bound that no version of Python moves."""

import json
from collections.abc import Iterator

DEEPEST = 100
"""The nesting of a device's JSON that is handled: comparing, searching and printing it stay within Python's stack."""


def parsed(data: bytes | str) -> object:
    """Return a JSON document. Return None if it is malformed, or nested deeper than DEEPEST.

    Python 3.11 parses no deeper than its stack, Python 3.13 parses what nothing can compare or print afterwards.
    """
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return None if deeper_than(document, DEEPEST) else document


def deeper_than(value: object, levels: int) -> bool:
    """Whether lists and objects of a JSON document are nested deeper than so many levels; without recursion."""
    level: list[object] = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
