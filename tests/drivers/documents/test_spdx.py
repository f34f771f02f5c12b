import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.bill import MINIMUM, STRUCTURE
from drivers.documents.sbom import ReadSbom, Sbom
from tests.drivers.documents.samples import written
from tests.drivers.recorder import MemoryRecorder

FILES = Path(__file__).parent / "sbom"
Change = Callable[[dict[str, Any]], object]
CHECKSUM = {"algorithm": "SHA1", "checksumValue": "0" * 40}
NONE = "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement"


def changed(folder: Path, change: Change, name: str = "spdx23.spdx.json") -> Sbom:
    document: dict[str, Any] = json.loads((FILES / name).read_text("utf-8"))
    change(document)
    return ReadSbom(written(folder, name, document), name).run(MemoryRecorder())


def part(document: dict[str, Any]) -> dict[str, Any]:
    package: dict[str, Any] = document["packages"][1]
    return package


def links(document: dict[str, Any], *ends: tuple[str, str, str]) -> None:
    document["relationships"] = [
        {"spdxElementId": f"SPDXRef-{of}", "relationshipType": kind, "relatedSpdxElement": to} for of, kind, to in ends
    ]


def named_by(document: dict[str, Any], category: str, kind: str, locator: str) -> None:
    part(document)["externalRefs"] = [
        {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}
    ]


DESCRIBES = ("DOCUMENT", "DESCRIBES", "SPDXRef-plug")


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["creationInfo"].update(created="2026-10-01T08:00:00z"),
        lambda document: document["creationInfo"].update(created="2026-10-01T10:00:00.5+02:00"),
        lambda document: document["creationInfo"].update(creators=["Person: Ada (ada@ardea.example)", "Tool: west-1"]),
        lambda document: part(document).update(supplier="Person: Ada"),
        lambda document: part(document).update(supplier="NOASSERTION", originator="Organization: Zephyr (z@z.example)"),
        lambda document: named_by(document, "PACKAGE-MANAGER", "purl", "pkg:github/zephyrproject-rtos/zephyr@4.2.0"),
        lambda document: named_by(document, "PACKAGE_MANAGER", "purl", "pkg:generic/zephyr@4.2.0"),
        lambda document: named_by(document, "SECURITY", "cpe22Type", "cpe:/o:zephyrproject:zephyr:4.2.0"),
        lambda document: named_by(
            document, "PERSISTENT-ID", "swh", "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2"
        ),
        lambda document: links(document, DESCRIBES, ("plug", "CONTAINS", "SPDXRef-zephyr")),
        lambda document: links(document, DESCRIBES, ("zephyr", "DEPENDENCY_OF", "SPDXRef-plug")),
        lambda document: links(document, DESCRIBES, ("zephyr", "DEPENDS_ON", "NOASSERTION")),
        lambda document: links(document, DESCRIBES, ("zephyr", "DEPENDS_ON", "NONE")),
        lambda document: links(
            document, ("plug", "DESCRIBED_BY", "SPDXRef-DOCUMENT"), ("plug", "STATIC_LINK", "SPDXRef-zephyr")
        ),
        lambda document: document.update(comment="made for the label"),
        lambda document: part(document).update(licenseDeclared="GPL-2.0-only WITH Classpath-exception-2.0 OR MIT"),
        lambda document: part(document).update(licenseDeclared="Proprietary License", licenseConcluded="NOASSERTION"),
        lambda document: part(document).update(checksums=[{"algorithm": "SHA3-256", "checksumValue": "0" * 64}]),
        lambda document: part(document).update(builtDate="2026-10-01T08:00:00Z", copyrightText="NOASSERTION"),
        lambda document: document.update(
            files=[
                {
                    "SPDXID": "SPDXRef-f",
                    "fileName": "./f",
                    "checksums": [{"algorithm": "SHA1", "checksumValue": "0" * 40}],
                }
            ]
        ),
        lambda document: document.update(
            externalDocumentRefs=[
                {
                    "externalDocumentId": "DocumentRef-os",
                    "spdxDocument": "https://ardea.example/spdx/os",
                    "checksum": CHECKSUM,
                }
            ],
            relationships=[
                *document["relationships"],
                {
                    "spdxElementId": "SPDXRef-plug",
                    "relationshipType": "CONTAINS",
                    "relatedSpdxElement": "DocumentRef-os:SPDXRef-linux",
                },
            ],
        ),
        lambda document: document["packages"][0].pop("externalRefs"),
    ],
)
def test_each_way_to_say_it_is_accepted(tmp_path: Path, change: Change) -> None:
    sbom = changed(tmp_path, change)
    assert not {about: sbom.detail(about) for about in sbom.refused | sbom.silent}
    assert sbom.subject == "Ardea Plug 2.3.1"


@pytest.mark.parametrize(
    ("change", "wrong", "says"),
    [
        (lambda document: part(document).pop("supplier"), {"supplier"}, "1 of 1 components: zephyr"),
        (lambda document: part(document).update(supplier="NOASSERTION"), {"supplier"}, "zephyr"),
        (lambda document: part(document).update(supplier="Zephyr Project"), {"format"}, "Zephyr Project"),
        (
            lambda document: links(
                document,
                DESCRIBES,
                ("zephyr", "DEPENDENCY_OF", "SPDXRef-plug"),
                ("plug", "CONTAINS", "DocumentRef-os:a"),
            ),
            {"references"},
            "DocumentRef-os:a",
        ),
        (lambda document: part(document).pop("versionInfo"), {"version"}, "zephyr"),
        (lambda document: part(document).pop("externalRefs"), {"identifier"}, "zephyr"),
        (
            lambda document: named_by(document, "SECURITY", "advisory", "https://zephyr.example/advisory"),
            {"identifier"},
            "zephyr",
        ),
        (lambda document: links(document, DESCRIBES), {"dependency"}, "zephyr"),
        (
            lambda document: links(document, DESCRIBES, ("plug", "DEPENDS_ON", "SPDXRef-ghost")),
            {"references", "dependency"},
            "SPDXRef-ghost",
        ),
        (lambda document: document["creationInfo"].update(creators=["Tool: west"]), {"author"}, "no author"),
        (
            lambda document: document["creationInfo"].update(created="yesterday"),
            {"timestamp", "format"},
            "not a date and time of RFC 3339",
        ),
        (
            lambda document: document["packages"].append(document["packages"][1]),
            {"references"},
            "the same SPDXID occurs twice: SPDXRef-zephyr",
        ),
        (lambda document: part(document).pop("SPDXID"), {"format", "components", "references", "dependency"}, "zephyr"),
        (lambda document: document.update(spdxVersion="2.3"), {"format"}, "spdxVersion is '2.3'"),
        (lambda document: document.pop("name"), {"format"}, "name"),
        (lambda document: document.pop("creationInfo"), {"format", "author", "timestamp"}, "no author"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, change: Change, wrong: set[str], says: str) -> None:
    sbom = changed(tmp_path, change)
    assert sbom.refused | sbom.silent == wrong
    assert says in "; ".join(sbom.detail(about) for about in sorted(wrong))
    assert sbom.conclusive


@pytest.mark.parametrize(
    ("name", "old", "new", "wrong"),
    [
        ("spdx23.spdx", "PackageSupplier: Organization: Zephyr Project\n", "", {"supplier"}),
        ("spdx23.spdx", "PackageVersion: 4.2.0\n", "", {"version"}),
        ("spdx23.spdx", "DEPENDS_ON SPDXRef-zephyr", "DEPENDS_ON SPDXRef-ghost", {"references", "dependency"}),
        ("spdx23.spdx", "Creator: Organization: Ardea Works\n", "", {"author"}),
        ("spdx23.spdx", "08:00:00Z", "10:00:00.25+02:00", set()),
        ("spdx23.spdx", "\n", "\r\n", set()),
        (
            "spdx23.spdx",
            "FilesAnalyzed: false\n",
            "PackageComment: <text>two\nlines</text>\nFilesAnalyzed: false\n",
            set(),
        ),
        ("spdx23.spdx.yaml", "  versionInfo: 4.2.0\n", "", {"version"}),
        ("spdx23.spdx.yaml", "versionInfo: 4.2.0", "versionInfo: 4.2", set()),
        ("spdx23.spdx.yaml", "'2026-10-01T08:00:00Z'", "2026-10-01T08:00:00Z", set()),
        ("spdx23.spdx.yaml", "PACKAGE_MANAGER", "&a PACKAGE_MANAGER", set()),
        ("spdx23.spdx.xml", "<supplier>Organization: Zephyr Project</supplier>", "", {"supplier"}),
        ("spdx23.spdx.xml", "<versionInfo>4.2.0</versionInfo>", "", {"version"}),
        ("spdx23.spdx.rdf.xml", "<spdx:versionInfo>4.2.0</spdx:versionInfo>", "", {"version"}),
        ("spdx23.spdx.rdf.xml", "08:00:00Z", "08:00:00z", set()),
    ],
)
def test_each_notation_is_read_alike(tmp_path: Path, name: str, old: str, new: str, wrong: set[str]) -> None:
    text = (FILES / name).read_text("utf-8")
    assert old in text
    (tmp_path / name).write_bytes(text.replace(old, new).encode())
    sbom = ReadSbom(tmp_path, name).run(MemoryRecorder())
    assert sbom.refused | sbom.silent == wrong


def one(document: dict[str, Any], end: str) -> dict[str, Any]:
    element: dict[str, Any] = next(each for each in document["@graph"] if each.get("spdxId", "").endswith(f"#{end}"))
    return element


def without(document: dict[str, Any], end: str) -> None:
    document["@graph"].remove(one(document, end))


@pytest.mark.parametrize("context", ["3.0.0", "3.0.1"])
def test_spdx_3_is_read_in_each_of_its_versions(tmp_path: Path, context: str) -> None:
    url = f"https://spdx.org/rdf/{context}/spdx-context.jsonld"
    sbom = changed(tmp_path, lambda document: document.update({"@context": url}), "spdx3.spdx3.json")
    assert not sbom.refused | sbom.silent


@pytest.mark.parametrize(
    ("change", "wrong", "says"),
    [
        (lambda document: one(document, "zephyr").pop("suppliedBy"), {"supplier"}, "1 of 2 components: zephyr"),
        (lambda document: one(document, "zephyr").update(suppliedBy=NONE), {"supplier"}, "zephyr"),
        (lambda document: one(document, "zephyr").pop("software_packageVersion"), {"version"}, "zephyr"),
        (lambda document: one(document, "zephyr").pop("externalIdentifier"), {"identifier"}, "zephyr"),
        (lambda document: one(document, "mbedtls").pop("software_packageUrl"), {"identifier"}, "mbedtls"),
        (lambda document: one(document, "zephyr").pop("name"), {"name"}, "without a name"),
        (
            lambda document: one(document, "r1").update(to=one(document, "mbedtls")["spdxId"]),
            {"dependency"},
            "zephyr",
        ),
        (lambda document: one(document, "r1")["to"].append("https://ghost.example/a"), {"references"}, "ghost.example"),
        (lambda document: document["@graph"][0].pop("created"), {"timestamp"}, "when it was made"),
        (lambda document: document["@graph"][0].update(created="2026-10-01"), {"timestamp"}, "RFC 3339"),
        (lambda document: document["@graph"][0].pop("createdBy"), {"author"}, "no author"),
        (lambda document: without(document, "document"), {"format"}, "SpdxDocument"),
        (
            lambda document: document["@graph"].append(one(document, "zephyr")),
            {"references"},
            "the same spdxId occurs twice",
        ),
    ],
)
def test_each_fault_of_spdx_3_is_named(tmp_path: Path, change: Change, wrong: set[str], says: str) -> None:
    sbom = changed(tmp_path, change, "spdx3.spdx3.json")
    assert sbom.refused | sbom.silent == wrong
    assert says in "; ".join(sbom.detail(about) for about in sorted(wrong))


def test_an_element_of_another_spdx_3_document_is_imported(tmp_path: Path) -> None:
    def imports(document: dict[str, Any]) -> None:
        one(document, "r1")["to"].append("https://other.example/a")
        one(document, "document")["import"] = [{"type": "ExternalMap", "externalSpdxId": "https://other.example/a"}]

    assert "references" in changed(tmp_path, imports, "spdx3.spdx3.json").seen


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [[]], [{}], {"a": 1}, [{"SPDXID": [1]}]])
@pytest.mark.parametrize("key", ["creationInfo", "packages", "relationships", "documentDescribes", "@graph", "SPDXID"])
@pytest.mark.parametrize("name", ["spdx23.spdx.json", "spdx3.spdx3.json"])
def test_any_value_in_any_place_is_described(tmp_path: Path, name: str, key: str, value: object) -> None:
    sbom = changed(tmp_path, lambda document: document.update({key: value}), name)
    assert {fact.about for fact in sbom.facts} == set(STRUCTURE + MINIMUM)


def test_aliases_of_yaml_are_read(tmp_path: Path) -> None:
    text = (FILES / "spdx23.spdx.yaml").read_text("utf-8")
    text = text.replace("'Organization: Ardea Works'", "&maker 'Organization: Ardea Works'", 1)
    shared = text.replace("supplier: 'Organization: Zephyr Project'", "supplier: *maker")
    sbom = ReadSbom(written(tmp_path, "a.spdx.yaml", shared), "a.spdx.yaml").run(MemoryRecorder())
    assert not sbom.refused | sbom.silent


def test_a_parser_that_fails_leaves_the_document_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_parser: object, _document: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser.JsonLikeDictParser.parse", fail)
    read = changed(tmp_path, lambda document: None)
    assert not read.seen
    assert not read.refused
    assert not read.conclusive
    assert "the parser of SPDX failed: RecursionError: too deep" in read.detail("format")
