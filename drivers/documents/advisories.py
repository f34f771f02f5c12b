"""Security advisories as CSAF 2.0 or 2.1 (OASIS): the provider's metadata and the advisories of a product.

Checks what a reader of an advisory rests on, not the whole of CSAF's tests; nothing is fetched. What is said of a
group of products is said of each product in it (3.2.2.3).
"""

import re
from dataclasses import dataclass
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
from drivers.documents.rfc3339 import moment
from lab_config.papers import Advisories
from trustprobe.probe import Answer, Fact, Observation, Recorder, all_of

PROVIDER = ("publisher", "canonical_url", "role", "last_updated", "metadata_version")
VERSIONS = ("2.0", "2.1")
_ROLES = frozenset({"csaf_publisher", "csaf_provider", "csaf_trusted_provider"})
_STATUS = frozenset({"draft", "interim", "final"})
_NOT_IN_A_NAME = re.compile(r"[^+\-a-z0-9]+")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_AFFECTED = ("known_affected", "first_affected", "last_affected")
_UNAFFECTED = ("known_not_affected", "fixed", "first_fixed")
_KNOWN = (*_AFFECTED, *_UNAFFECTED, "recommended", "under_investigation", "unknown")
REMEDIES = frozenset(
    {"mitigation", "no_fix_planned", "none_available", "vendor_fix", "workaround", "fix_planned", "optional_patch"}
)
"""3.2.3.12.1, and the two categories that CSAF 2.1 adds."""
_WITHOUT = frozenset({"csaf_informational_advisory", "csaf_withdrawn", "csaf_superseded"})
"""Categories of documents that describe no vulnerability (4.3, and 4.6 and 4.7 of CSAF 2.1)."""
_SHOWN = 1000
"""Vulnerabilities of one advisory that have a fact although nothing is wrong with them."""


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
        if not count:
            facts.append(missing("vulnerabilities", "no advisory describes a vulnerability"))
        return AdvisoriesRead(
            question="Can customers read about vulnerabilities, their details and their mitigation (CSAF)?",
            facts=tuple(facts),
            witness=all_of([provider.witness, *(document.witness for document in documents)]),
            asked=provider.asked,
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
    space = text_of(publisher.get("namespace"))
    whole = name and text_of(publisher.get("category")) and space.startswith(("https://", "http://"))
    facts = [
        element("provider: publisher", name)
        if whole
        else missing("provider: publisher", "publisher names no category, name and namespace"),
        element("provider: canonical_url", url)
        if url.startswith("https://") and url.endswith("/provider-metadata.json")
        else contradicted("provider: canonical_url", f"{url[:80]!r} is not an https address of provider-metadata.json"),
        element("provider: role", str(metadata["role"]))
        if text_of(metadata.get("role")) in _ROLES
        else contradicted("provider: role", f"{str(metadata.get('role'))[:80]!r} is not a role of CSAF"),
        _moment("provider: last_updated", metadata.get("last_updated")),
        _version("provider: metadata_version", metadata.get("metadata_version")),
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
        _version(f"{short}: version", frame.get("csaf_version")),
        element(f"{short}: status", str(tracking["status"]))
        if text_of(tracking.get("status")) in _STATUS
        else contradicted(f"{short}: status", f"tracking.status is {str(tracking.get('status'))[:20]!r}"),
        _file_name(short, text_of(tracking.get("id"))),
        _moment(f"{short}: released", tracking.get("current_release_date")),
    ]
    vulnerabilities = entries(csaf.get("vulnerabilities"))
    if not vulnerabilities and text_of(frame.get("category")) not in _WITHOUT:
        facts.append(missing(f"{short}: vulnerabilities", "it describes no vulnerability"))
    tree = ProductTree.read(csaf.get("product_tree"))
    for number, vulnerability in enumerate(vulnerabilities, 1):
        fact = _vulnerability(short, number, vulnerability, tree)
        if number <= _SHOWN or fact.answer is not Answer.SEEN:
            facts.append(fact)
    publishers = [text_of(publisher.get("name"))] if text_of(publisher.get("name")) else []
    return facts, publishers, len(vulnerabilities)


def _version(about: str, given: object) -> Fact:
    version = text_of(given)
    if version in VERSIONS:
        return element(about, version)
    return contradicted(about, f"is {str(given)[:20]!r}, not {' or '.join(VERSIONS)}")


def _file_name(short: str, identifier: str) -> Fact:
    """Clause 5.1: the tracking id in lower case, each run of other characters an underscore."""
    expected = f"{_NOT_IN_A_NAME.sub('_', identifier.lower())}.json"
    about = f"{short}: file name"
    return element(about, expected) if short == expected else contradicted(about, f"is not {expected[:80]}")


def _moment(about: str, value: object) -> Fact:
    given = text_of(value)
    if not given:
        return missing(about)
    if moment(given) is None:
        return contradicted(about, f"{given[:80]!r} is not a date and time of RFC 3339")
    return element(about, given)


@dataclass(frozen=True)
class ProductTree:
    """The products and the groups of products that an advisory defines, by their ids."""

    products: frozenset[str]
    groups: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, tree: object) -> "ProductTree":
        """Read a product tree; branches are followed to the reader's depth."""
        given = fields(tree)
        found = {text_of(entry.get("product_id")) for entry in entries(given.get("full_product_names"))}
        for entry in entries(given.get("relationships")) + entries(given.get("product_paths")):
            found.add(text_of(fields(entry.get("full_product_name")).get("product_id")))
        waiting = entries(given.get("branches"))
        while waiting:
            branch = waiting.pop()
            found.add(text_of(fields(branch.get("product")).get("product_id")))
            waiting += entries(branch.get("branches"))
        groups = {
            text_of(entry.get("group_id")): tuple(_names(entry.get("product_ids")))
            for entry in entries(given.get("product_groups"))
        }
        return cls(frozenset(found - {""}), groups)

    def named_by(self, entry: dict[str, object]) -> set[str]:
        """Return the products that an entry names, one by one or as groups."""
        groups = [self.groups.get(group, ()) for group in _names(entry.get("group_ids"))]
        return {*_names(entry.get("product_ids")), *(product for group in groups for product in group)}

    def undefined(self, entry: dict[str, object]) -> set[str]:
        """Return the ids of an entry that the tree does not define."""
        return (self.named_by(entry) - self.products) | (set(_names(entry.get("group_ids"))) - set(self.groups))


def _vulnerability(short: str, number: int, entry: dict[str, object], tree: ProductTree) -> Fact:
    """Describe one vulnerability: named, described, whom it affects, and what they can do."""
    cve = text_of(entry.get("cve"))
    ids = next((text_of(one.get("text")) for one in entries(entry.get("ids")) if text_of(one.get("text"))), "")
    identifier = cve or ids or text_of(entry.get("title"))
    about = f"{short}: {(identifier or f'vulnerability {number}')[:40]}"
    status = fields(entry.get("product_status"))
    named = {name: set(_names(status.get(name))) for name in _KNOWN}
    remedies = entries(entry.get("remediations"))
    if wrong := _contradictions(cve, named, remedies, tree):
        return contradicted(about, "; ".join(wrong))
    affected = set().union(*(named[name] for name in _AFFECTED))
    remedied = set().union(*(tree.named_by(one) for one in remedies if text_of(one.get("details"))))
    gaps = []
    if not identifier:
        gaps.append("neither cve nor ids nor title")
    if not any(text_of(note.get("text")) for note in entries(entry.get("notes"))):
        gaps.append("no note with its details")
    if not any(named.values()):
        gaps.append("no product_status")
    if without := sorted(affected - remedied):
        gaps.append(f"no remediation for {listed(without)}")
    return missing(about, "; ".join(gaps)) if gaps else element(about, "is described with status and remediation")


def _contradictions(
    cve: str, named: dict[str, set[str]], remedies: list[dict[str, object]], tree: ProductTree
) -> list[str]:
    """Return what CSAF forbids: undefined ids (6.1.1, 6.1.4), a status against another (6.1.6), unknown words."""
    wrong = [f"{cve[:40]!r} is not a CVE number"] if cve and not _CVE.fullmatch(cve) else []
    undefined = set().union(*named.values()) - tree.products
    undefined = undefined.union(*(tree.undefined(one) for one in remedies))
    if undefined:
        wrong.append(f"product_tree defines no {listed(sorted(undefined))}")
    affected, others = (set().union(*(named[name] for name in names)) for names in (_AFFECTED, _UNAFFECTED))
    if both := sorted(affected & others):
        wrong.append(f"both affected and not affected: {listed(both)}")
    if unknown := [text for one in remedies if (text := str(one.get("category"))) not in REMEDIES]:
        wrong.append(f"not a category of remediation: {listed(map(repr, unknown))}")
    return wrong


def _names(value: object) -> list[str]:
    return [text_of(one) for one in value if text_of(one)] if isinstance(value, list) else []
