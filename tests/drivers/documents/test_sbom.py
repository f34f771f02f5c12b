from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.bill import MINIMUM, STRUCTURE
from drivers.documents.sbom import ReadSbom, Sbom
from tests.drivers.documents.samples import REFERENCE, reference, written
from tests.drivers.recorder import MemoryRecorder

Spoil = Callable[[dict[str, Any]], object]


FILES = Path(__file__).parent / "sbom"
"""Bills of materials as other tools write them, in each format; nothing is wrong with any of them."""


def read(folder: Path, name: str = "sbom.cdx.json") -> Sbom:
    return ReadSbom(folder, name).run(MemoryRecorder())


def test_the_sbom_of_the_reference_product_has_everything() -> None:
    sbom = read(REFERENCE)
    assert sbom.seen == set(STRUCTURE + MINIMUM)
    assert sbom.conclusive
    assert sbom.subject == "Halcyon Vista 2 1.4.0"
    assert sbom.parts == 6


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda bom: bom.update(bomFormat="SPDX"), {"format"}),
        (lambda bom: bom.update(specVersion="1.6.0"), {"format"}),
        (lambda bom: bom.update(serialNumber="1234"), {"serial_number"}),
        (lambda bom: bom["components"][0].update(type="gadget"), {"components"}),
        (lambda bom: bom["components"][0].pop("name"), {"components", "name"}),
        (lambda bom: bom["components"][0].pop("supplier"), {"supplier"}),
        (lambda bom: bom["components"][0].pop("version"), {"version"}),
        (lambda bom: bom["components"][0].pop("cpe"), {"identifier"}),
        (lambda bom: bom["components"][1].update({"bom-ref": "bootloader"}), {"references"}),
        (lambda bom: bom["dependencies"].append({"ref": "ghost"}), {"references"}),
        (lambda bom: bom.pop("dependencies"), {"dependency"}),
        (lambda bom: bom["metadata"].update(timestamp="yesterday"), {"timestamp"}),
        (lambda bom: bom["metadata"].update(timestamp="2026-10-12T08:30:00"), {"timestamp"}),
        (lambda bom: bom["metadata"].pop("timestamp"), {"timestamp"}),
        (lambda bom: (bom["metadata"].pop("authors"), bom["metadata"].pop("supplier")), {"author"}),
        (lambda bom: bom["components"][0].update(components=[{"type": "file", "name": "x"}]), {"supplier", "version"}),
    ],
)
def test_each_element_that_is_spoilt_is_named(tmp_path: Path, spoil: Spoil, wrong: set[str]) -> None:
    bom = reference("sbom.cdx.json")
    spoil(bom)
    sbom = read(written(tmp_path, "sbom.cdx.json", bom))
    assert wrong <= sbom.refused | sbom.silent
    assert sbom.conclusive


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"components": {"a": 1}, "metadata": [], "dependencies": "x"},
        {"components": [1, None, {"components": [[]]}], "metadata": {"component": 3, "authors": {}}},
        {"bomFormat": ["CycloneDX"], "specVersion": {"a": 1}, "dependencies": [{"ref": [1], "dependsOn": {"a": 1}}]},
        {"components": [{"type": ["library"], "name": {"a": 1}}]},
        b"\x00\xff",
        "[]",
    ],
)
def test_a_hostile_sbom_is_described_and_not_believed(tmp_path: Path, content: object) -> None:
    sbom = read(written(tmp_path, "sbom.cdx.json", content))
    assert {fact.about for fact in sbom.facts} == set(STRUCTURE + MINIMUM)
    assert "format" not in sbom.seen


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.iterdir()))
def test_no_bill_of_materials_fails_because_of_its_format(name: str) -> None:
    sbom = read(FILES, name)
    assert not {about: sbom.detail(about) for about in sbom.refused | sbom.silent}
    assert sbom.conclusive
    assert (sbom.subject_name, sbom.subject_version) == ("Ardea Plug", "2.3.1")
    assert sbom.parts == len(sbom.detail("components").split(", "))


def test_a_serial_number_is_recommended_and_not_required() -> None:
    assert "recommended" in read(FILES, "noserial.cdx.json").detail("serial_number")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("sbom.cdx.json", {"bomFormat": "CycloneDX", "specVersion": "1.8"}, "CycloneDX 1.8 is newer than 1.7"),
        ("sbom.cdx.json", {"bomFormat": "CycloneDX", "specVersion": "2.0"}, "CycloneDX 2.0 is newer"),
        ("sbom.spdx.json", {"spdxVersion": "SPDX-2.4"}, "SPDX-2.4 is not a version"),
        ("sbom.json", {"@context": "https://spdx.org/rdf/3.1.0/spdx-context.jsonld"}, "SPDX 3.1.0 is not a version"),
        ("sbom.xml", '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"/>', "SWID"),
        ("sbom.xlsx", b"PK\x03\x04...", "spreadsheet"),
        ("sbom.cdx.json.gz", b"\x1f\x8b\x08", "gzip"),
        ("sbom.coswid", b"\xa2\x01", "binary"),
    ],
)
def test_a_format_that_is_not_parsed_leaves_everything_open(
    tmp_path: Path, name: str, content: object, why: str
) -> None:
    sbom = read(written(tmp_path, name, content), name)
    assert sbom.silent == set(STRUCTURE + MINIMUM)
    assert not sbom.conclusive
    assert why in sbom.unproven


BOMB = """<?xml version="1.0"?><!DOCTYPE bom [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6">&b;</bom>"""
ALIASES = "spdxVersion: SPDX-2.3\na0: &a0 [x, x]\n" + "".join(
    f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 10)
)
DEEP = "spdxVersion: SPDX-2.3\na0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [*a{at - 1}]\n" for at in range(1, 100))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("bom.xml", BOMB, "document type or entities"),
        ("bom.xml", BOMB.replace('"aaaaaaaaaa"', 'SYSTEM "file:///etc/passwd"'), "document type or entities"),
        ("bom.xml", '<bom xmlns="http://cyclonedx.org/schema/bom/1.6">', "not XML: line 1"),
        ("bom.xml", '<?xml version="1.0" encoding="klingon"?><bom/>', "not XML"),
        ("bom.xml", "<html/>", "its root is 'html'"),
        ("bom.xml", "<a>" * 5_000 + "</a>" * 5_000, "nested too deeply"),
        ("a.spdx.rdf", BOMB, "document type or entities"),
        ("a.spdx.yaml", ALIASES, "aliases of the YAML expand"),
        ("a.spdx.yaml", DEEP, "nested too deeply"),
        ("a.spdx.yaml", "spdxVersion: SPDX-2.3\na: &a [*a]\n", "contains itself"),
        ("a.spdx.yaml", "spdxVersion: SPDX-2.3\na: *b\n", "contains itself"),
        ("a.spdx.yaml", "spdxVersion: SPDX-2.3\na: " + "[" * 3_000 + "]" * 3_000, "nested too deeply"),
        ("a.spdx.yaml", "spdxVersion: [", "not YAML"),
        ("a.spdx.yaml", "- spdxVersion: SPDX-2.3", "no sign"),
        ("a.spdx", "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n", "not SPDX (tag-value)"),
        ("a.spdx", "SPDXVersion: SPDX-2.3\nPackageComment: <text>never ends\n", "not SPDX (tag-value)"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", {"packages": []}, "neither CycloneDX nor SPDX"),
        ("a.json", {"@context": "https://example.com/context.jsonld", "@graph": []}, "neither CycloneDX nor SPDX"),
        ("a.json", '{"bomFormat": "CycloneDX"}'.encode("utf-16"), "not UTF-8"),
        ("a.txt", "openssl 3.0.15\nlwip 2.2.0\n", "neither CycloneDX nor SPDX"),
        ("a.pdf", b"%PDF-1.7\n1 0 obj", "neither CycloneDX nor SPDX"),
        ("a.json", b"", "neither CycloneDX nor SPDX"),
    ],
)
def test_a_document_that_is_none_is_described_in_one_sentence(
    tmp_path: Path, name: str, content: object, why: str
) -> None:
    sbom = read(written(tmp_path, name, content), name)
    assert sbom.refused == set(STRUCTURE + MINIMUM)
    assert sbom.conclusive
    assert why in sbom.detail("format")
    assert len(sbom.detail("format")) < 400


def test_a_large_bill_of_materials_is_validated_in_bounded_time(tmp_path: Path) -> None:
    bom = reference("sbom.cdx.json")
    part = bom["components"][1]
    bom["components"] += [{**part, "bom-ref": f"c{at}"} for at in range(6_000)]
    bom["dependencies"].append({"ref": "bootloader", "dependsOn": [f"c{at}" for at in range(6_000)]})
    bom["components"][3_000]["type"] = "gadget"
    sbom = read(written(tmp_path, "sbom.cdx.json", bom))
    assert sbom.refused == {"components"}
    assert "components/3000" in sbom.detail("components")
    assert sbom.parts == 6_006
