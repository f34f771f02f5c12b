"""Dotted names in JSON documents: `firmware.version`, `users.0.name`. Values that cannot be written back."""

import json
import re

_MASK = re.compile(
    r"[*•●]{3,}|^[*•●]{2}$|^[x•●]{4,}$|redacted|^\W{0,8}[<\[({]\W{0,8}(?:hidden|masked)\W{0,8}$", re.IGNORECASE
)
"""What stands for a hidden value under any name."""
_SECRET = re.compile(r"pass|pwd|secret|psk|key|token|credential", re.IGNORECASE)
"""The names of values that a device hides."""
_NO_SECRET = re.compile(r"|([\Wx_])\1*|\W*(?:hidden|masked)\W*", re.IGNORECASE)
"""What stands for a hidden value under such a name: nothing, or one character again and again."""


def is_writable(document: object) -> bool:
    """Whether a document that was read can be written back without a change: JSON holds it, and it hides nothing."""
    return _is_sendable(document) and not is_masked(document)


def is_masked(document: object, name: str = "") -> bool:
    """Whether a value of a JSON document stands for one that is not shown, as an empty password or asterisks do.

    The document is nested no deeper than `parsed` permits. A list has the name of what it is the value of.
    """
    if isinstance(document, dict):
        return any(is_masked(value, key) for key, value in document.items())
    if isinstance(document, list):
        return any(is_masked(value, name) for value in document)
    is_secret = _SECRET.search(name) is not None
    if isinstance(document, str):
        return _MASK.search(document) is not None or (is_secret and _NO_SECRET.fullmatch(document) is not None)
    return is_secret and document is None


def _is_sendable(document: object) -> bool:
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
