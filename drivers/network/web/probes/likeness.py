"""Whether an answer shows what authority is shown: JSON documents by their values and by their names.

Many servers refuse with 200 and an error document, so the status alone tells nothing. Live values differ in any two
answers, so the values alone do not tell it either.
"""

import re
from enum import Enum

from drivers.network.web.probes.denial import is_status_name
from drivers.network.web.transport.client import WebAnswer

LEAF_LIMIT = 2_000
"""Values of a JSON document that are compared."""
_ERROR = re.compile(r"(?:^|\.)err(?:or)?s?(?:\.|$)", re.IGNORECASE)
_MEASURED = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
_INDEX = re.compile(r"\.\d+(?=\.|$)")


class Likeness(Enum):
    """How much an answer has in common with what authority is shown."""

    SAME = "the same content"
    PART = "a part of the names, and no value"
    """Too little to say whether it is the content."""
    OTHER = "something else"


def likeness(answer: WebAnswer, reference: WebAnswer) -> Likeness:
    """Compare two answers; what is not a JSON document counts as the same.

    Of two documents one value must be the same. If none is, as with measurements, they must consist of the same names,
    which say more than how a request ended. A document with an error of its own is another one.
    """
    shown, known = answer.json(), reference.json()
    if not isinstance(known, dict | list) or not known:
        return Likeness.SAME
    if not isinstance(shown, dict | list):
        return Likeness.OTHER
    ours, theirs = _leaves(shown), _leaves(known)
    if ours & theirs:
        return Likeness.SAME
    names, known_names = _names(ours), _names(theirs)
    reports_error = any(_ERROR.search(name) for name in names - known_names)
    if reports_error or all(_says_status(name) for name in names & known_names):
        return Likeness.OTHER
    return Likeness.SAME if names == known_names else Likeness.PART


def shows_the_same(answer: WebAnswer, reference: WebAnswer) -> bool:
    """Whether an answer to an undeclared path shows something of what authority is shown.

    Words that differ under the same names may be the asker's own, such as his user name. Numbers are measurements.
    """
    if likeness(answer, reference) is not Likeness.SAME:
        return False
    ours, theirs = _leaves(answer.json()), _leaves(reference.json())
    own = {value for name, value in ours if not _says_status(name)}
    return not isinstance(reference.json(), dict | list) or bool(ours & theirs) or all(map(_MEASURED.fullmatch, own))


def _names(leaves: set[tuple[str, str]]) -> set[str]:
    """Return the names that have a value, whatever their place in a list."""
    return {_INDEX.sub(".*", name) for name, value in leaves if value not in {"", "None"}}


def _says_status(name: str) -> bool:
    parts = [part for part in name.split(".") if part and part != "*"]
    return bool(parts) and all(is_status_name(part) for part in parts)


def _leaves(document: object, name: str = "", depth: int = 0) -> set[tuple[str, str]]:
    """Return the values of a JSON document with their dotted names."""
    if depth > 20:
        return set()
    if isinstance(document, dict):
        parts = list(document.items())[:LEAF_LIMIT]
    elif isinstance(document, list):
        parts = list(enumerate(document[:LEAF_LIMIT]))
    else:
        return {(name, str(document))}
    found: set[tuple[str, str]] = set()
    for key, value in parts:
        found |= _leaves(value, f"{name}.{key}", depth + 1)
        if len(found) > LEAF_LIMIT:
            break
    return found
