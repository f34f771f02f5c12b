"""The schemas of CycloneDX: what a document contradicts of them, in a time that grows with its size only."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from drivers.documents.file import Document

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
Faults = list[tuple[str, str]]
Validation = Callable[[dict[str, object], str], Faults]
_FIRST_IN_JSON = "1.2"
_SLICE = 200
"""Entries of an array that are validated at once. The schema wants them unique, which takes the square of the time."""
_MOST = 4_000
"""Entries of an array that are validated against the schema; the readers look at all of them."""
_ENTRIES = 500
"""Children of an XML element that are validated."""
_ELEMENTS = 30_000
_REPORTED = 20
_ABOUT = {"serialNumber": "serial_number", "components": "components", "dependencies": "references"}


def json_faults(bom: dict[str, object], version: str) -> Faults:
    """Return what a JSON document contradicts of the schema of its version, by the element of the observation.

    `$schema` and formats of texts do not count: no reader depends on the one, and JSON Schema makes the others notes.
    Dates are judged elsewhere, by RFC 3339.
    """
    if version < _FIRST_IN_JSON:
        return [("format", f"CycloneDX {version} is XML only")]
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.from_version(version))
    faults: Faults = []
    for piece, offset in _pieces(bom):
        for error in validator.validate_str(json.dumps(piece), all_errors=True) or ():
            if error.data.validator != "format":
                faults.append(_fault(error.data, offset))
            if len(faults) >= _REPORTED:
                return faults
    return faults


def xml_faults(document: Document, version: str) -> Faults:
    """Return what an XML document contradicts of the schema of its version. The document was parsed safely before.

    As with JSON, the first entries of an array are validated. Of a document with too many elements beyond that,
    nothing is: errors take the square of their number.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.xml import XmlValidator
    from defusedxml.ElementTree import fromstring, tostring

    root = fromstring(document.data, forbid_dtd=True)
    for node in root.iter():
        del node[_ENTRIES:]
    if sum(1 for _ in root.iter()) > _ELEMENTS:
        return []
    text = tostring(root, encoding="unicode")
    errors = XmlValidator(SchemaVersion.from_version(version)).validate_str(text, all_errors=True) or ()
    messages = [
        str(error.data.message).replace(f"{{http://cyclonedx.org/schema/bom/{version}}}", "") for error in errors
    ]
    return [("format", message) for message in messages if "xs:dateTime" not in message][:_REPORTED]


def _pieces(bom: dict[str, object]) -> Iterator[tuple[dict[str, Any], int]]:
    """Return the document in pieces that are documents again, and where the array in each begins."""
    arrays = {key: value for key, value in bom.items() if isinstance(value, list) and len(value) > _SLICE}
    yield {key: _cut(value) for key, value in bom.items() if key not in arrays and key != "$schema"}, 0
    head: dict[str, Any] = {key: bom[key] for key in ("bomFormat", "specVersion", "version") if key in bom}
    for key, value in arrays.items():
        for start in range(0, min(len(value), _MOST), _SLICE):
            yield {**head, key: _cut(value[start : start + _SLICE])}, start


def _cut(value: object) -> object:
    """Return a value without the further entries of long arrays; the reader has bounded its depth."""
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    return [_cut(inner) for inner in value[:_SLICE]] if isinstance(value, list) else value


def _fault(error: Any, offset: int) -> tuple[str, str]:
    path = list(error.absolute_path)
    about = _ABOUT.get(str(path[0]), "format") if path else "format"
    if path[:2] == ["metadata", "component"]:
        about = "subject"
    if len(path) > 1 and isinstance(path[1], int):
        path[1] += offset
    message = str(error.message)
    short = message if len(message) < 160 else f"{message[:100]} ... {message[-50:]}"
    return about, f"{'/'.join(map(str, path)) or 'the document'}: {short}"
