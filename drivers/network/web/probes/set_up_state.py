"""What scripts and documents of a server state of its set-up: flags such as `FIRST_RUN = true`, by their kind of name.

A product that draws its wizard by script shows no form. Its server writes the state into the page, or answers with it.
"""

import re
from collections.abc import Iterator
from enum import Enum
from itertools import islice

from drivers.network.web.transport.html import Page

_FLAG = re.compile(
    r"""(?:(?P<declared>\b(?:var|let|const)\s|\b(?:window|self|globalThis)\.)\s{0,20})?"""
    r"""(?<![\w$-])(?P<quote>["']?)(?P<name>[A-Za-z_$][\w$-]{2,60})(?P=quote)\s{0,20}[:=]\s{0,20}(?P<value>true|false)\b"""
)
_FLAGS_LIMIT = 5_000
_VALUES_LIMIT = 2_000
"""Values of a document that are looked at."""
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SET_UP = (
    r"(?:set_?up|onboarding|(?:(?:start_?up|set_?up|onboarding|first_run)_)?wizard|"
    r"(?:first|initial)_(?:set_?up|configuration|run|use|boot))"
)
_REQUIRED = re.compile(
    r"(?:^|_)(?:first_(?:run|use|boot)|(?:start_?up|set_?up|onboarding|first_run|initial)_wizard|initial_set_?up)$|"
    rf"(?:^|_){_SET_UP}_(?:is_)?(?:required|needed|pending|mode|open)$|"
    rf"(?:^|_)(?:needs?|requires?|must|in|show)_(?:the_)?{_SET_UP}$"
)
"""Names of what is true before the set-up."""
_COMPLETE = re.compile(
    rf"(?:^|_){_SET_UP}_(?:is_)?(?:complete|completed|done|finished)$|^is_(?:set_?up|onboarded)$|"
    r"^(?:has_)?(?:admin|administrator|owner)(?:_account|_user|_password)?_(?:created|exists|configured)$"
)
"""Names of what is false before the set-up."""
_VAGUE = re.compile(r"(?:^|_)wizard$")
"""Names of what may be true before the set-up, and may be true for other reasons as well."""
_WHOLE = frozenset({"initialized", "initialised", "configured", "completed", "complete"})
"""What a document about the set-up as a whole says of it, in its first level."""
_ABILITY = re.compile(
    r"(?:^|_)(?:enabled?|disabled?|has|supports?|allow|with|can|hide|hidden|skip|seen|no|not|use|used)_"
)
_DESCRIBES_FIELD = frozenset({"type", "name", "label", "pattern", "maxlength", "minlength", "placeholder", "input"})


class State(Enum):
    """How clearly a flag says that the set-up was not made."""

    OPEN = "open"
    UNCLEAR = "unclear"


def stated_in(page: Page) -> tuple[State, str] | None:
    """Return what the scripts of a page state: a flag of an open set-up, the clearest first.

    A server writes constants (`FIRST_RUN = true`) and JSON (`"setupRequired": true`). A variable of another form may be
    a script's own.
    """
    unclear = None
    flags = (match for code in page.code for match in _FLAG.finditer(code))
    for match in islice(flags, _FLAGS_LIMIT):
        name, value = match["name"], match["value"]
        state = _state(name, value == "true")
        if state is None or not (match["quote"] or match["declared"] or name.isupper()):
            continue
        words = f"a script says {name} = {value}"
        if state is State.OPEN and (match["quote"] or name.isupper()):
            return State.OPEN, words
        unclear = unclear or (State.UNCLEAR, words)
    return unclear


def answered(document: object) -> str:
    """Return the flag of a document about the set-up that says that it is required; empty if there is none."""
    for holder, name, value in islice(_members(document), _VALUES_LIMIT):
        plain = (
            name.lower() in {"required", "needed"} and value and not _DESCRIBES_FIELD & {key.lower() for key in holder}
        )
        whole = holder is document and name.lower() in _WHOLE and not value
        if plain or whole or _state(name, value) is State.OPEN:
            return f'the answer says "{name}": {str(value).lower()}'
    return ""


def _state(name: str, value: bool) -> State | None:
    """Return what a flag of this name and value says of the set-up; None if it says nothing."""
    plain = "_".join(_PARTS.findall(name)).lower()
    if _ABILITY.search(f"{plain}_"):
        return None
    if _COMPLETE.search(plain):
        return None if value else State.OPEN
    if not value:
        return None
    return State.OPEN if _REQUIRED.search(plain) else State.UNCLEAR if _VAGUE.search(plain) else None


def _members(document: object) -> Iterator[tuple[dict[str, object], str, bool]]:
    """Iterate over the flags of a document, each with the object that holds it."""
    waiting, left = [document], _VALUES_LIMIT
    while waiting and left:
        value, left = waiting.pop(), left - 1
        if isinstance(value, list):
            waiting.extend(value[:_VALUES_LIMIT])
        elif isinstance(value, dict):
            yield from ((value, str(key), inner) for key, inner in value.items() if isinstance(inner, bool))
            waiting.extend(islice(value.values(), _VALUES_LIMIT))
