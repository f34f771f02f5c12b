"""Each assertion about what the developer announces, on made-up observations."""

from collections.abc import Callable
from datetime import date

import pytest

from drivers.documents.advisories import AdvisoriesRead
from drivers.documents.support import SupportRead
from suites.information_dissemination import test_published as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

ADVISORIES = cases.test_advisories_give_detail_and_mitigation
SUPPORTED = cases.test_product_is_supported_today
SAME_END = cases.test_every_document_gives_the_same_end_of_support
either_answer = pytest.mark.parametrize("answer", [refused, silent])
Answered = Callable[[str, str], Fact]


def advisories(*facts: Fact, witness: Witness = HOLDS) -> AdvisoriesRead:
    return observed(*facts, kind=AdvisoriesRead, witness=witness, publishers=(), vulnerabilities=1)


def support(*facts: Fact, witness: Witness = HOLDS) -> SupportRead:
    """What is published of the support period: these facts, and an end of support."""
    dates = {"starts": date(2026, 1, 1), "ends": date(2031, 1, 1)}
    return observed(seen("published"), *facts, kind=SupportRead, witness=witness, **dates)


def test_complete_advisories_pass() -> None:
    assert passes(ADVISORIES, advisories(seen("provider: role"), seen("a.json: CVE-1")))


@either_answer
def test_a_poor_advisory_fails(answer: Answered) -> None:
    poor = advisories(seen("provider: role"), answer("a.json: CVE-1", "no remediation"))
    assert fails(ADVISORIES, poor, says="a.json: CVE-1: no remediation")


def test_every_fault_of_the_advisories_is_reported() -> None:
    poor = advisories(silent("provider: role", "x"), refused("a.json: CVE-1", "y"))
    assert fails(ADVISORIES, poor, says="a.json: CVE-1: y; provider: role: x")


def test_advisories_that_were_not_read_leave_the_case_open() -> None:
    assert stays_open(ADVISORIES, advisories(silent("provider: role"), witness=BROKEN), says=BROKEN.what)


def test_a_product_in_its_support_period_passes() -> None:
    assert passes(SUPPORTED, support(seen("in_force"), refused("published_date")))


@either_answer
def test_a_product_outside_its_support_period_fails(answer: Answered) -> None:
    ended = support(answer("in_force", "support ended on 2025-01-01"))
    assert fails(SUPPORTED, ended, says="support ended on 2025-01-01")


def test_statements_that_were_not_read_leave_the_support_open() -> None:
    assert stays_open(SUPPORTED, support(silent("in_force"), witness=BROKEN), says=BROKEN.what)


@pytest.mark.parametrize("documents", [("published_date",), ("registry_date",), ("published_date", "registry_date")])
def test_documents_that_give_the_declared_end_pass(documents: tuple[str, ...]) -> None:
    assert passes(SAME_END, support(refused("in_force"), *map(seen, documents)))


@pytest.mark.parametrize("document", ["published_date", "registry_date"])
def test_a_document_that_gives_another_end_fails(document: str) -> None:
    dates = [refused(one, "says 2030") if one == document else seen(one) for one in ("published_date", "registry_date")]
    assert fails(SAME_END, support(refused("in_force", "ended"), *dates), says=f"{document}: says 2030")


def test_every_document_that_gives_another_end_is_reported() -> None:
    wrong = support(refused("registry_date", "says 2029"), refused("published_date", "says 2030"))
    assert fails(SAME_END, wrong, says="published_date: says 2030; registry_date: says 2029")


def test_no_end_of_support_to_compare_leaves_the_case_open() -> None:
    nothing = support(seen("in_force"), silent("published_date"))
    assert stays_open(SAME_END, nothing, says="no document gives an end of support")
