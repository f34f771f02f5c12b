"""The assertion about the registry record, on made-up observations."""

from collections.abc import Callable

import pytest

from drivers.documents.registry import RegistryRecord
from suites.education_awareness import test_registry as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

CASE = cases.test_registry_record_is_complete_and_matches_the_declaration


def field(*facts: Fact, witness: Witness = HOLDS) -> RegistryRecord:
    return observed(*facts, kind=RegistryRecord, witness=witness, sha256="")


def test_a_field_that_matches_the_declaration_passes() -> None:
    assert passes(CASE, field(seen("product_name")))


@pytest.mark.parametrize("answer", [refused, silent])
def test_a_field_that_is_missing_or_differs_fails(answer: Callable[[str, str], Fact]) -> None:
    assert fails(CASE, field(answer("product_name", "is missing")), says="product_name: is missing")


def test_every_poor_field_is_reported() -> None:
    poor = field(silent("product_name", "is missing"), refused("manufacturer_name", "differs"), seen("other"))
    assert fails(CASE, poor, says="manufacturer_name: differs; product_name: is missing")


def test_a_record_that_was_not_read_leaves_the_case_open() -> None:
    assert stays_open(CASE, field(silent("product_name"), witness=BROKEN), says=BROKEN.what)
