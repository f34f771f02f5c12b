"""The assertion about the notice of a newer version, on made-up observations."""

from collections.abc import Callable

import pytest

from suites.software_update import test_notice as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact

CASE = cases.test_customer_is_notified_of_a_newer_version
PARTS = ("asked", "quiet before", "told")


def test_a_product_that_asks_and_then_shows_the_version_passes() -> None:
    assert passes(CASE, observed(*map(seen, PARTS), witness=HOLDS))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("answer", [silent, refused])
def test_each_part_must_have_been_seen(part: str, answer: Callable[[str, str], Fact]) -> None:
    facts = [answer(part, f"not {part}") if part == one else seen(one, f"is {one}") for one in PARTS]
    assert fails(CASE, observed(*facts, witness=HOLDS), says=f"not {part}")


def test_every_part_that_is_missing_is_reported() -> None:
    poor = observed(silent("asked", "never asked"), seen("quiet before"), silent("told", "not shown"), witness=HOLDS)
    assert fails(CASE, poor, says="never asked; not shown")


def test_a_page_that_could_not_be_read_leaves_the_case_open() -> None:
    assert stays_open(CASE, observed(silent("asked", "never asked"), witness=BROKEN), says=BROKEN.what)
