"""Each assertion about published policies, on made-up observations."""

from collections.abc import Callable
from datetime import date

import pytest

from drivers.documents.policy import ELEMENTS, PolicyRead
from drivers.documents.support import SupportRead
from suites.documentation import test_policies as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

POLICY = cases.test_disclosure_policy_states_a_contact_and_times
SUPPORT = cases.test_end_of_support_is_published


def policy(*facts: Fact, witness: Witness = HOLDS) -> PolicyRead:
    """A policy with every element, but for these facts."""
    known = {about: seen(about) for about in ELEMENTS} | {fact.about: fact for fact in facts}
    return observed(*known.values(), kind=PolicyRead, witness=witness, sha256="")


def support(*facts: Fact, witness: Witness = HOLDS) -> SupportRead:
    dates = {"starts": date(2026, 1, 1), "ends": date(2031, 1, 1)}
    return observed(*facts, kind=SupportRead, witness=witness, **dates)


def test_a_policy_with_every_element_passes() -> None:
    assert passes(POLICY, policy())


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("answer", [refused, silent])
def test_each_element_is_required(element: str, answer: Callable[[str, str], Fact]) -> None:
    assert fails(POLICY, policy(answer(element, "names no time")), says=f"{element}: names no time")


def test_every_poor_element_is_reported() -> None:
    poor = policy(silent("contact", "a"), refused("status_updates", "b"))
    assert fails(POLICY, poor, says="contact: a; status_updates: b")


def test_a_policy_that_was_not_read_leaves_the_case_open() -> None:
    assert stays_open(POLICY, policy(silent("contact"), witness=BROKEN), says=BROKEN.what)


def test_a_published_end_of_support_passes() -> None:
    assert passes(SUPPORT, support(seen("published"), refused("in_force")))


@pytest.mark.parametrize("answer", [refused, silent])
def test_an_end_of_support_that_is_not_published_fails(answer: Callable[[str, str], Fact]) -> None:
    unpublished = support(answer("published", "gives no end of support"), seen("in_force"))
    assert fails(SUPPORT, unpublished, says="gives no end of support")


def test_a_statement_that_was_not_read_leaves_the_case_open() -> None:
    assert stays_open(SUPPORT, support(silent("published"), witness=BROKEN), says=BROKEN.what)
