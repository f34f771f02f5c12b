"""CycloneDX (ECMA-424) from 1.0 to 1.7, as JSON and as XML: the components, their relations, and what is invalid.

The schemas are those of the project, in cyclonedx-python-lib. XML is brought into the form of the JSON.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from drivers.documents.bill import Bill, ListedPart, UnreadError, is_identifier
from drivers.documents.cyclonedx_schema import VERSIONS, Validation, json_faults, xml_faults
from drivers.documents.file import Document, entries, fields, listed, text_of
from drivers.documents.markup import local, space

SPACE = "http://cyclonedx.org/schema/bom/"
TYPES = frozenset(
    {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver"}
    | {"firmware", "file", "machine-learning-model", "data", "cryptographic-asset"}
)
_LISTS = frozenset({"components", "services", "authors", "compositions", "assemblies", "dependencies"})
"""Elements of the XML that are arrays in the JSON."""
_LINK = re.compile(r"urn:cdx:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([1-9][0-9]*)(?:#(.+))?", re.IGNORECASE)
"""A BOM-Link: another bill of materials, or an element of it (https://cyclonedx.org/capabilities/bomlink/)."""
_NEWER = re.compile(r"(\d{1,3})\.(\d{1,3})")
_MOST = 100_000
"""Components that are looked at."""

Entry = dict[str, object]


def of_json(bom: Entry) -> Bill:
    """Return what a CycloneDX document in JSON says. UnreadError if its version is newer than those known here."""
    version = text_of(bom.get("specVersion"))
    faults = [] if bom.get("bomFormat") == "CycloneDX" else [("format", f"bomFormat is {bom.get('bomFormat')!r}")]
    return _bill(bom, "JSON", [*faults, *_version_faults(version)], json_faults)


def of_xml(document: Document, root: Element) -> Bill:
    """Return what a CycloneDX document in XML says. UnreadError if its version is newer than those known here."""
    bom = fields(_plain(root))
    bom["specVersion"] = version = space(root).removeprefix(SPACE)
    return _bill(bom, "XML", _version_faults(version), lambda _bom, known: xml_faults(document, known))


def _version_faults(version: str) -> list[tuple[str, str]]:
    if version in VERSIONS:
        return []
    newer = _NEWER.fullmatch(version)
    if newer and tuple(map(int, newer.groups())) > tuple(map(int, VERSIONS[-1].split("."))):
        raise UnreadError(f"CycloneDX {version} is newer than {VERSIONS[-1]}, the newest version that is known here")
    return [("format", f"specVersion is {version[:20]!r}, not one of {', '.join(VERSIONS)}")]


def _bill(bom: Entry, notation: str, faults: list[tuple[str, str]], validated: Validation) -> Bill:
    version = text_of(bom.get("specVersion"))
    metadata = fields(bom.get("metadata"))
    subject = fields(metadata.get("component"))
    found = list(_components(bom, subject))
    if version in VERSIONS:
        faults += validated(bom, version)
    faults += [("components", fault) for part, _ in found if (fault := _fault(part))]
    if subject and (fault := _fault(subject)):
        faults.append(("subject", fault))
    faults += _reference_faults(bom)
    linked = _linked(bom)
    parts = tuple(
        ListedPart(
            name=text_of(part.get("name")),
            version=text_of(part.get("version")) or text_of(part.get("versionRange")),
            supplier=_supplier(part),
            identifier=_identifier(part),
            related=inside or bool(entries(part.get("components"))) or text_of(part.get("bom-ref")) in linked,
        )
        for part, inside in found
    )
    return Bill(
        form=f"CycloneDX {version} ({notation})",
        serial=text_of(bom.get("serialNumber")),
        subject_name=text_of(subject.get("name")),
        subject_version=text_of(subject.get("version")),
        parts=parts,
        authors=tuple(_authors(metadata)),
        timestamp=text_of(metadata.get("timestamp")),
        faults=tuple(faults),
    )


def _components(bom: Entry, subject: Entry) -> Iterator[tuple[Entry, bool]]:
    """Return every component but the subject, and whether it is inside another one."""
    waiting = deque([(part, True) for part in entries(subject.get("components"))])
    waiting.extend((part, False) for part in entries(bom.get("components")))
    for _ in range(_MOST):
        if not waiting:
            return
        part, inside = waiting.popleft()
        yield part, inside
        waiting.extend((one, True) for one in entries(part.get("components")))


def _fault(part: Entry) -> str:
    name, kind = text_of(part.get("name")), text_of(part.get("type"))
    if name and kind in TYPES:
        return ""
    return f"{name or 'a component without a name'}: {kind or 'no type'!r} is not a type of component or it has no name"


def _supplier(part: Entry) -> str:
    """Return who supplies it, or who made, published or wrote it (component.manufacturer and authors: 1.6)."""
    makers = [text_of(fields(part.get(role)).get("name")) for role in ("supplier", "manufacturer")]
    authors = [text_of(author.get("name")) for author in entries(part.get("authors"))]
    named = [*makers, text_of(part.get("publisher")), *authors, text_of(part.get("author"))]
    return next((name for name in named if name), "")


def _identifier(part: Entry) -> str:
    known = [text_of(part.get(key)) for key in ("purl", "cpe")]
    given = [name for name in known if is_identifier(name)]
    given.append(text_of(fields(part.get("swid")).get("tagId")))
    for key in ("omniborId", "swhid"):
        value = part.get(key)
        given += [text_of(one) for one in value] if isinstance(value, list) else [text_of(value)]
    return next((name for name in given if name), "")


def _authors(metadata: Entry) -> Iterator[str]:
    """Name who made the document: people, or an organisation."""
    for author in entries(metadata.get("authors")):
        if name := text_of(author.get("name")) or text_of(author.get("email")):
            yield name
    for role in ("manufacturer", "supplier", "manufacture"):
        if name := text_of(fields(metadata.get(role)).get("name")):
            yield name


def _edges(bom: Entry) -> Iterator[str]:
    for edge in entries(bom.get("dependencies")):
        yield text_of(edge.get("ref"))
        for key in ("dependsOn", "provides"):
            inner = edge.get(key)
            yield from (text_of(ref) for ref in (inner if isinstance(inner, list) else []))


def _linked(bom: Entry) -> set[str]:
    """Return the references whose relations are stated; a composition may state that they are unknown."""
    linked = set(_edges(bom))
    for composition in entries(bom.get("compositions")):
        for key in ("assemblies", "dependencies"):
            inner = composition.get(key)
            listed_there = inner if isinstance(inner, list) else []
            linked |= {text_of(ref) or text_of(fields(ref).get("ref")) for ref in listed_there}
    return linked - {""}


def _reference_faults(bom: Entry) -> list[tuple[str, str]]:
    """Each bom-ref is there once, and each dependency names one that is there, or another document."""
    known = Counter(_references(bom))
    faults = []
    if twice := [ref for ref, count in known.items() if count > 1]:
        faults.append(("references", f"the same bom-ref occurs twice: {listed(twice)}"))
    own = (text_of(bom.get("serialNumber")).lower().removeprefix("urn:uuid:"), str(bom.get("version", 1)))
    if unknown := sorted({ref for ref in _edges(bom) if not _leads(ref, known, own)}):
        faults.append(("references", f"dependencies name unknown components: {listed(map(repr, unknown))}"))
    return faults


def _leads(ref: str, known: Counter[str], own: tuple[str, str]) -> bool:
    if ref in known:
        return True
    link = _LINK.fullmatch(ref)
    if link is None:
        return False
    return (link[1].lower(), link[2]) != own or link[3] is None or unquote(link[3]) in known


def _references(bom: Entry) -> Iterator[str]:
    """Return each bom-ref of the document, wherever it is."""
    waiting: list[object] = [bom]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if ref := text_of(value.get("bom-ref")):
                yield ref
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _plain(node: Element) -> object:
    """Return an element in the form of the JSON, as far as it is read here."""
    name = local(node)
    if name in _LISTS:
        return [_plain(child) for child in node]
    if name == "dependency":
        inner = {local(child) for child in node}
        found: dict[str, object] = {"ref": node.get("ref", "")}
        for kind, key in (("dependency", "dependsOn"), ("provides", "provides")):
            if kind in inner:
                found[key] = [child.get("ref", "") for child in node if local(child) == kind]
        return found
    if name == "assembly":
        return node.get("ref", "")
    if not len(node) and not (set(node.keys()) - {"mime-type"}):
        return (node.text or "").strip()
    content: dict[str, object] = dict(node.items())
    for child in node:
        content.setdefault(local(child), _plain(child))
    return content
