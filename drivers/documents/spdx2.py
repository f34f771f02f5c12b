"""SPDX 2.2 and 2.3 (ISO/IEC 5962) in each of its notations: the packages, their relationships, and what is invalid.

spdx-tools parses each notation. What is described here are the members of the JSON, which the others are brought into.
"""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, tostring

import yaml

from drivers.documents.bill import Bill, ListedPart, UnreadError, is_identifier
from drivers.documents.file import DEEPEST, Document, MalformedError, entries, fields, listed, text_of
from drivers.documents.rfc3339 import moment

VERSIONS = ("SPDX-2.0", "SPDX-2.1", "SPDX-2.2", "SPDX-2.3")
_MANDATORY = ("SPDXID", "name", "dataLicense", "documentNamespace")
_NEWER = re.compile(r"SPDX-\d+\.\d+")
_NOTHING = frozenset({"", "NONE", "NOASSERTION"})
_PRIMARY = frozenset({"FIRMWARE", "DEVICE", "OPERATING-SYSTEM", "OPERATING_SYSTEM", "APPLICATION"})
_WHO = re.compile(r"(Person|Organization):\s*(.*?)\s*(\([^()]*\))?\s*")
_MOST = 2_000
"""Entries of an array that the library looks at; the readers here look at all of them."""
_LONGEST = 500
"""Characters of a name; the pattern takes the square of their number."""
_CREATED = re.compile(r"^(Created:[ \t]*)(\S+)[ \t]*$", re.MULTILINE)
_IDENTIFIERS = frozenset({"swid", "swh", "gitoid"})
_DATES = frozenset({"created", "annotationDate", "builtDate", "releaseDate", "validUntilDate"})
_LICENCES = frozenset(
    {"licenseConcluded", "licenseDeclared", "licenseInfoFromFiles", "licenseInfoInFiles", "licenseInfoInSnippets"}
)
_ARRAYS = frozenset(
    {"creators", "externalDocumentRefs", "documentDescribes", "packages", "files", "snippets", "relationships"}
    | {"externalRefs", "checksums", "annotations", "hasExtractedLicensingInfos", "seeAlsos", "hasFiles", "fileTypes"}
    | {"licenseInfoFromFiles", "licenseInfoInFiles", "fileContributors", "fileDependencies", "attributionTexts"}
    | {"ranges", "licenseInfoInSnippets", "packageVerificationCodeExcludedFiles", "artifactOfs", "crossRefs"}
)
"""Members of the JSON that are arrays, also where the XML has one element."""
_FLAGS = {"true": True, "false": False}

_NODES = 2_000_000
"""Values of a YAML document, its aliases written out."""

Entry = dict[str, Any]


def of_json(document: Entry) -> Bill:
    """Return what an SPDX document in JSON says. UnreadError if its version is newer than those known here."""
    return _bill(document, "JSON", _faults_of_json(document))


def of_yaml(document: Document) -> Bill:
    """Return what an SPDX document in YAML says. MalformedError if its aliases expand without bound."""
    text = document.text()
    try:
        _bound(yaml.parse(text, Loader=yaml.CBaseLoader))
        content = yaml.load(text, Loader=yaml.CBaseLoader)
    except yaml.YAMLError as error:
        raise MalformedError(f"not YAML: {' '.join(str(error).split())[:160]}") from None
    if not isinstance(content, dict):
        raise MalformedError("not a YAML mapping")
    content = _typed(content)
    return _bill(content, "YAML", _faults_of_json(content))


def _bound(events: Iterable[yaml.Event]) -> None:
    """Follow a YAML document with its aliases as if they were written out. MalformedError beyond bounds."""
    known: dict[str, tuple[int, int]] = {}
    open_now: list[tuple[str | None, int, int]] = [(None, 0, 0)]
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            open_now.append((event.anchor, 1, 1))
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in known:
                raise MalformedError("an alias of the YAML contains itself")
            anchor, nodes, levels = None, *known[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            anchor, nodes, levels = event.anchor, 1, 0
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, nodes, levels = open_now.pop()
        else:
            continue
        if anchor:
            known[anchor] = nodes, levels
        outer, before, deepest = open_now[-1]
        open_now[-1] = outer, before + nodes, max(deepest, levels + 1)
        if before + nodes > _NODES:
            raise MalformedError("the aliases of the YAML expand to more than it may hold")
        if len(open_now) + levels > DEEPEST:
            raise MalformedError("the YAML is nested too deeply")


def of_xml(root: Element) -> Bill:
    """Return what an SPDX document in XML says (the form without RDF)."""
    content = _typed(_plain(root))
    return _bill(content, "XML", _faults_of_json(content))


def of_tag_value(document: Document) -> Bill:
    """Return what an SPDX document in tag-value form says."""
    from ply.yacc import NullLogger
    from spdx_tools.spdx.parser.tagvalue.parser import Parser

    text = _CREATED.sub(lambda match: match[1] + _canonical(match[2]), document.text().replace("\r\n", "\n"))
    given = _CREATED.search(document.text())
    parser = Parser(debug=False, write_tables=False, errorlog=NullLogger())
    return _of_model(lambda: parser.parse(text), "tag-value", given[2] if given else "")


def of_rdf(root: Element) -> Bill:
    """Return what an SPDX document in RDF/XML says; the XML was parsed safely before."""
    from rdflib import Graph
    from spdx_tools.spdx.parser.rdf.rdf_parser import translate_graph_to_document

    dates = [node for node in root.iter() if str(node.tag).rpartition("}")[2] in _DATES]
    created = next((node.text or "" for node in dates if str(node.tag).endswith("}created")), "")
    for node in dates:
        node.text = _canonical((node.text or "").strip())

    def parsed() -> Any:
        graph = Graph()
        graph.parse(data=tostring(root), format="xml")
        return translate_graph_to_document(graph)

    return _of_model(parsed, "RDF", created.strip())


def _of_model(parse: Callable[[], Any], notation: str, created: str) -> Bill:
    """Return what the document of the library says.

    MalformedError, with the library's reasons, if it refuses the document. UnreadError if it fails itself.
    """
    from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
    from spdx_tools.spdx.parser.error import SPDXParsingError

    try:
        with warnings.catch_warnings(action="ignore"):
            content = DocumentConverter().convert(parse())
    except SPDXParsingError as error:
        raise MalformedError(f"not SPDX ({notation}): {listed(_short(error.get_messages()))}") from None
    except Exception as error:  # noqa: BLE001 - the library raises whatever it meets
        raise UnreadError(
            f"the parser of SPDX ({notation}) failed: {type(error).__name__}: {str(error)[:160]}"
        ) from None
    if created:
        content["creationInfo"]["created"] = created
    return _bill(content, notation, [])


def _faults_of_json(document: Entry) -> list[tuple[str, str]]:
    """Return why the library does not accept a document, and which mandatory members are missing.

    The library wants dates in UTC and the syntax of licence expressions. Neither is part of the schema, or of what a
    list of parts is for. If it fails itself, nothing is known about the format: UnreadError.
    """
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser

    absent = [name for name in _MANDATORY if not text_of(document.get(name))]
    absent += [] if fields(document.get("creationInfo")) else ["creationInfo"]
    faults = [("format", f"it lacks {listed(absent)}")] if absent else []
    try:
        with warnings.catch_warnings(action="ignore"):
            JsonLikeDictParser().parse(_acceptable(document))
    except SPDXParsingError as error:
        return [*faults, *(("format", message) for message in _short(error.get_messages()))]
    except Exception as error:  # noqa: BLE001 - the library raises whatever it meets
        if faults:
            return faults
        raise UnreadError(f"the parser of SPDX failed: {type(error).__name__}: {str(error)[:160]}") from None
    return faults


def _short(messages: list[str]) -> list[str]:
    return [" ".join(message.split())[:200] for message in messages]


def _acceptable(value: Any) -> Any:
    """Return a document for the library: no licences, dates as SPDX writes them, and the first entries of arrays."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key not in _LICENCES}
        return {key: _canonical(inner) if key in _DATES else _acceptable(inner) for key, inner in kept.items()}
    return [_acceptable(inner) for inner in value[:_MOST]] if isinstance(value, list) else value


def _canonical(date: Any) -> Any:
    found = moment(date) if isinstance(date, str) else None
    return found.strftime("%Y-%m-%dT%H:%M:%SZ") if found and found.year > 999 else date


def _typed(value: Any, key: str = "") -> Any:
    """Return a document of texts only with the arrays and flags of the JSON."""
    if isinstance(value, dict):
        value = {name: _typed(inner, name) for name, inner in value.items()}
    elif isinstance(value, list):
        value = [_typed(inner) for inner in value]
    elif key == "filesAnalyzed":
        value = _FLAGS.get(str(value).lower(), value)
    return [value] if key in _ARRAYS and not isinstance(value, list) else value


def _plain(node: Element) -> Any:
    """Return an element as the JSON has it: repeated children become an array."""
    if not len(node):
        return (node.text or "").strip()
    found: Entry = {}
    for child in node:
        name, inner = str(child.tag).rpartition("}")[2], _plain(child)
        if name not in found:
            found[name] = [inner] if name in _ARRAYS else inner
        elif isinstance(found[name], list):
            found[name].append(inner)
        else:
            found[name] = [found[name], inner]
    return found


def _bill(document: Entry, notation: str, faults: list[tuple[str, str]]) -> Bill:
    version, space = text_of(document.get("spdxVersion")), text_of(document.get("documentNamespace"))
    if version not in VERSIONS:
        if _NEWER.fullmatch(version):
            raise UnreadError(f"{version} is not a version of SPDX that is known here")
        faults = [("format", f"spdxVersion is {version[:20]!r}, not one of {', '.join(VERSIONS)}"), *faults]
    packages, links = entries(document.get("packages")), list(_links(document))
    described = [to for of, kind, to in links if kind == "DESCRIBES" and of == document.get("SPDXID")]
    subject = _subject(packages, described)
    linked = {end for of, kind, to in links if of != to for end in (of, to)}
    creation = fields(document.get("creationInfo"))
    return Bill(
        form=f"{version.replace('-', ' ')} ({notation})",
        serial=space,
        subject_name=text_of(subject.get("name")),
        subject_version=text_of(subject.get("versionInfo")),
        parts=tuple(_part(package, linked) for package in packages if package is not subject),
        authors=tuple(_authors(creation)),
        timestamp=text_of(creation.get("created")),
        faults=(*faults, *_reference_faults(document, packages, links)),
    )


def _part(package: Entry, linked: set[str]) -> ListedPart:
    suppliers = [_who(text_of(package.get(role))) for role in ("supplier", "originator")]
    version = text_of(package.get("versionInfo"))
    return ListedPart(
        name=text_of(package.get("name")),
        version="" if version in _NOTHING else version,
        supplier=next((name for name in suppliers if name), ""),
        identifier=next(_identifiers(package), ""),
        related=text_of(package.get("SPDXID")) in linked,
    )


def _who(actor: str) -> str:
    """Return the name of a person or an organisation; an empty text for tools and for no assertion."""
    match = _WHO.fullmatch(actor[:_LONGEST])
    if match:
        return match[2]
    return "" if actor in _NOTHING or actor.startswith("Tool:") else actor


def _authors(creation: Entry) -> Iterator[str]:
    creators = creation.get("creators")
    for creator in creators if isinstance(creators, list) else []:
        if name := _who(text_of(creator)):
            yield name


def _identifiers(package: Entry) -> Iterator[str]:
    for reference in entries(package.get("externalRefs")):
        locator = text_of(reference.get("referenceLocator"))
        if is_identifier(locator) or (locator and text_of(reference.get("referenceType")) in _IDENTIFIERS):
            yield locator


def _links(document: Entry) -> Iterator[tuple[str, str, str]]:
    """Return each relationship, the short forms of the JSON among them."""
    own = text_of(document.get("SPDXID"))
    described = document.get("documentDescribes")
    for one in described if isinstance(described, list) else []:
        yield own, "DESCRIBES", text_of(one)
    for one in entries(document.get("relationships")):
        of, to = text_of(one.get("spdxElementId")), text_of(one.get("relatedSpdxElement"))
        kind = text_of(one.get("relationshipType")).upper()
        yield (to, "DESCRIBES", of) if kind == "DESCRIBED_BY" else (of, kind, to)
    for package in entries(document.get("packages")):
        files = package.get("hasFiles")
        for one in files if isinstance(files, list) else []:
            yield text_of(package.get("SPDXID")), "CONTAINS", text_of(one)


def _subject(packages: list[Entry], described: list[str]) -> Entry:
    """Return the package that the document describes; of several, the one whose purpose is to be a product."""
    candidates = [package for package in packages if text_of(package.get("SPDXID")) in described]
    primary = [one for one in candidates if text_of(one.get("primaryPackagePurpose")) in _PRIMARY]
    return next(iter(primary or candidates), {})


def _reference_faults(
    document: Entry, packages: list[Entry], links: list[tuple[str, str, str]]
) -> Iterator[tuple[str, str]]:
    own = text_of(document.get("SPDXID"))
    others = [one for key in ("files", "snippets") for one in entries(document.get(key))]
    ids = Counter(text_of(one.get("SPDXID")) for one in [document, *packages, *others])
    if nameless := [
        text_of(one.get("name")) or "a package without a name" for one in packages if not one.get("SPDXID")
    ]:
        yield "components", f"without an SPDXID: {listed(nameless)}"
    if twice := [one for one, count in ids.items() if one and count > 1]:
        yield "references", f"the same SPDXID occurs twice: {listed(twice)}"
    elsewhere = {text_of(one.get("externalDocumentId")) for one in entries(document.get("externalDocumentRefs"))}
    ends = {end for of, _, to in links for end in (of, to)} - _NOTHING - {own}
    unknown = sorted(end for end in ends if end not in ids and end.partition(":")[0] not in elsewhere)
    if unknown:
        yield "references", f"relationships name unknown elements: {listed(map(repr, unknown))}"
