from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.sbom import MINIMUM, STRUCTURE, ReadSbom, Sbom
from tests.drivers.documents.samples import REFERENCE, reference, written
from tests.drivers.recorder import MemoryRecorder

Spoil = Callable[[dict[str, Any]], object]


def read(folder: Path) -> Sbom:
    return ReadSbom(folder, "sbom.cdx.json").run(MemoryRecorder())


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
        (lambda bom: bom.update(specVersion="9.9"), {"format"}),
        (lambda bom: bom.update(serialNumber="1234"), {"serial_number"}),
        (lambda bom: bom.pop("serialNumber"), {"serial_number"}),
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
