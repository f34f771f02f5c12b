import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.advisories import REMEDIES, AdvisoriesRead, ReadAdvisories
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
        ("last_updated", "20261001T080000Z", "last_updated"),
        ("last_updated", "2026-10-01 08:00:00Z", "last_updated"),
        ("metadata_version", "1.0", "metadata_version"),
        ("publisher", {"category": "vendor", "name": "Maker", "namespace": "maker.example"}, "publisher"),
    ],
)
def test_each_part_of_the_metadata_that_is_spoilt_is_named(
    tmp_path: Path, field: str, value: object, part: str
) -> None:
    metadata = {**reference("csaf/provider-metadata.json"), field: value}
    written(tmp_path, "provider-metadata.json", metadata)
    found = read(written(tmp_path, "hi-2026-001.json", reference("csaf/hi-2026-001.json")))
    assert found.refused | found.silent == {f"provider: {part}"}


FILES = Path(__file__).parent / "csaf"
FIELD = Advisories(provider_metadata="provider-metadata.json", advisories=("aw-2026-07.json",))
ABOUT = "aw-2026-07.json: CVE-2026-00007"
Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, change: Change) -> AdvisoriesRead:
    """Read the advisory whose remediation names a group of products, after a change."""
    csaf: dict[str, Any] = json.loads((FILES / "aw-2026-07.json").read_text("utf-8"))
    change(csaf)
    written(folder, "provider-metadata.json", (FILES / "provider-metadata.json").read_bytes())
    return ReadAdvisories(written(folder, "aw-2026-07.json", csaf), FIELD).run(MemoryRecorder())


def flaw(csaf: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = csaf["vulnerabilities"][0]
    return entry


def remedy(csaf: dict[str, Any], **fields: object) -> None:
    flaw(csaf)["remediations"] = [{"category": "vendor_fix", "details": "Update.", **fields}]


def remedies(csaf: dict[str, Any], *entries: dict[str, object]) -> None:
    flaw(csaf)["remediations"] = [{"category": "workaround", "details": "Unplug it.", **entry} for entry in entries]


def without_cve(csaf: dict[str, Any], **fields: object) -> None:
    flaw(csaf).pop("cve")
    flaw(csaf).update(fields)


def in_branches(csaf: dict[str, Any]) -> None:
    names = csaf["product_tree"].pop("full_product_names")
    versions = [{"category": "product_version", "name": one["name"], "product": one} for one in names]
    plug = {"category": "product_name", "name": "Plug", "branches": versions}
    csaf["product_tree"]["branches"] = [{"category": "vendor", "name": "Ardea Works", "branches": [plug]}]


def as_part(csaf: dict[str, Any], key: str = "relationships") -> None:
    names = csaf["product_tree"]["full_product_names"]
    csaf["product_tree"][key] = [{"category": "installed_on", "full_product_name": names.pop(0)}]


def informational(csaf: dict[str, Any]) -> None:
    csaf["document"]["category"] = "csaf_informational_advisory"
    csaf.pop("vulnerabilities")


@pytest.mark.parametrize(
    "change",
    [
        lambda csaf: None,
        *(lambda csaf, one=one: remedy(csaf, category=one, group_ids=["G-old"]) for one in sorted(REMEDIES)),
        lambda csaf: remedy(csaf, product_ids=["P-229", "P-230"]),
        lambda csaf: remedy(csaf, product_ids=["P-229"], group_ids=["G-old"]),
        lambda csaf: remedies(csaf, {"product_ids": ["P-229"]}, {"product_ids": ["P-230", "P-231"]}),
        lambda csaf: flaw(csaf)["product_status"].update(first_affected=["P-229"], last_affected=["P-230"]),
        lambda csaf: flaw(csaf).update(product_status={"under_investigation": ["P-229"]}),
        lambda csaf: flaw(csaf).update(product_status={"known_not_affected": ["P-229"]}, remediations=[]),
        lambda csaf: flaw(csaf).update(product_status={"fixed": ["P-231"]}, remediations=[]),
        lambda csaf: flaw(csaf).update(product_status={"unknown": ["P-231"]}, remediations=[]),
        in_branches,
        as_part,
        lambda csaf: as_part(csaf, "product_paths"),
        lambda csaf: csaf["document"].update(csaf_version="2.1"),
        lambda csaf: csaf["document"].update(category="csaf_vex"),
        lambda csaf: csaf["document"].update(category="Security Notice"),
        lambda csaf: csaf["document"]["tracking"].update(status="interim", version="1.0.0"),
        lambda csaf: csaf["document"]["tracking"].update(current_release_date="2026-09-01T10:00:00.5+02:00"),
    ],
)
def test_each_way_to_remedy_the_affected_products_is_accepted(tmp_path: Path, change: Change) -> None:
    found = changed(tmp_path, change)
    assert not found.refused | found.silent
    assert found.conclusive
    assert found.vulnerabilities == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"ids": [{"system_name": "Ardea", "text": "AW-2026-07"}]},
        {"ids": [{"system_name": "Ardea", "text": " "}, {"system_name": "Ardea", "text": "AW-2026-07"}]},
        {"title": "Password in the debug log"},
    ],
)
def test_a_vulnerability_needs_no_cve_if_it_has_another_name(tmp_path: Path, fields: dict[str, object]) -> None:
    found = changed(tmp_path, lambda csaf: without_cve(csaf, **fields))
    assert not found.refused | found.silent


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda csaf: remedy(csaf, group_ids=["G-new"]), "product_tree defines no G-new"),
        (lambda csaf: remedy(csaf, product_ids=["P-229"]), "no remediation for P-230"),
        (lambda csaf: remedy(csaf), "no remediation for P-229, P-230"),
        (lambda csaf: remedy(csaf, details="", group_ids=["G-old"]), "no remediation for P-229, P-230"),
        (lambda csaf: remedy(csaf, category="hope", group_ids=["G-old"]), "'hope'"),
        (lambda csaf: remedy(csaf, product_ids=["P-1"], group_ids=["G-old"]), "product_tree defines no P-1"),
        (
            lambda csaf: csaf["product_tree"]["product_groups"][0].update(product_ids=["P-229", "P-0"]),
            "product_tree defines no P-0",
        ),
        (lambda csaf: csaf["product_tree"].pop("product_groups"), "product_tree defines no G-old"),
        (lambda csaf: flaw(csaf)["product_status"].update(fixed=["P-230"]), "both affected and not affected: P-230"),
        (lambda csaf: flaw(csaf)["product_status"].update(known_affected=["P-9"]), "product_tree defines no P-9"),
        (lambda csaf: flaw(csaf).update(product_status={"first_affected": ["P-231"]}), "no remediation for P-231"),
    ],
)
def test_an_affected_product_without_a_remedy_is_named(tmp_path: Path, change: Change, says: str) -> None:
    found = changed(tmp_path, change)
    assert found.refused | found.silent == {ABOUT}
    assert says in found.detail(ABOUT)


def test_a_cve_number_that_is_none_is_named(tmp_path: Path) -> None:
    found = changed(tmp_path, lambda csaf: flaw(csaf).update(cve="2026-7"))
    assert "is not a CVE number" in found.detail("aw-2026-07.json: 2026-7")


def test_advisories_that_describe_no_vulnerability_are_none(tmp_path: Path) -> None:
    assert changed(tmp_path, informational).silent == {"vulnerabilities"}


def test_an_informational_advisory_next_to_another_is_no_fault(tmp_path: Path) -> None:
    changed(tmp_path, informational)
    written(tmp_path, "hi-2026-001.json", reference("csaf/hi-2026-001.json"))
    both = Advisories(provider_metadata="provider-metadata.json", advisories=("aw-2026-07.json", "hi-2026-001.json"))
    found = ReadAdvisories(tmp_path, both).run(MemoryRecorder())
    assert not found.refused | found.silent


def test_the_last_of_many_vulnerabilities_is_looked_at(tmp_path: Path) -> None:
    def many(csaf: dict[str, Any]) -> None:
        csaf["vulnerabilities"] = [{**flaw(csaf), "cve": f"CVE-2026-{at:05}"} for at in range(1, 1501)]
        csaf["vulnerabilities"][-1].pop("notes")

    found = changed(tmp_path, many)
    assert found.silent == {"aw-2026-07.json: CVE-2026-01500"}
    assert found.vulnerabilities == 1500
