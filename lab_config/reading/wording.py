"""The errors of a file in its own words: the field, what was expected there, and what was found."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from pydantic import BaseModel

Location = tuple[str | int, ...]
NONE: Final = "has no value"
_NUMBER: Final = "expected a number"
_EXPECTED: Final[Mapping[str, str]] = {
    "extra_forbidden": "is not a known field",
    "missing": "is missing",
    "string_type": "is not text: put it in quotes",
    "string_too_short": "expected a text of at least {min_length} characters",
    "string_too_long": "expected a text of at most {max_length} characters",
    "string_pattern_mismatch": "expected a text of the form {pattern}",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a smaller number",
    "int_from_float": "expected a whole number",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "greater_than": "expected a number greater than {gt}",
    "greater_than_equal": "expected a number of at least {ge}",
    "less_than": "expected a number less than {lt}",
    "less_than_equal": "expected a number of at most {le}",
    "literal_error": "expected {expected}",
    "enum": "expected {expected}",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "dict_type": "expected fields",
    "model_type": "expected fields",
    "model_attributes_type": "expected fields",
    "too_short": "expected at least {min_length} entries",
    "too_long": "expected at most {max_length} entries",
    "path_type": "expected the path of a file",
    "is_instance_of": "expected a text",
}
_DATE: Final = "expected a date, such as 2026-12-31"
_FORMS: Final[Mapping[str, str]] = {
    r"^[a-z][a-z0-9_]*$": "expected small letters, digits and _, beginning with a letter",
    r"^(\$\{[A-Z][A-Z0-9_]*\}|file:.+)$": "expected ${NAME} of the environment or file:PATH, never the value itself",
    r"^/": "expected a path that begins with /",
    r"^[A-Z][A-Z0-9_]*$": "expected capital letters, digits and _, beginning with a letter",
    r"^/[^\x00-\x1f\x7f]+$": "expected the path of a file that begins with /, without control characters",
    r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$": "expected the name of a header, without blanks and colons",
    r"^(?:[A-Za-z0-9!#$%&'*+.^_`|~-]|\{[a-z][a-z0-9_]*\}){1,64}$": (
        "expected the name of a header or cookie, without blanks and colons. "
        "{name} in small letters, digits and _ stands for a value"
    ),
    r"^(\d{1,7}|\{[a-z][a-z0-9_]*\})$": "expected a number of up to 7 digits, or {name} for a value",
    r"^[^#+\x00]+$": "expected a topic without the wildcards # and +",
    r"^[!-~ ]+$": "expected printable ASCII characters",
    r"^[!-~]+$": "expected printable ASCII characters without blanks",
    r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [ -~]+$": "expected a header as NAME: VALUE, in printable ASCII characters",
    r"^(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):[0-9]{1,5}$": "expected host:port, with an IPv6 address in brackets",
}
"""What a pattern of a field means."""


def expected(error: Mapping[str, Any]) -> str:
    """Return what a field expects, for an error of pydantic."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if error.get("input") is None and kind != "missing" and kind in _EXPECTED:
        return NONE
    if kind.startswith(("date_", "datetime_")):
        return _DATE
    if kind == "string_pattern_mismatch" and context["pattern"] in _FORMS:
        return _FORMS[context["pattern"]]
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    if kind in {"misplaced"}:
        return str(error["msg"])
    return "has a value of another kind than expected"


def found(error: Mapping[str, Any]) -> str:
    """Return what the file has there, in brackets; nothing if the expectation already contains it."""
    if error["type"] in {"missing", "value_error", "misplaced"} or error.get("input") is None:
        return ""
    value = error["input"]
    if isinstance(value, Mapping):
        return " (found fields)"
    if isinstance(value, list):
        return " (found a list)"
    return f" (found {str(value)[:60]!r})"


def of_the_branch(errors: Sequence[Mapping[str, Any]], data: object) -> list[Mapping[str, Any]]:
    """Drop the errors of the branch that was not meant: `absent`, or everything but `absent`."""
    meant = []
    for error in errors:
        at = tuple(error["loc"])
        if "Absent" in at:
            if not _says_absent(data, at[: at.index("Absent")]):
                continue
        elif any(_says_absent(data, at[:cut]) for cut in range(len(at))):
            continue
        if not _is_for_text(error, errors):
            meant.append(error)
    return meant or list(errors)


def _is_for_text(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an error only reports that a list is no text, where the list is allowed and has an error of its own."""
    before = tuple(error["loc"])[:-1]
    deeper = [one for one in errors if one is not error and tuple(one["loc"])[: len(before)] == before]
    return error["type"] == "string_type" and isinstance(error["input"], list) and bool(before) and bool(deeper)


def _says_absent(data: object, at: Location) -> bool:
    for part in at:
        data = _below(data, part) if _has(data, part) else data
    return isinstance(data, Mapping) and "absent" in data


def field_of(data: object, at: Location, *, missing: bool) -> Location:
    """Return the parts of a location that are in the file. pydantic adds the names of union members."""
    kept: Location = ()
    for number, part in enumerate(at):
        if _has(data, part):
            data, kept = _below(data, part), (*kept, part)
        elif missing and number == len(at) - 1:
            kept = (*kept, part)
    return kept


def _has(data: object, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, Mapping) and part in data


def _below(data: Any, part: str | int) -> object:
    return data[part]


def changed_kinds(raw: object, loaded: object, at: Location = ()) -> Iterator[tuple[Location, str, object]]:
    """Find the values that pydantic converted to another kind, such as `true` to 1: place, what was expected, value."""
    if isinstance(loaded, BaseModel) and isinstance(raw, Mapping):
        for name, field in type(loaded).model_fields.items():
            key = field.alias or name
            if key in raw:
                yield from changed_kinds(raw[key], getattr(loaded, name), (*at, key))
    elif isinstance(loaded, Mapping) and isinstance(raw, Mapping):
        for key, value in raw.items():
            yield from changed_kinds(value, loaded.get(key), (*at, key))
    elif isinstance(loaded, tuple | list) and isinstance(raw, list):
        for index, (value, kept) in enumerate(zip(raw, loaded, strict=False)):
            yield from changed_kinds(value, kept, (*at, index))
    elif isinstance(loaded, tuple) and len(loaded) == 1 and isinstance(raw, Mapping):  # a list of one, without brackets
        yield from changed_kinds(raw, loaded[0], at)
    elif (words := _converted(raw, loaded)) is not None:
        yield at, words, raw


def _converted(raw: object, loaded: object) -> str | None:
    if isinstance(loaded, bool):
        words = isinstance(raw, str) and raw.lower() in {"true", "false", "yes", "no", "on", "off"}
        return None if isinstance(raw, bool) or words else "expected true or false"
    if isinstance(raw, bool):
        return _NUMBER if isinstance(loaded, int | float) else None
    if isinstance(raw, float) and isinstance(loaded, int):
        return "expected a whole number"
    if isinstance(raw, int | float) and isinstance(loaded, date):
        return _DATE
    return None
