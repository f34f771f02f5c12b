"""Dotted names in JSON documents: `firmware.version`, `users.0.name`. Values that cannot be written back."""

import json
import re

_MASK = re.compile(r'"(?:[*•●]|\\u2022|\\u25cf){3,}"', re.IGNORECASE)


def is_masked(document: str) -> bool:
    """Whether a value of a JSON document stands for one that is not shown, as a password of asterisks does."""
    return _MASK.search(document) is not None


def is_sendable(document: object) -> bool:
    """Whether JSON can hold a document that was read. Python reads NaN, Infinity and 1e999, which it cannot."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True


def lookup(document: object, name: str) -> str | None:
    """Return a scalar of a JSON document by its dotted name (`firmware.version`, `users.0.name`), as text."""
    for part in name.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and len(part) < 6 and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return str(document) if isinstance(document, str | int | float) else None


def nested(name: str, value: str) -> dict[str, object]:
    """Return the JSON object that holds a value under a dotted name."""
    head, _, rest = name.partition(".")
    return {head: nested(rest, value) if rest else value}
