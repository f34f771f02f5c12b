"""Each assertion about the software bill of materials, on made-up observations."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.documents.bill import MINIMUM, STRUCTURE
from drivers.documents.sbom import Sbom
from drivers.network.web.administration.settings import IdentityRead
from lab_config.product import Product
from suites.documentation import test_sbom as cases
from tests.suites.made_up import (
    BROKEN,
    HOLDS,
    component,
    fails,
    observed,
    passes,
    refused,
    seen,
    silent,
    stays_open,
)
from trustprobe.probe import Fact, Witness

VALID = cases.test_bill_of_materials_is_valid_in_its_format
COMPLETE = cases.test_bill_of_materials_has_the_minimum_elements
MATCHES = cases.test_bill_of_materials_describes_the_running_firmware
ELEMENTS = [(VALID, element) for element in STRUCTURE] + [(COMPLETE, element) for element in MINIMUM]
CAM = Product(
    schema_version=1, id="cam", name="Cam", manufacturer="Example", model="Cam 2", firmware="1.0", component=component()
)


def sbom(*facts: Fact, witness: Witness = HOLDS, **fields: Any) -> Sbom:
    """An SBOM of the product with every element, but for these facts and fields."""
    known = {about: seen(about) for about in STRUCTURE + MINIMUM} | {fact.about: fact for fact in facts}
    subject = {"subject_name": "Cam 2", "subject_version": "1.0", "parts": 1, "sha256": ""} | fields
    whole = f"{subject['subject_name']} {subject['subject_version']}".strip()
    return observed(*known.values(), kind=Sbom, witness=witness, subject=whole, **subject)


def device(version: str | None = "1.0", witness: Witness = HOLDS) -> IdentityRead:
    """What the device shows: this version, and its model."""
    facts = (seen("model"), seen("version") if version else silent("version"))
    shown = {"model": "Cam 2", "serial": None, "boot_id": None, "slot": None}
    return observed(*facts, kind=IdentityRead, witness=witness, version=version, **shown)


@pytest.mark.parametrize("case", [VALID, COMPLETE])
def test_a_complete_bill_of_materials_passes(case: Callable[..., None]) -> None:
    assert passes(case, sbom())


@pytest.mark.parametrize(("case", "element"), ELEMENTS)
@pytest.mark.parametrize("answer", [refused, silent])
def test_each_element_is_required(case: Callable[..., None], element: str, answer: Callable[[str, str], Fact]) -> None:
    assert fails(case, sbom(answer(element, "is missing")), says=f"{element}: is missing")


@pytest.mark.parametrize("case", [VALID, COMPLETE])
def test_every_poor_element_is_reported(case: Callable[..., None]) -> None:
    poor = sbom(silent("format", "a"), refused("references", "b"), silent("supplier", "c"), refused("timestamp", "d"))
    assert fails(case, poor, says="format: a; references: b" if case is VALID else "supplier: c; timestamp: d")


@pytest.mark.parametrize(("case", "element"), [(VALID, "format"), (COMPLETE, "supplier")])
def test_a_document_that_was_not_read_leaves_the_case_open(case: Callable[..., None], element: str) -> None:
    assert stays_open(case, sbom(silent(element), witness=BROKEN), says=BROKEN.what)


def test_a_bill_of_materials_of_the_running_firmware_passes() -> None:
    assert passes(MATCHES, sbom(), device(), CAM)


@pytest.mark.parametrize(
    ("name", "version"), [("Cam 2", "1.1"), ("Cam", "1.0"), ("Cam", "2 1.0"), ("Cam 2 1.0", ""), ("", "1.0")]
)
def test_a_bill_of_materials_of_something_else_fails(name: str, version: str) -> None:
    other = sbom(subject_name=name, subject_version=version)
    words = f"describes {name or 'nothing'}, version {version or 'none'}, the device runs Cam 2, version 1.0"
    assert fails(MATCHES, other, device(), CAM, says=words)


@pytest.mark.parametrize(("subject", "shown"), [("1.0", None), ("", None), ("", "")])
def test_no_bill_of_materials_describes_a_device_that_shows_no_version(subject: str, shown: str | None) -> None:
    other = sbom(subject_version=subject)
    assert fails(MATCHES, other, device(shown), CAM, says="the device runs Cam 2, version none")


def test_a_device_that_shows_nothing_leaves_the_comparison_open() -> None:
    assert stays_open(MATCHES, sbom(), device(None, BROKEN), CAM, says=BROKEN.what)
