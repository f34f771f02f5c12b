"""security.txt (RFC 9116): how to report a vulnerability, in a form that machines read.

Reads the file as it is to be served; whether a web server serves it is not asked here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.documents.file import (
    MalformedError,
    contradicted,
    element,
    listed,
    malformed,
    missing,
    read_document,
)
from trustprobe.probe import Fact, Observation, Recorder, printable

ELEMENTS = ("format", "contact", "expires", "languages")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]+(\S.*)$")
_CONTACT = re.compile(r"^(https://[^\s/]+\S*|mailto:[^\s@]+@[^\s@]+|tel:\+?[\d().-]+)$")
_LINES = 10_000


class SecurityTxt(Observation):
    """What a security.txt says; facts for each of ELEMENTS."""

    contacts: tuple[str, ...]
    expires: datetime | None
    sha256: str


@dataclass(frozen=True)
class ReadSecurityTxt:
    """Read security.txt whole. `now` is the time that Expires is compared with."""

    folder: Path
    file: str
    now: Callable[[], datetime]

    @property
    def name(self) -> str:
        """One observation."""
        return "security_txt"

    def run(self, record: Recorder) -> SecurityTxt:
        """Read and describe it."""
        document = read_document(self.folder, self.file, record)
        contacts: tuple[str, ...] = ()
        expires = None
        facts: tuple[Fact, ...]
        try:
            found, unknown = _fields(document.text())
            contacts = tuple(printable(value, 256) for value in found.get("contact", []))
            expires = _moment(found.get("expires", []))
            facts = (_format(unknown), _contact(found), _expires(found, expires, self.now()), _languages(found))
        except MalformedError as error:
            facts = malformed(ELEMENTS, error)
        return SecurityTxt(
            question="Does security.txt state how to report a vulnerability, as RFC 9116 requires?",
            facts=facts,
            witness=document.witness,
            contacts=contacts,
            expires=expires,
            sha256=document.sha256,
        )


def _fields(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """Return the values by the field's name in lower case (2.3), and the lines that are no field."""
    lines = text.splitlines()[:_LINES]
    if lines and lines[0] == _SIGNED:
        body = lines.index("") + 1 if "" in lines else len(lines)
        end = lines.index(_SIGNATURE) if _SIGNATURE in lines else len(lines)
        lines = [line.removeprefix("- ") for line in lines[body:end]]
    found: dict[str, list[str]] = {}
    unknown = []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        if match := _FIELD.match(line):
            found.setdefault(match[1].lower(), []).append(match[2].strip())
        else:
            unknown.append(line)
    return found, unknown


def _format(unknown: list[str]) -> Fact:
    if unknown:
        return contradicted("format", f"neither field nor comment: {listed(unknown)}")
    return element("format", "each line is a field or a comment")


def _contact(found: dict[str, list[str]]) -> Fact:
    """2.5.3: at least one, each an URI; a web address begins with https://."""
    contacts = found.get("contact", [])
    if not contacts:
        return missing("contact", "there is no Contact field")
    if wrong := [contact for contact in contacts if not _CONTACT.match(contact)]:
        return contradicted("contact", f"not an https, mailto or tel URI: {listed(wrong)}")
    return element("contact", listed(contacts))


def _moment(values: list[str]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(values[0]) if len(values) == 1 else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _expires(found: dict[str, list[str]], expires: datetime | None, now: datetime) -> Fact:
    """2.5.5: exactly one, a date and time of RFC 3339 that lies ahead."""
    values = found.get("expires", [])
    if not values:
        return missing("expires", "there is no Expires field")
    if len(values) > 1:
        return contradicted("expires", f"the field Expires occurs {len(values)} times")
    if expires is None:
        return contradicted("expires", f"{values[0][:80]!r} is not a date and time with a time zone (RFC 3339)")
    if expires <= now:
        return contradicted("expires", f"expired on {values[0]}")
    return element("expires", values[0])


def _languages(found: dict[str, list[str]]) -> Fact:
    """2.5.8: Preferred-Languages at most once."""
    values = found.get("preferred-languages", [])
    if len(values) > 1:
        return contradicted("languages", f"the field Preferred-Languages occurs {len(values)} times")
    return element("languages", values[0] if values else "it prefers no language")
