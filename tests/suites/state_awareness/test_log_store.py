"""Each assertion about the device's own log, on made-up observations."""

from collections.abc import Callable

import pytest

from drivers.logs.flood import Flood
from suites.state_awareness import test_log_store as cases
from tests.suites.made_up import (
    BROKEN,
    HOLDS,
    PROFILE,
    fails,
    needs,
    observed,
    passes,
    refused,
    seen,
    silent,
    stays_open,
)
from trustprobe.probe import Fact, Witness

ACCESS: dict[Callable[..., None], str] = {
    cases.test_log_is_shown_only_to_declared_readers: "the log is shown to anonymous, viewer",
    cases.test_clearing_the_log_requires_authorisation: "the log was cleared by anonymous, viewer",
    cases.test_log_accepts_no_forged_records: "the log accepted forged records: anonymous, viewer",
}
"""The cases about access, and the reason where both askers are granted it."""
every_access = pytest.mark.parametrize("case", ACCESS, ids=lambda case: case.__name__)


@every_access
@pytest.mark.parametrize("answer", [refused, silent])
def test_no_access_without_authorisation_passes(case: Callable[..., None], answer: Callable[[str], Fact]) -> None:
    assert passes(case, observed(answer("anonymous"), refused("viewer"), witness=HOLDS))


@every_access
def test_everybody_who_is_granted_access_is_reported(case: Callable[..., None]) -> None:
    assert fails(case, observed(seen("viewer"), seen("anonymous"), witness=BROKEN), says=ACCESS[case])


@every_access
def test_no_access_is_open_if_authorisation_grants_none_either(case: Callable[..., None]) -> None:
    assert stays_open(case, observed(silent("anonymous"), refused("viewer"), witness=BROKEN), says=BROKEN.what)


def test_a_record_that_is_still_there_after_the_restart_passes() -> None:
    assert passes(cases.test_log_survives_a_restart, observed(seen("record"), witness=HOLDS))


def test_a_record_that_the_restart_removed_fails() -> None:
    gone = observed(silent("record"), witness=HOLDS)
    assert fails(cases.test_log_survives_a_restart, gone, says="a record from before the restart is gone")


def test_a_restart_that_was_not_seen_leaves_the_case_open() -> None:
    unseen = observed(silent("record"), witness=BROKEN)
    assert stays_open(cases.test_log_survives_a_restart, unseen, says=BROKEN.what)


def burst(fact: Fact, witness: Witness = HOLDS) -> Flood:
    return observed(fact, kind=Flood, witness=witness, answered=200, burst_seconds=2.0, logged=200, delay=None)


def test_an_event_that_is_logged_after_the_burst_passes() -> None:
    assert passes(cases.test_a_burst_does_not_hide_the_event_after_it, burst(seen("event")), PROFILE)


def test_an_event_that_the_burst_hides_fails() -> None:
    hidden = burst(silent("event", "3 of 200 logged"))
    words = f"no record within {PROFILE.limits.log_seconds:g} s: 3 of 200 logged"
    assert fails(cases.test_a_burst_does_not_hide_the_event_after_it, hidden, PROFILE, says=words)


def test_an_event_that_is_never_logged_says_nothing_about_the_burst() -> None:
    never = burst(silent("event"), witness=BROKEN)
    assert stays_open(cases.test_a_burst_does_not_hide_the_event_after_it, never, PROFILE, says=BROKEN.what)


def test_clearing_the_log_and_the_restart_must_be_allowed() -> None:
    assert needs(cases.test_log_is_shown_only_to_declared_readers) == ()
    assert needs(cases.test_clearing_the_log_requires_authorisation) == ("configure",)
    assert needs(cases.test_log_accepts_no_forged_records) == ()
    assert needs(cases.test_log_survives_a_restart) == ("power",)
    assert needs(cases.test_a_burst_does_not_hide_the_event_after_it) == ()
