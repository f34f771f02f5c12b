"""One document: its octets, its digest, and what the readers say of its elements.

A document that was read whole is its own witness: what is not in it is not there. A document comes from somebody else,
so it is bounded in size and depth, and nothing in it is fetched, expanded or run.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from drivers.nesting import deeper_than
from trustprobe.errors import ConfigurationError
from trustprobe.probe import DETAIL_LIMIT, Answer, Asked, Fact, Observation, Recorder, Witness, printable

LARGEST = 8 << 20
"""Octets of a document; a larger one is refused."""
DEEPEST = 64
"""Levels of a JSON document."""
NAMED = 5
"""Names that a detail lists before it counts the rest."""


class MalformedError(ValueError):
    """What was read is not what the document claims to be: a finding, not a failure of the bench."""


@dataclass(frozen=True)
class Document:
    """A document that was read whole."""

    name: str
    data: bytes

    @cached_property
    def sha256(self) -> str:
        """The digest of its octets."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def asked(self) -> Asked:
        """The question what it contains."""
        return Asked(door=self.name, shape="what the whole document contains")

    @property
    def witness(self) -> Witness:
        """That it was read whole."""
        what = f"{self.name} was read completely: {len(self.data)} octets, SHA-256 {self.sha256}"
        return Witness(what=what, holds=True, asked=self.asked)

    def text(self) -> str:
        """Return it as UTF-8 text. MalformedError if it is not."""
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MalformedError(f"octet {error.start} is not UTF-8") from None

    def words(self) -> str:
        """Return its text with each run of white space as one space, as a reader sees it."""
        return " ".join(self.text().split())

    def json(self) -> dict[str, object]:
        """Return it as a JSON object (RFC 8259); MalformedError for anything else, or a name twice there."""
        try:
            value = json.loads(self.text(), object_pairs_hook=_unique, parse_constant=_refuse)
        except RecursionError:
            raise MalformedError("the JSON is nested too deeply") from None
        except json.JSONDecodeError as error:
            raise MalformedError(f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
        except ValueError as error:
            raise MalformedError(str(error)) from None
        if not isinstance(value, dict):
            raise MalformedError("not a JSON object")
        if deeper_than(value, DEEPEST):
            raise MalformedError("the JSON is nested too deeply")
        return value


def read_document(folder: Path, name: str, record: Recorder) -> Document:
    """Read a file next to the declaration, and keep a copy as evidence.

    ConfigurationError where it is no regular file below `folder`, cannot be read, or is over LARGEST.
    """
    path = folder / name
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()):
            raise ConfigurationError(
                f"the document {name} is outside the folder of the declaration.", "Move it next to the declaration."
            )
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(f"the document {name} is not a regular file.", "Name a file.")
            data = file.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"the document {name} cannot be read: {reason}.", f"Put it into {folder}, or correct its name."
        ) from None
    if len(data) > LARGEST:
        raise ConfigurationError(f"the document {name} is larger than {LARGEST} octets.", "Give a smaller one.")
    document = Document(name, data)
    record.keep(Path(name).name, data)
    record.note(document.witness.what)
    return document


def element(about: str, found: str) -> Fact:
    """State that an element is there and right; `found` is what stands there."""
    return Fact(about=about, answer=Answer.SEEN, detail=printable(found)[:DETAIL_LIMIT])


def contradicted(about: str, detail: str) -> Fact:
    """State that an element is there and wrong."""
    return Fact(about=about, answer=Answer.REFUSED, detail=printable(detail)[:DETAIL_LIMIT])


def missing(about: str, detail: str = "is missing") -> Fact:
    """State that an element is not there."""
    return Fact(about=about, answer=Answer.SILENT, detail=printable(detail)[:DETAIL_LIMIT])


def malformed(abouts: Iterable[str], error: MalformedError) -> tuple[Fact, ...]:
    """State for a document that cannot be understood that each of its elements is wrong, and why."""
    return tuple(contradicted(about, str(error)) for about in abouts)


def lacking(read: Observation, elements: Iterable[str]) -> str:
    """Return a sentence that names the elements that are not as they must be, and each reason once."""
    reasons: dict[str, list[str]] = {}
    for about in elements:
        if about not in read.seen:
            reasons.setdefault(read.detail(about), []).append(about)
    return "; ".join(f"{', '.join(abouts)}: {reason}" for reason, abouts in reasons.items())


def text_of(value: object) -> str:
    """Return a JSON string without the white space around it; an empty string for anything else."""
    return value.strip() if isinstance(value, str) else ""


def entries(value: object) -> list[dict[str, object]]:
    """Return the objects of a JSON array; nothing for anything else."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def fields(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(names: Iterable[str]) -> str:
    """Join names for a detail, the first few of them."""
    known = [name[:80] for name in names]
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return ", ".join(known[:NAMED]) + more


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedError(f"the JSON name {name[:80]!r} occurs twice in one object")
        found[name] = value
    return found


def _refuse(constant: str) -> NoReturn:
    raise MalformedError(f"{constant} is not a JSON number")
