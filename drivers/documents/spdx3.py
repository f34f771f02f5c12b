"""SPDX 3.0 as JSON-LD: the packages, their relationships, and what is invalid.

The notation of SPDX 3 is plain JSON with a fixed context: elements in `@graph`, which refer to each other by `spdxId`.
Elements can also be written in the place where they are referred to.
"""

import re
from collections import Counter
from collections.abc import Iterator

from drivers.documents.bill import Bill, ListedPart, UnreadError, is_identifier
from drivers.documents.file import entries, fields, listed, text_of

CONTEXT = re.compile(r"https://spdx\.org/rdf/(\d+)\.(\d+)(\.\d+)?/spdx-context\.jsonld")
_NAMELESS = frozenset({"", "NOASSERTION", "NONE"})
_PRIMARY = frozenset({"firmware", "device", "operatingSystem", "application"})
_INDIVIDUAL = re.compile(
    r"(https://spdx\.org/rdf/[\d.]+/terms/\w+/|spdx:\w+/)?(NoneElement|NoAssertionElement|SpdxOrganization)"
)
_IDENTIFIERS = frozenset({"cpe22", "cpe23", "packageUrl", "swid", "swhid", "gitoid", "purl"})

Entry = dict[str, object]


def of_json(document: Entry) -> Bill:
    """Return what an SPDX 3 document says. UnreadError if its version is not known here."""
    graph = list(_elements(document))
    by_id = {_id(one): one for one in graph if _id(one)}
    sboms = [one for one in graph if _kind(one) in {"software_Sbom", "Bom", "SpdxDocument"}]
    roots = [by_id.get(end, {}) for one in sboms for end in _ends(one.get("rootElement"))]
    packages = [one for one in graph if _kind(one) == "software_Package"]
    links = [one for one in graph if _kind(one) in {"Relationship", "LifecycleScopedRelationship"}]
    described = {end for one in links if one.get("relationshipType") == "describes" for end in _ends(one.get("to"))}
    subject = _subject([one for one in packages if any(one is root for root in roots) or _id(one) in described])
    linked = {end for one in links for end in (*_ends(one.get("from")), *_ends(one.get("to")))}
    creation = _creation(sboms, by_id)
    makers = [by_id.get(end, {}) for end in _ends(creation.get("createdBy"))]
    return Bill(
        form=f"SPDX {_version(document, creation)} (JSON-LD)",
        serial=next((_id(one) for one in sboms if _kind(one) == "SpdxDocument"), ""),
        subject_name=text_of(subject.get("name")),
        subject_version=text_of(subject.get("software_packageVersion")),
        parts=tuple(_part(one, by_id, linked) for one in packages if one is not subject),
        authors=tuple(name for one in makers if (name := text_of(one.get("name"))) and _kind(one) not in {"Tool"}),
        timestamp=text_of(creation.get("created")),
        faults=tuple(_faults(document, graph, links, by_id)),
    )


def _elements(document: Entry) -> Iterator[Entry]:
    """Return each object of the document that has a type, wherever it is."""
    waiting: list[object] = [document.get("@graph", document)]
    while waiting:
        value = waiting.pop(0) if len(waiting) < 1000 else waiting.pop()
        if isinstance(value, dict):
            if _kind(value):
                yield value
            waiting.extend(inner for inner in value.values() if isinstance(inner, dict | list))
        elif isinstance(value, list):
            waiting.extend(inner for inner in value if isinstance(inner, dict | list))


def _kind(one: Entry) -> str:
    return text_of(one.get("type")) or text_of(one.get("@type"))


def _id(one: object) -> str:
    """Return the id of an element, or of a reference to one."""
    return text_of(one) or text_of(fields(one).get("spdxId")) or text_of(fields(one).get("@id"))


def _ends(value: object) -> list[str]:
    """Return the ids that a property names; a single value needs no array."""
    return [_id(one) for one in (value if isinstance(value, list) else [value]) if _id(one)]


def _creation(sboms: list[Entry], by_id: dict[str, Entry]) -> Entry:
    """Return the creation information of the document, in place or referred to."""
    for one in sboms:
        given = one.get("creationInfo")
        if found := fields(given) or by_id.get(text_of(given), {}):
            return found
    return {}


def _version(document: Entry, creation: Entry) -> str:
    contexts = document.get("@context")
    named = [text_of(one) for one in (contexts if isinstance(contexts, list) else [contexts])]
    versions = [f"{match[1]}.{match[2]}{match[3] or ''}" for one in named if (match := CONTEXT.fullmatch(one))]
    version = next(iter(versions), text_of(creation.get("specVersion")))
    if version and not version.startswith("3.0"):
        raise UnreadError(f"SPDX {version[:20]} is not a version of SPDX that is known here")
    return version


def _subject(roots: list[Entry]) -> Entry:
    primary = [one for one in roots if text_of(one.get("software_primaryPurpose")) in _PRIMARY]
    return next(iter(primary or roots), {})


def _part(package: Entry, by_id: dict[str, Entry], linked: set[str]) -> ListedPart:
    makers = [by_id.get(end, {}) for role in ("suppliedBy", "originatedBy") for end in _ends(package.get(role))]
    return ListedPart(
        name=text_of(package.get("name")),
        version=text_of(package.get("software_packageVersion")),
        supplier=next((name for one in makers if (name := text_of(one.get("name"))) not in _NAMELESS), ""),
        identifier=next(_identifiers(package), ""),
        related=_id(package) in linked,
    )


def _identifiers(package: Entry) -> Iterator[str]:
    if is_identifier(url := text_of(package.get("software_packageUrl"))):
        yield url
    for one in entries(package.get("externalIdentifier")):
        given = text_of(one.get("identifier"))
        if is_identifier(given) or (given and text_of(one.get("externalIdentifierType")) in _IDENTIFIERS - {"cpe23"}):
            yield given
    for one in entries(package.get("software_contentIdentifier")):
        if value := text_of(one.get("software_contentIdentifierValue")):
            yield value


def _faults(
    document: Entry, graph: list[Entry], links: list[Entry], by_id: dict[str, Entry]
) -> Iterator[tuple[str, str]]:
    if not any(_kind(one) == "SpdxDocument" for one in graph):
        yield "format", "it has no SpdxDocument"
    if nameless := [
        text_of(one.get("name")) or "?" for one in graph if _kind(one) == "software_Package" and not _id(one)
    ]:
        yield "components", f"without an spdxId: {listed(nameless)}"
    ids = Counter(_id(one) for one in graph if set(one) - {"spdxId", "@id", "type", "@type"})
    if twice := [one for one, count in ids.items() if one and count > 1]:
        yield "references", f"the same spdxId occurs twice: {listed(twice)}"
    imported = {text_of(one.get("externalSpdxId")) for element in graph for one in entries(element.get("import"))}
    wanted = {end for one in links for key in ("from", "to") for end in _ends(one.get(key))}
    wanted |= {end for one in graph for key in ("rootElement", "suppliedBy") for end in _ends(one.get(key))}
    unknown = sorted(
        end for end in wanted if end not in by_id and end not in imported and not _INDIVIDUAL.fullmatch(end)
    )
    if unknown:
        yield "references", f"relationships name unknown elements: {listed(map(repr, unknown))}"
    if not any(fields(one.get("creationInfo")) or text_of(one.get("creationInfo")) for one in graph):
        yield "format", "no element has creation information"
