"""Each assertion about passwords, on made-up observations."""

from collections.abc import Callable

import pytest

from suites.product_configuration import test_password as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Observation, Witness

CHANGE = cases.test_changed_password_replaces_the_old_one
WEAK = cases.test_weak_password_is_refused


def change(*facts: Fact, witness: Witness = HOLDS) -> Observation:
    """A change that takes effect, but for these facts."""
    good = (seen("changed"), seen("new"), refused("old"), seen("session"))
    return observed(*{fact.about: fact for fact in (*good, *facts)}.values(), witness=witness)


def test_a_new_password_that_replaces_the_old_one_passes() -> None:
    assert passes(CHANGE, change())


@pytest.mark.parametrize("part", ["changed", "new"])
@pytest.mark.parametrize("answer", [refused, silent])
def test_a_change_without_effect_fails(part: str, answer: Callable[[str, str], Fact]) -> None:
    assert fails(CHANGE, change(answer(part, "status 500")), says=f"{part}: status 500")


@pytest.mark.parametrize("answer", [seen, silent])
def test_an_old_password_that_is_not_refused_fails(answer: Callable[[str, str], Fact]) -> None:
    assert fails(CHANGE, change(answer("old", "logs in")), says="the old password still gets in: logs in")


def test_every_fault_of_the_change_is_reported() -> None:
    faulty = change(refused("changed", "a"), refused("new", "b"), seen("old", "c"))
    assert fails(CHANGE, faulty, says="changed: a; new: b; the old password still gets in: c")


def test_a_valid_login_that_fails_leaves_the_change_open() -> None:
    unasked = change(silent("changed"), silent("new"), silent("old"), witness=BROKEN)
    assert stays_open(CHANGE, unasked, says=BROKEN.what)


def test_a_weak_password_that_is_refused_passes() -> None:
    assert passes(WEAK, observed(refused("too_short"), witness=HOLDS))


def test_every_weak_password_that_gets_in_is_reported() -> None:
    weak = observed(seen("user_name", "second"), seen("too_short", "first"), witness=BROKEN)
    assert fails(WEAK, weak, says="first; second")


def test_a_strong_password_that_is_refused_too_leaves_the_case_open() -> None:
    assert stays_open(WEAK, observed(refused("too_short"), witness=BROKEN), says=BROKEN.what)


def test_changing_a_password_must_be_allowed() -> None:
    assert (needs(CHANGE), needs(WEAK)) == (("configure",), ("configure",))
