"""security.txt (RFC 9116): how to report a vulnerability, in a form that machines read.

Reads the file as it is to be served; whether a web server serves it is not asked here. The grammar is the one of
RFC 9116, 4. Its names are those of RFC 5322: any printable character but the colon. A signature is not verified.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.documents.file import (
    Document,
    MalformedError,
    contradicted,
    element,
    listed,
    malformed,
    missing,
    read_document,
)
from drivers.documents.rfc3339 import moment
from trustprobe.probe import Fact, Observation, Recorder, printable

ELEMENTS = ("format", "contact", "expires", "languages", "links")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"
_FIELD = re.compile(r"([!-9;-~]+): +(\S.*)")
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):((?:[!$&-;=?-Z_a-z~#\[\]@]|%[0-9A-Fa-f]{2})+)")
"""RFC 3986: a scheme, and the characters that may follow it."""
_MAILBOX = re.compile(r"[^@:,?&#]+@[^@:,?&#/]+")
_NUMBER = re.compile(r"\+?[\d().*#-]*\d[\d().*#-]*(;\S+)?", re.ASCII)
_WEB = re.compile(r"//[^/?#\s@]+([/?#]\S*)?")
_LANGUAGE = re.compile(r"([A-Za-z]{2,8}|[xXiI])(-[A-Za-z0-9]{1,8})*")
"""RFC 5646, 2.1, without the registry of subtags."""
LINKS = ("acknowledgments", "canonical", "csaf", "encryption", "hiring", "policy")
"""Fields whose values are URIs (2.5.1, 2.5.2, 2.5.4, 2.5.6, 2.5.7, and the field CSAF of the registry of IANA)."""


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
            found, wrong = _fields(_lines(document))
            contacts = tuple(printable(value, 256) for value in found.get("contact", []))
            expires = moment(found["expires"][0]) if len(found.get("expires", [])) == 1 else None
            in_force = _expires(found, expires, self.now())
            facts = (_format(wrong), _contact(found), in_force, _languages(found), _links(found))
        except MalformedError as error:
            facts = malformed(ELEMENTS, error)
        return SecurityTxt(
            question="Does security.txt state how to report a vulnerability, as RFC 9116 requires?",
            facts=facts,
            witness=document.witness,
            asked=document.asked,
            contacts=contacts,
            expires=expires,
            sha256=document.sha256,
        )


def _lines(document: Document) -> list[str]:
    """Return the lines; each ends with LF or CRLF (2.2). MalformedError for a file that is not plain UTF-8 (3)."""
    if document.data.startswith(codecs.BOM_UTF8):
        raise MalformedError("begins with a byte order mark (RFC 9116, 3, with RFC 5198, 2)")
    *lines, rest = document.text().split("\n")
    if rest:
        raise MalformedError("the last line does not end with a line feed (RFC 9116, 2.2)")
    return [line.rstrip(" \t\r") for line in lines]


def _fields(lines: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the values by the field's name in lower case (2.2), and what contradicts the grammar."""
    wrong: list[str] = []
    if lines and lines[0] == _SIGNED:
        lines, wrong = _signed(lines)
    found: dict[str, list[str]] = {}
    for line in lines:
        if not line or line.startswith("#"):
            continue
        if match := _FIELD.fullmatch(line):
            found.setdefault(match[1].lower(), []).append(match[2].strip())
        else:
            wrong.append(f"neither field nor comment: {line}")
    return found, wrong


def _signed(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines inside a cleartext signature (RFC 9580, 7), and what is wrong with its frame."""
    if "" not in lines or _SIGNATURE not in lines:
        return lines[1:], ["the signed message has no signature"]
    body, begins = lines.index("") + 1, lines.index(_SIGNATURE)
    wrong = []
    if _END not in lines[begins:]:
        wrong.append("the signature has no end")
    elif any(lines[lines.index(_END, begins) + 1 :]):
        wrong.append("there is text after the signature")
    wrong += [f"not a header of a signed message: {line}" for line in lines[1 : body - 1] if ": " not in line]
    return [line.removeprefix("- ") for line in lines[body:begins]], wrong


def _format(wrong: list[str]) -> Fact:
    return contradicted("format", listed(wrong)) if wrong else element("format", "each line is a field or a comment")


def _fault_of(uri: str) -> str:
    """Return what is wrong with an URI; nothing for one that may stand in a field."""
    match = _URI.fullmatch(uri)
    if match is None:
        return "is not an URI"
    scheme, rest = match[1].lower(), match[2]
    if scheme == "http":
        return "does not begin with https://"
    if scheme == "https" and not _WEB.fullmatch(rest):
        return "names no host"
    if scheme == "mailto" and not (rest.startswith("?to=") or all(map(_MAILBOX.fullmatch, _path(rest).split(",")))):
        return "names no mailbox (RFC 6068)"
    if scheme == "tel" and not _NUMBER.fullmatch(rest):
        return "names no telephone number (RFC 3966)"
    return ""


def _path(rest: str) -> str:
    return rest.partition("?")[0]


def _contact(found: dict[str, list[str]]) -> Fact:
    """2.5.3: at least one, each an URI; a web address begins with https://."""
    contacts = found.get("contact", [])
    if not contacts:
        return missing("contact", "there is no Contact field")
    if wrong := [f"{contact[:80]} {fault}" for contact in contacts if (fault := _fault_of(contact))]:
        return contradicted("contact", "; ".join(wrong[:5]))
    return element("contact", listed(contacts))


def _links(found: dict[str, list[str]]) -> Fact:
    """The other fields that hold an URI: a web address begins with https://."""
    links = [(name, value) for name in LINKS for value in found.get(name, [])]
    if wrong := [f"{name}: {value[:80]} {fault}" for name, value in links if (fault := _fault_of(value))]:
        return contradicted("links", "; ".join(wrong[:5]))
    return element("links", listed(value for _, value in links) if links else "it has no other addresses")


def _expires(found: dict[str, list[str]], expires: datetime | None, now: datetime) -> Fact:
    """2.5.5: exactly one, a date and time of RFC 3339 that lies ahead."""
    values = found.get("expires", [])
    if not values:
        return missing("expires", "there is no Expires field")
    if len(values) > 1:
        return contradicted("expires", f"the field Expires occurs {len(values)} times")
    if expires is None:
        return contradicted("expires", f"{values[0][:80]!r} is not a date and time of RFC 3339")
    if expires <= now:
        return contradicted("expires", f"expired on {values[0]}")
    return element("expires", values[0])


def _languages(found: dict[str, list[str]]) -> Fact:
    """2.5.8: Preferred-Languages at most once, with language tags between commas."""
    values = found.get("preferred-languages", [])
    if len(values) > 1:
        return contradicted("languages", f"the field Preferred-Languages occurs {len(values)} times")
    tags = [tag.strip() for value in values for tag in value.split(",")]
    if wrong := [tag for tag in tags if not _LANGUAGE.fullmatch(tag)]:
        return contradicted("languages", f"not a language tag (RFC 5646): {listed(map(repr, wrong))}")
    return element("languages", ", ".join(tags) if tags else "it prefers no language")
