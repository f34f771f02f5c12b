"""A bill of materials in terms of the NTIA's minimum elements (July 2021), whatever format it was written in."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drivers.documents.file import contradicted, element, listed, missing
from drivers.documents.rfc3339 import moment
from trustprobe.probe import Fact

STRUCTURE = ("format", "serial_number", "subject", "components", "references")
MINIMUM = ("supplier", "name", "version", "identifier", "dependency", "author", "timestamp")
"""The data fields of the NTIA's minimum elements, in its order."""
_PURL = re.compile(r"pkg:/*[A-Za-z][A-Za-z0-9.+-]*/\S+")
_CPE = re.compile(r"cpe:(2\.3:[aho*-]:\S+|/[aho]?:\S+)", re.IGNORECASE)


class UnreadError(Exception):
    """The document is in a format that is not parsed here: neither a finding nor a proof of anything."""


@dataclass(frozen=True)
class ListedPart:
    """A component that a bill of materials lists; an empty text stands for what it does not say."""

    name: str
    version: str
    supplier: str
    """Who supplies, makes or publishes it."""
    identifier: str
    """A package URL, a CPE name, a SWID tag or another identifier that lists of vulnerabilities use."""
    related: bool
    """Whether its relationship to another component is stated: part of it, needed by it, or stated to be unknown."""

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return self.name or "a component without a name"


@dataclass(frozen=True)
class Bill:
    """What a bill of materials says. `faults` are contradictions to its format, by the element of STRUCTURE."""

    form: str
    """The format and its version."""
    serial: str
    """Its serial number or name space; empty if it has none, which both formats recommend only."""
    subject_name: str
    subject_version: str
    parts: tuple[ListedPart, ...]
    authors: tuple[str, ...]
    timestamp: str
    faults: tuple[tuple[str, str], ...]


def is_identifier(text: str) -> bool:
    """Whether a text is a package URL or a CPE name."""
    return bool(_PURL.fullmatch(text) or _CPE.fullmatch(text))


def structure(bill: Bill) -> list[Fact]:
    """Describe what makes the document a bill of materials in its format."""
    found = {
        "format": bill.form,
        "serial_number": bill.serial or "none is given. It is recommended, not required",
        "subject": f"{bill.subject_name} {bill.subject_version}".strip(),
        "components": listed(part.label for part in bill.parts),
        "references": "each reference leads to a component",
    }
    absent = {"subject": "it does not state what it describes", "components": "no component is listed"}
    facts = []
    for about, words in found.items():
        if wrong := list(dict.fromkeys(fault for key, fault in bill.faults if key == about)):
            more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            facts.append(contradicted(about, "; ".join(fault[:300] for fault in wrong[:5]) + more))
        else:
            facts.append(element(about, words) if words else missing(about, absent[about]))
    return facts


def minimum(bill: Bill) -> list[Fact]:
    """Describe the minimum elements: five for each component, two for the document."""
    present: dict[str, Callable[[ListedPart], object]] = {
        "supplier": lambda part: part.supplier,
        "name": lambda part: part.name,
        "version": lambda part: part.version,
        "identifier": lambda part: part.identifier,
        "dependency": lambda part: part.related,
    }
    facts = [_of_each(about, bill.parts, value) for about, value in present.items()]
    author = element("author", listed(bill.authors)) if bill.authors else missing("author", "it names no author")
    return [*facts, author, _timestamp(bill.timestamp)]


def _of_each(about: str, parts: Iterable[ListedPart], value: Callable[[ListedPart], object]) -> Fact:
    every = list(parts)
    without = [part.label for part in every if not value(part)]
    if not every:
        return missing(about, "no component is listed")
    if without:
        return missing(about, f"it is missing for {len(without)} of {len(every)} components: {listed(without)}")
    return element(about, f"present for all {len(every)} components")


def _timestamp(given: str) -> Fact:
    if not given:
        return missing("timestamp", "it does not state when it was made")
    if moment(given) is None:
        return contradicted("timestamp", f"{given[:80]!r} is not a date and time of RFC 3339")
    return element("timestamp", given)
