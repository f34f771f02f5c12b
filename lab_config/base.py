"""The base of every model of a lab: frozen, without unknown fields, and with a model for declared absence."""

import re
from enum import StrEnum
from typing import Annotated, LiteralString

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
LongSeconds = Annotated[float, Field(gt=0, le=604_800)]
"""Up to a week, for times that only pass."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:|//)")


def misplaced(words: LiteralString, *place: str | int, **values: str) -> PydanticCustomError:
    """Return the error of a field below the model that finds it: its place, and what was expected there.

    `{name}` in the words stands for a value.
    """
    return PydanticCustomError("misplaced", words, {"place": place, **values})


def _compiles(text: str) -> str:
    require_expression(text)
    return text


def require_expression(text: str) -> re.Pattern[str]:
    """Compile a regular expression. ValueError in the words of a file if it is none."""
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text[:120]!r} is not a regular expression: {error}") from error


def _of_one_host(text: object) -> object:
    """Refuse what is no path of the same host, in words. The form itself is checked afterwards."""
    if not isinstance(text, str):
        return text
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise ValueError(f"a path contains no line end and no other control character (found {text[:60]!r})")
    if _SCHEME.match(text):
        raise ValueError(f"expected only the path, without scheme and host (found {text[:60]!r})")
    if not text.startswith("/"):
        raise ValueError(f"expected a path that begins with / (found {text[:60]!r})")
    if not text.isascii() or " " in text:
        raise ValueError(f"write blanks and letters beyond ASCII in a path as %XX (found {text[:60]!r})")
    return text


Expression = Annotated[str, AfterValidator(_compiles), StringConstraints(max_length=1_000)]
"""A regular expression."""
UrlPath = Annotated[str, BeforeValidator(_of_one_host), StringConstraints(pattern=r"^/[!-~]*$", max_length=512)]
"""A path as it is requested from the declared service: no host, no blank and no control character."""


class Model(BaseModel):
    """Frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Role(StrEnum):
    """The rights of a declared account."""

    ADMINISTRATOR = "administrator"
    VIEWER = "viewer"
    MAINTENANCE = "maintenance"


class Absent(Model):
    """The manufacturer declares that the product has no such thing, and why. The harness still probes for it."""

    absent: Annotated[str, StringConstraints(min_length=8)]


class NotSaid(Absent):
    """The declaration does not say whether the product has such a thing. This is never read as "declared absent"."""

    absent: Annotated[str, StringConstraints(min_length=8)] = "the declaration does not say"


NOT_SAID = NotSaid()
