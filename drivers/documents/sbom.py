"""The software bill of materials: CycloneDX or SPDX, and the minimum elements of the NTIA (July 2021).

Reads what the manufacturer hands in; whether a part has a known vulnerability is not asked here. The format never
decides: what is a bill of materials in a format that is not parsed here is left open.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from drivers.documents import cyclonedx, spdx2, spdx3
from drivers.documents.bill import MINIMUM, STRUCTURE, Bill, UnreadError, minimum, structure
from drivers.documents.file import Document, MalformedError, malformed, missing, read_document
from drivers.documents.markup import local, root_of, space
from trustprobe.probe import Fact, Observation, Recorder, Witness, condition, printable

_TAG_VALUE = re.compile(r"^\ufeff?SPDXVersion:", re.MULTILINE)
_YAML = re.compile(r"^[\"']?spdxVersion[\"']?[ \t]*:", re.MULTILINE)
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive or a spreadsheet", b"\x1f\x8b": "compressed (gzip)"} | {
    b"\xfd7zXZ\x00": "compressed (xz)",
    b"(\xb5/\xfd": "compressed (zstd)",
    b"BZh": "compressed (bzip2)",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
}
_BINARY = (".cbor", ".coswid", ".pb", ".cdx.bin", ".binpb")
"""Names of binary forms: CoSWID (RFC 9393), and CycloneDX in Protocol Buffers."""
_BLANK = b" \t\r\n"


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
        elements = STRUCTURE + MINIMUM
        try:
            bill = parsed(document)
        except MalformedError as error:
            return _observation(document, malformed(elements, error), document.witness)
        except UnreadError as error:
            why = f"{document.name}: {error}"
            record.note(why)
            facts = tuple(missing(about, f"is not read: {error}") for about in elements)
            return _observation(document, facts, condition(why, holds=False))
        return _observation(document, (*structure(bill), *minimum(bill)), document.witness, bill)


def _observation(document: Document, facts: tuple[Fact, ...], witness: Witness, bill: Bill | None = None) -> Sbom:
    name, version = (printable(text, 256) for text in ((bill.subject_name, bill.subject_version) if bill else ("", "")))
    return Sbom(
        question="Is the software bill of materials valid, and what does it contain?",
        facts=facts,
        witness=witness,
        asked=document.asked,
        subject=f"{name} {version}".strip(),
        subject_name=name,
        subject_version=version,
        parts=len(bill.parts) if bill else 0,
        sha256=document.sha256,
    )


def parsed(document: Document) -> Bill:
    """Return what a document says, by the format that it is in.

    MalformedError if it is in none of the formats, or contradicts its own so far that nothing can be read from it.
    UnreadError if it is in a format that is not parsed here.
    """
    for magic, what in _ARCHIVES.items():
        if document.data.startswith(magic):
            raise UnreadError(f"it is {what}, which is not parsed here: hand in the document itself")
    if document.name.lower().endswith(_BINARY):
        raise UnreadError("it is in a binary form, which is not parsed here: hand it in as JSON")
    begin = document.data.removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
    if begin.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return _of_xml(document)
    if begin.startswith((b"{", b"[")):
        return _of_json(document)
    text = document.text()
    if _TAG_VALUE.search(text):
        return spdx2.of_tag_value(document)
    if _YAML.search(text):
        return spdx2.of_yaml(document)
    raise MalformedError("neither CycloneDX nor SPDX: no sign of one of their forms")


def _of_json(document: Document) -> Bill:
    content = document.json()
    if "bomFormat" in content or "specVersion" in content:
        return cyclonedx.of_json(content)
    if "spdxVersion" in content:
        return spdx2.of_json(content)
    contexts = content.get("@context")
    named = [str(one) for one in (contexts if isinstance(contexts, list) else [contexts])]
    if any(spdx3.CONTEXT.fullmatch(one) for one in named):
        return spdx3.of_json(content)
    raise MalformedError("the JSON is neither CycloneDX nor SPDX: it has no bomFormat, spdxVersion or SPDX context")


def _of_xml(document: Document) -> Bill:
    root = root_of(document)
    if space(root).startswith(cyclonedx.SPACE) and local(root) == "bom":
        return cyclonedx.of_xml(document, root)
    if (space(root), local(root)) == (_RDF, "RDF"):
        return spdx2.of_rdf(root)
    if local(root) == "Document" and any(local(child) == "spdxVersion" for child in root):
        return spdx2.of_xml(root)
    if local(root) == "SoftwareIdentity":
        raise UnreadError("it is a SWID tag (ISO/IEC 19770-2), which is not parsed here")
    raise MalformedError(f"the XML is neither CycloneDX nor SPDX: its root is {local(root)[:80]!r}")
