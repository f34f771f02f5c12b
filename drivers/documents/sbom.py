"""The software bill of materials: CycloneDX as JSON (ECMA-424), and the minimum elements of the NTIA (July 2021).

Reads what the manufacturer hands in; whether a part has a known vulnerability is not asked here.
"""

import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.documents.file import (
    Document,
    MalformedError,
    contradicted,
    element,
    entries,
    fields,
    listed,
    malformed,
    missing,
    read_document,
    text_of,
)
from trustprobe.probe import Fact, Observation, Recorder, printable

VERSIONS = ("1.4", "1.5", "1.6")
STRUCTURE = ("format", "serial_number", "subject", "components", "references")
MINIMUM = ("supplier", "name", "version", "identifier", "dependency", "author", "timestamp")
"""The data fields of the NTIA's minimum elements, in its order."""
TYPES = frozenset(
    {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver"}
    | {"firmware", "file", "machine-learning-model", "data", "cryptographic-asset"}
)
_SERIAL = re.compile(r"^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_MOST = 100_000
"""Components that are looked at."""

Part = dict[str, object]


class Sbom(Observation):
    """What an SBOM says; facts for each element of STRUCTURE and MINIMUM."""

    subject: str
    """Name and version of what the SBOM describes, as it says."""
    subject_name: str
    subject_version: str
    parts: int
    """How many components it lists."""
    sha256: str


@dataclass(frozen=True)
class ReadSbom:
    """Read the SBOM whole. Its own witness: what does not stand in it is not there."""

    folder: Path
    file: str

    @property
    def name(self) -> str:
        """One observation."""
        return "sbom"

    def run(self, record: Recorder) -> Sbom:
        """Read and describe it."""
        document = read_document(self.folder, self.file, record)
        try:
            bom: Part = document.json()
        except MalformedError as error:
            return self._observation(document, malformed(STRUCTURE + MINIMUM, error), {}, 0)
        parts = _components(bom)
        facts = (*_structure(bom, parts), *_minimum(bom, parts))
        return self._observation(document, facts, fields(fields(bom.get("metadata")).get("component")), len(parts))

    def _observation(self, document: Document, facts: tuple[Fact, ...], subject: Part, parts: int) -> Sbom:
        name, version = (printable(text_of(subject.get(part)), 256) for part in ("name", "version"))
        return Sbom(
            question="Is the software bill of materials valid, and what does it contain?",
            facts=facts,
            witness=document.witness,
            subject=f"{name} {version}".strip(),
            subject_name=name,
            subject_version=version,
            parts=parts,
            sha256=document.sha256,
        )


def _components(bom: Part) -> list[Part]:
    """Return every component, those inside others as well."""
    found: list[Part] = []
    waiting = deque(entries(bom.get("components")))
    while waiting and len(found) < _MOST:
        part = waiting.popleft()
        found.append(part)
        waiting.extend(entries(part.get("components")))
    return found


def _named(part: Part) -> str:
    return text_of(part.get("name")) or "a component without a name"


def _structure(bom: Part, parts: list[Part]) -> list[Fact]:
    """Describe what makes the document a CycloneDX BOM."""
    facts = []
    kind, version = bom.get("bomFormat"), bom.get("specVersion")
    if kind == "CycloneDX" and version in VERSIONS:
        facts.append(element("format", f"{kind} {version}"))
    else:
        facts.append(contradicted("format", f"{kind!r} {version!r} is not CycloneDX {', '.join(VERSIONS)}"))
    serial = bom.get("serialNumber")
    if serial is None:
        facts.append(missing("serial_number"))
    elif _SERIAL.match(text_of(serial)):
        facts.append(element("serial_number", text_of(serial)))
    else:
        facts.append(contradicted("serial_number", f"{str(serial)[:80]!r} is not a urn:uuid"))
    subject = fields(fields(bom.get("metadata")).get("component"))
    facts.append(_typed("subject", [subject]) if subject else missing("subject", "metadata.component is missing"))
    facts.append(_typed("components", parts) if parts else missing("components", "no component is listed"))
    facts.append(_references(bom, parts))
    return facts


def _typed(about: str, parts: list[Part]) -> Fact:
    wrong = [_named(part) for part in parts if text_of(part.get("type")) not in TYPES or not text_of(part.get("name"))]
    if wrong:
        return contradicted(about, f"without a name or a type of CycloneDX: {listed(wrong)}")
    return element(about, listed(_named(part) for part in parts))


def _references(bom: Part, parts: list[Part]) -> Fact:
    """Each bom-ref is there once, and each dependency names one that is there."""
    subject = fields(fields(bom.get("metadata")).get("component"))
    known = [ref for part in (subject, *parts) if (ref := text_of(part.get("bom-ref")))]
    if len(set(known)) != len(known):
        twice = [ref for ref, count in Counter(known).items() if count > 1]
        return contradicted("references", f"the same bom-ref occurs twice: {listed(twice)}")
    wanted = {ref for edge in entries(bom.get("dependencies")) for ref in _edge(edge)}
    if unknown := sorted(wanted - set(known)):
        return contradicted("references", f"dependencies name unknown components: {listed(unknown)}")
    return element("references", f"{len(known)} references, {len(wanted)} of them in dependencies")


def _edge(edge: Part) -> list[str]:
    inner = edge.get("dependsOn")
    return [text_of(edge.get("ref")), *(text_of(ref) for ref in (inner if isinstance(inner, list) else []))]


def _minimum(bom: Part, parts: list[Part]) -> list[Fact]:
    """Describe the minimum elements: five for each component, two for the document."""
    metadata = fields(bom.get("metadata"))
    linked = {ref for edge in entries(bom.get("dependencies")) for ref in _edge(edge)}
    present: dict[str, Callable[[Part], object]] = {
        "supplier": lambda part: fields(part.get("supplier")).get("name") or part.get("publisher"),
        "name": lambda part: part.get("name"),
        "version": lambda part: part.get("version"),
        "identifier": _identifier,
        "dependency": lambda part: text_of(part.get("bom-ref")) in linked and part["bom-ref"],
    }
    facts = []
    for about, value in present.items():
        without = [_named(part) for part in parts if not text_of(value(part))]
        if not parts:
            facts.append(missing(about, "no component is listed"))
        elif without:
            facts.append(
                missing(about, f"it is missing for {len(without)} of {len(parts)} components: {listed(without)}")
            )
        else:
            facts.append(element(about, f"present for all {len(parts)} components"))
    return [*facts, _author(metadata), _timestamp(metadata)]


def _identifier(part: Part) -> object:
    """Return a package URL, a CPE name, or the tag of a SWID tag."""
    return part.get("purl") or part.get("cpe") or fields(part.get("swid")).get("tagId")


def _author(metadata: Part) -> Fact:
    """Name who made the SBOM: a person, an organisation, or the tool that generated it."""
    people = [text_of(author.get("name")) for author in entries(metadata.get("authors"))]
    makers = [text_of(fields(metadata.get(role)).get("name")) for role in ("manufacturer", "supplier", "manufacture")]
    names = [name for name in people + makers if name]
    return element("author", listed(names)) if names else missing("author", "metadata names no author")


def _timestamp(metadata: Part) -> Fact:
    given = text_of(metadata.get("timestamp"))
    if not given:
        return missing("timestamp", "metadata.timestamp is missing")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return contradicted("timestamp", f"{given[:80]!r} is not a date and time (RFC 3339)")
    if moment.tzinfo is None:
        return contradicted("timestamp", f"{given} names no time zone")
    return element("timestamp", given)
