import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.bill import MINIMUM, STRUCTURE
from drivers.documents.cyclonedx import TYPES
from drivers.documents.cyclonedx_schema import VERSIONS
from drivers.documents.sbom import ReadSbom, Sbom
from tests.drivers.documents.samples import written
from tests.drivers.recorder import MemoryRecorder

FILES = Path(__file__).parent / "sbom"
Change = Callable[[dict[str, Any]], object]
OTHER = "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1"
OWN = "urn:cdx:5b0c8f0e-9d3a-4c5e-8f53-0c1e6a7d2b41/1"


def changed(folder: Path, change: Change, name: str = "control.cdx.json") -> Sbom:
    bom: dict[str, Any] = json.loads((FILES / name).read_text("utf-8"))
    change(bom)
    return ReadSbom(written(folder, "sbom.cdx.json", bom), "sbom.cdx.json").run(MemoryRecorder())


def marked(folder: Path, old: str, new: str) -> Sbom:
    text = (FILES / "assembly.cdx.xml").read_text("utf-8")
    assert old in text
    return ReadSbom(written(folder, "sbom.xml", text.replace(old, new)), "sbom.xml").run(MemoryRecorder())


def needs(bom: dict[str, Any], ref: str) -> None:
    bom["dependencies"][0]["dependsOn"].append(ref)


def needs_a_service_inside_another(bom: dict[str, Any]) -> None:
    bom["services"] = [{"bom-ref": "a", "name": "a", "services": [{"bom-ref": "b", "name": "b"}]}]
    needs(bom, "b")


def made_by(bom: dict[str, Any], **fields: object) -> None:
    bom["components"][0].pop("supplier")
    bom["components"][0].update(fields)


def named_by(bom: dict[str, Any], **fields: object) -> None:
    bom["components"][0].pop("purl")
    bom["components"][0].update(fields)


def written_by(bom: dict[str, Any], **fields: object) -> None:
    bom["metadata"].pop("authors")
    bom["metadata"].update(fields)


def test_the_known_versions_and_types_are_those_of_the_library() -> None:
    from cyclonedx.model.component import ComponentType
    from cyclonedx.schema import SchemaVersion

    assert set(VERSIONS) == {version.to_version() for version in SchemaVersion}
    assert {kind.value for kind in ComponentType} == TYPES


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_each_version_is_accepted(tmp_path: Path, version: str) -> None:
    assert not (changed(tmp_path, lambda bom: bom.update(specVersion=version)).refused)


@pytest.mark.parametrize(
    "change",
    [
        lambda bom: needs(bom, f"{OTHER}#wifi-firmware"),
        lambda bom: needs(bom, OTHER),
        lambda bom: needs(bom, f"{OWN}#lwip"),
        lambda bom: bom["dependencies"].append({"ref": f"{OTHER}#wifi-firmware", "dependsOn": ["lwip"]}),
        needs_a_service_inside_another,
        lambda bom: bom["dependencies"][1].update(provides=["mbedtls"]),
        lambda bom: bom["metadata"].update(tools={"components": [{"type": "application", "name": "west"}]}),
        lambda bom: bom.update({"$schema": "https://cyclonedx.org/schema/bom-1.6.schema.json"}),
        lambda bom: bom["metadata"].update(timestamp="2026-10-01T08:00:00z"),
        lambda bom: bom["metadata"].update(timestamp="2026-10-01T10:00:00.123456789+02:00"),
        lambda bom: made_by(bom, manufacturer={"name": "lwip project"}),
        lambda bom: made_by(bom, authors=[{"name": "lwip project"}]),
        lambda bom: made_by(bom, author="lwip project"),
        lambda bom: made_by(bom, publisher="lwip project"),
        lambda bom: named_by(bom, cpe="cpe:2.3:a:lwip_project:lwip:2.2.0:*:*:*:*:*:*:*"),
        lambda bom: named_by(bom, swid={"tagId": "lwip-2.2.0", "name": "lwip"}),
        lambda bom: named_by(bom, omniborId=["gitoid:blob:sha1:261eeb9e9f8b2b4b0d119366dda99c6fd7d35c64"]),
        lambda bom: named_by(bom, swhid=["swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2"]),
        lambda bom: written_by(bom, manufacturer={"name": "Ardea Works"}),
        lambda bom: written_by(bom, supplier={"name": "Ardea Works"}),
        lambda bom: written_by(bom, authors=[{"email": "build@ardea.example"}]),
    ],
)
def test_each_way_to_say_it_is_accepted(tmp_path: Path, change: Change) -> None:
    sbom = changed(tmp_path, change)
    assert not {about: sbom.detail(about) for about in sbom.refused | sbom.silent}


@pytest.mark.parametrize(
    ("change", "wrong", "says"),
    [
        (lambda bom: needs(bom, "ghost"), {"references"}, "'ghost'"),
        (lambda bom: needs(bom, f"{OWN}#ghost"), {"references"}, "ghost"),
        (lambda bom: needs(bom, "urn:cdx:1234/1#a"), {"references"}, "urn:cdx:1234"),
        (lambda bom: needs(bom, "cloud"), {"references"}, "'cloud'"),
        (
            lambda bom: bom.update(services=[{"bom-ref": "lwip", "name": "cloud"}]),
            {"references"},
            "the same bom-ref occurs twice: lwip",
        ),
        (lambda bom: bom["components"][0].update(type="gadget"), {"components"}, "'gadget'"),
        (lambda bom: bom["metadata"]["component"].update(type="gadget"), {"subject"}, "'gadget'"),
        (lambda bom: bom["metadata"].pop("component"), {"subject", "references"}, "'plug'"),
        (lambda bom: bom.update(serialNumber="7"), {"serial_number"}, "'7'"),
        (lambda bom: bom.update(colour="red"), {"format"}, "colour"),
        (lambda bom: bom.update(specVersion="1.1"), {"format"}, "XML only"),
        (lambda bom: bom.update(bomFormat="cyclonedx"), {"format"}, "cyclonedx"),
        (lambda bom: bom.update(components=[], dependencies=[]), {"components", *MINIMUM[:5]}, ""),
        (lambda bom: made_by(bom), {"supplier"}, "1 of 2 components: lwip"),
        (lambda bom: made_by(bom, supplier={"url": ["https://lwip.example"]}), {"supplier"}, "lwip"),
        (lambda bom: named_by(bom), {"identifier"}, "lwip"),
        (lambda bom: named_by(bom, purl="lwip@2.2.0"), {"identifier"}, "lwip"),
        (lambda bom: named_by(bom, hashes=[{"alg": "MD5", "content": "0" * 32}]), {"identifier"}, "lwip"),
        (lambda bom: written_by(bom), {"author"}, "it names no author"),
        (lambda bom: written_by(bom, tools=[{"name": "west"}]), {"author"}, "it names no author"),
        (lambda bom: bom["components"][1].pop("version"), {"version"}, "mbedtls"),
        (lambda bom: bom["metadata"].pop("timestamp"), {"timestamp"}, "when it was made"),
        (lambda bom: bom["metadata"].update(timestamp="2026-10-01 08:00:00Z"), {"timestamp"}, "RFC 3339"),
        (
            lambda bom: bom.update(dependencies=[{"ref": "plug", "dependsOn": ["lwip"]}]),
            {"dependency"},
            "1 of 2 components: mbedtls",
        ),
    ],
)
def test_each_fault_is_named(tmp_path: Path, change: Change, wrong: set[str], says: str) -> None:
    sbom = changed(tmp_path, change)
    assert sbom.refused | sbom.silent == wrong
    assert says in "; ".join(sbom.detail(about) for about in sorted(wrong))
    assert sbom.conclusive


@pytest.mark.parametrize("old", ["dependencies", "lwip"])
def test_a_part_inside_another_has_a_relationship(tmp_path: Path, old: str) -> None:
    sbom = changed(tmp_path, lambda bom: bom["components"][0]["components"][0].pop("bom-ref"), "nested.cdx.json")
    assert "dependency" in sbom.seen, old


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('<dependency ref="cloud"/>', '<dependency ref="ghost"/>', {"references"}),
        ('bom-ref="mbedtls"', 'bom-ref="lwip"', {"format", "references"}),
        ('type="library" bom-ref="mbedtls"', 'type="gadget" bom-ref="mbedtls"', {"format", "components"}),
        ("<version>3.6.2</version>", "", {"version"}),
        ("<publisher>mbedtls project</publisher>", "", {"supplier"}),
        ('<swid tagId="mbedtls-3.6.2" name="mbedtls"/>', "", {"identifier"}),
        ("<timestamp>2026-10-01T08:00:00Z</timestamp>", "", {"timestamp"}),
        ("<timestamp>2026-10-01T08:00:00Z</timestamp>", "<timestamp>2026-10-01</timestamp>", {"timestamp"}),
        ("<authors><author><name>Ardea build team</name></author></authors>", "", {"author"}),
        ("<dependencies>", "<colour>red</colour><dependencies>", {"format"}),
        ("schema/bom/1.6", "schema/bom/1.x", {"format"}),
    ],
)
def test_each_fault_of_the_xml_is_named(tmp_path: Path, old: str, new: str, wrong: set[str]) -> None:
    sbom = marked(tmp_path, old, new)
    assert sbom.refused | sbom.silent == wrong


def test_a_date_of_rfc_3339_that_xml_schema_does_not_have_is_accepted(tmp_path: Path) -> None:
    assert not marked(tmp_path, "08:00:00Z", "08:00:00z").refused


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [[]], [{}], {"a": 1}])
@pytest.mark.parametrize("key", ["metadata", "components", "dependencies", "services", "compositions", "serialNumber"])
def test_any_value_in_any_place_is_described(tmp_path: Path, key: str, value: object) -> None:
    sbom = changed(tmp_path, lambda bom: bom.update({key: value}))
    assert {fact.about for fact in sbom.facts} == set(STRUCTURE + MINIMUM)
