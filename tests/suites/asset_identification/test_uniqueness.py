"""The assertion about identifiers that two samples share, on made-up observations."""

import pytest

from drivers.network.identity.samples import IDENTIFIERS, SharedIdentifiers
from suites.asset_identification import test_uniqueness as cases
from tests.suites.made_up import fails, observed, passes, seen, silent, stays_open
from trustprobe.probe import Fact

CASE = cases.test_two_samples_share_no_identifier
every_identifier = pytest.mark.parametrize("name", IDENTIFIERS)


def compared(*facts: Fact, **unread: str) -> SharedIdentifiers:
    """Two samples that share nothing, but for these facts."""
    known = {name: silent(name) for name in IDENTIFIERS} | {fact.about: fact for fact in facts}
    return observed(*known.values(), kind=SharedIdentifiers, unread=unread)


@every_identifier
def test_an_identifier_that_differs_passes(name: str) -> None:
    assert passes(CASE, compared().row(name))


@every_identifier
def test_a_shared_identifier_fails(name: str) -> None:
    assert fails(CASE, compared(seen(name, "both have it")).row(name), says="both have it")


def test_every_shared_identifier_is_reported() -> None:
    both = compared(seen("serial", "both have 1"), seen("mac", "both have 2"))
    assert fails(CASE, both, says="both have 2; both have 1")


@every_identifier
def test_an_identifier_that_was_not_read_on_both_samples_leaves_the_case_open(name: str) -> None:
    unread = compared(**{name: "the first sample did not show it"}).row(name)
    assert stays_open(CASE, unread, says=f"{name} was not read on both: the first sample did not show it")
