from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.advisories import AdvisoriesRead, ReadAdvisories
from lab_config.papers import Advisories
from tests.drivers.documents.samples import REFERENCE, reference, written
from tests.drivers.recorder import MemoryRecorder

DECLARED = Advisories(provider_metadata="provider-metadata.json", advisories=("hi-2026-001.json",))


def read(folder: Path) -> AdvisoriesRead:
    return ReadAdvisories(folder, DECLARED).run(MemoryRecorder())


def test_the_advisories_of_the_reference_product_are_in_order() -> None:
    found = read(REFERENCE / "csaf")
    assert not found.refused | found.silent
    assert found.publishers == ("Halcyon Imaging",)
    assert found.vulnerabilities == 1


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda csaf: csaf["document"].pop("title"), "document"),
        (lambda csaf: csaf["document"].update(csaf_version="1.0"), "version"),
        (lambda csaf: csaf["document"]["tracking"].update(status="?"), "status"),
        (lambda csaf: csaf["document"]["tracking"].update(status={"a": 1}), "status"),
        (lambda csaf: csaf["document"]["tracking"].update(id="HI 7"), "file name"),
        (lambda csaf: csaf["document"]["tracking"].update(current_release_date="2026"), "released"),
        (lambda csaf: csaf.pop("vulnerabilities"), "vulnerabilities"),
        (lambda csaf: csaf["vulnerabilities"][0].pop("remediations"), "HI-2026-001"),
        (lambda csaf: csaf["vulnerabilities"][0].pop("notes"), "HI-2026-001"),
        (lambda csaf: csaf["vulnerabilities"][0].pop("product_status"), "HI-2026-001"),
        (lambda csaf: csaf.pop("product_tree"), "HI-2026-001"),
        (lambda csaf: csaf["vulnerabilities"][0].pop("ids"), "vulnerability 1"),
        (lambda csaf: csaf.update(vulnerabilities=[{"ids": 1, "notes": 2, "product_status": []}]), "vulnerability 1"),
        (lambda csaf: csaf.update(document=[]), "document"),
    ],
)
def test_each_part_of_an_advisory_that_is_spoilt_is_named(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], object], part: str
) -> None:
    csaf = reference("csaf/hi-2026-001.json")
    spoil(csaf)
    written(tmp_path, "provider-metadata.json", reference("csaf/provider-metadata.json"))
    found = read(written(tmp_path, "hi-2026-001.json", csaf))
    assert f"hi-2026-001.json: {part}" in found.refused | found.silent


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("publisher", {}, "publisher"),
        ("publisher", "me", "publisher"),
        ("canonical_url", "http://maker.example/provider-metadata.json", "canonical_url"),
        ("role", "king", "role"),
        ("role", ["csaf_provider"], "role"),
        ("last_updated", None, "last_updated"),
    ],
)
def test_each_part_of_the_metadata_that_is_spoilt_is_named(
    tmp_path: Path, field: str, value: object, part: str
) -> None:
    metadata = {**reference("csaf/provider-metadata.json"), field: value}
    written(tmp_path, "provider-metadata.json", metadata)
    found = read(written(tmp_path, "hi-2026-001.json", reference("csaf/hi-2026-001.json")))
    assert found.refused | found.silent == {f"provider: {part}"}
