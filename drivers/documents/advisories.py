"""Security advisories as CSAF 2.0 (OASIS, November 2022): the provider's metadata and the advisories of a product.

Checks what a reader of an advisory rests on, not the whole of CSAF's tests; nothing is fetched.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from drivers.documents.file import (
    Document,
    MalformedError,
    contradicted,
    element,
    entries,
    fields,
    listed,
    missing,
    read_document,
    text_of,
)
from lab_config.papers import Advisories
from trustprobe.probe import Fact, Observation, Recorder, all_of

PROVIDER = ("publisher", "canonical_url", "role", "last_updated")
_ROLES = frozenset({"csaf_publisher", "csaf_provider", "csaf_trusted_provider"})
_STATUS = frozenset({"draft", "interim", "final"})
_NOT_IN_A_NAME = re.compile(r"[^+\-a-z0-9]+")
_AFFECTED = ("known_affected", "first_affected", "last_affected")
_KNOWN = (*_AFFECTED, "known_not_affected", "fixed", "first_fixed", "recommended", "under_investigation")


class AdvisoriesRead(Observation):
    """What the advisories say; facts `provider: PART`, and `FILE: PART` for each advisory."""

    publishers: tuple[str, ...]
    """Names of the publishers, of the provider and of each advisory."""
    vulnerabilities: int


@dataclass(frozen=True)
class ReadAdvisories:
    """Read the provider's metadata and each advisory whole."""

    folder: Path
    declared: Advisories

    @property
    def name(self) -> str:
        """One observation."""
        return "advisories"

    def run(self, record: Recorder) -> AdvisoriesRead:
        """Read and describe them."""
        provider = read_document(self.folder, self.declared.provider_metadata, record)
        documents = [read_document(self.folder, file, record) for file in self.declared.advisories]
        facts, publishers, count = _provider(provider)
        for document in documents:
            more, publisher, vulnerabilities = _advisory(document)
            facts += more
            publishers += publisher
            count += vulnerabilities
        return AdvisoriesRead(
            question="Can customers read about vulnerabilities, their details and their mitigation (CSAF 2.0)?",
            facts=tuple(facts),
            witness=all_of([provider.witness, *(document.witness for document in documents)]),
            publishers=tuple(dict.fromkeys(publishers)),
            vulnerabilities=count,
        )


def _provider(document: Document) -> tuple[list[Fact], list[str], int]:
    """Describe provider-metadata.json (clause 7.1.7 and its schema)."""
    try:
        metadata = document.json()
    except MalformedError as error:
        return [contradicted(f"provider: {part}", str(error)) for part in PROVIDER], [], 0
    publisher = fields(metadata.get("publisher"))
    name, url = text_of(publisher.get("name")), text_of(metadata.get("canonical_url"))
    whole = name and text_of(publisher.get("category")) and text_of(publisher.get("namespace")).startswith("https://")
    facts = [
        element("provider: publisher", name)
        if whole
        else missing("provider: publisher", "publisher names no category, name and https namespace"),
        element("provider: canonical_url", url)
        if url.startswith("https://") and url.endswith("/provider-metadata.json")
        else contradicted("provider: canonical_url", f"{url[:80]!r} is not an https address of provider-metadata.json"),
        element("provider: role", str(metadata["role"]))
        if text_of(metadata.get("role")) in _ROLES
        else contradicted("provider: role", f"{str(metadata.get('role'))[:80]!r} is not a role of CSAF"),
        _moment("provider: last_updated", metadata.get("last_updated")),
    ]
    return facts, [name] if name else [], 0


def _advisory(document: Document) -> tuple[list[Fact], list[str], int]:
    """Describe one advisory: its frame, its file name, and what it says of each vulnerability."""
    short = PurePosixPath(document.name).name
    try:
        csaf = document.json()
    except MalformedError as error:
        return [contradicted(f"{short}: document", str(error))], [], 0
    frame = fields(csaf.get("document"))
    tracking, publisher = fields(frame.get("tracking")), fields(frame.get("publisher"))
    wanted = {
        "title": frame.get("title"),
        "category": frame.get("category"),
        "publisher": publisher.get("name"),
        "tracking.id": tracking.get("id"),
        "tracking.version": tracking.get("version"),
    }
    absent = [name for name, value in wanted.items() if not text_of(value)]
    facts = [
        missing(f"{short}: document", f"document lacks {listed(absent)}")
        if absent
        else element(f"{short}: document", f"{wanted['title']} ({wanted['tracking.id']})"),
        element(f"{short}: version", "2.0")
        if frame.get("csaf_version") == "2.0"
        else contradicted(f"{short}: version", f"csaf_version is {str(frame.get('csaf_version'))[:20]!r}, not 2.0"),
        element(f"{short}: status", str(tracking["status"]))
        if text_of(tracking.get("status")) in _STATUS
        else contradicted(f"{short}: status", f"tracking.status is {str(tracking.get('status'))[:20]!r}"),
        _file_name(short, text_of(tracking.get("id"))),
        _moment(f"{short}: released", tracking.get("current_release_date")),
    ]
    products = _products(csaf.get("product_tree"))
    vulnerabilities = entries(csaf.get("vulnerabilities"))
    if not vulnerabilities:
        facts.append(missing(f"{short}: vulnerabilities", "it describes no vulnerability"))
    for number, vulnerability in enumerate(vulnerabilities[:1000], 1):
        facts.append(_vulnerability(short, number, vulnerability, products))
    publishers = [text_of(publisher.get("name"))] if text_of(publisher.get("name")) else []
    return facts, publishers, len(vulnerabilities)


def _file_name(short: str, identifier: str) -> Fact:
    """Clause 5.1: the tracking id in lower case, each run of other characters an underscore."""
    expected = f"{_NOT_IN_A_NAME.sub('_', identifier.lower())}.json"
    about = f"{short}: file name"
    return element(about, expected) if short == expected else contradicted(about, f"is not {expected[:80]}")


def _moment(about: str, value: object) -> Fact:
    given = text_of(value)
    if not given:
        return missing(about)
    try:
        zone = datetime.fromisoformat(given).tzinfo
    except ValueError:
        zone = None
    return (
        element(about, given)
        if zone
        else contradicted(about, f"{given[:80]!r} is not a date and time with a time zone")
    )


def _products(tree: object) -> frozenset[str]:
    """Return the product ids that a product tree defines; branches are followed to the reader's depth."""
    found = {text_of(entry.get("product_id")) for entry in entries(fields(tree).get("full_product_names"))}
    for entry in entries(fields(tree).get("relationships")):
        found.add(text_of(fields(entry.get("full_product_name")).get("product_id")))
    waiting = entries(fields(tree).get("branches"))
    while waiting:
        branch = waiting.pop()
        found.add(text_of(fields(branch.get("product")).get("product_id")))
        waiting += entries(branch.get("branches"))
    return frozenset(found - {""})


def _vulnerability(short: str, number: int, entry: dict[str, object], products: frozenset[str]) -> Fact:
    """Describe one vulnerability: named, described, whom it affects, and what they can do."""
    identifier = text_of(entry.get("cve")) or next((text_of(one.get("text")) for one in entries(entry.get("ids"))), "")
    about = f"{short}: {(identifier or f'vulnerability {number}')[:40]}"
    status = fields(entry.get("product_status"))
    named = {name: _names(status.get(name)) for name in _KNOWN}
    affected = {one for name in _AFFECTED for one in named[name]}
    remedied = {one for remedy in entries(entry.get("remediations")) for one in _names(remedy.get("product_ids"))}
    gaps = []
    if not identifier:
        gaps.append("neither cve nor ids")
    if not any(text_of(note.get("text")) for note in entries(entry.get("notes"))):
        gaps.append("no note with its details")
    if not any(named.values()):
        gaps.append("no product_status")
    if without := sorted(affected - remedied):
        gaps.append(f"no remediation for {listed(without)}")
    if unknown := sorted({one for names in named.values() for one in names} - products):
        return contradicted(about, f"product_tree defines no {listed(unknown)}")
    return missing(about, "; ".join(gaps)) if gaps else element(about, "is described with status and remediation")


def _names(value: object) -> list[str]:
    return [text_of(one) for one in value if text_of(one)] if isinstance(value, list) else []
