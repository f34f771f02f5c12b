"""Each assertion about events inside the device and about its clock, on made-up observations."""

from collections.abc import Callable

import pytest

from drivers.logs.clock import ClockFollows, ClockReading
from suites.state_awareness import test_log_system as cases
from tests.suites.made_up import (
    BROKEN,
    HOLDS,
    PROFILE,
    fails,
    needs,
    observed,
    passes,
    seen,
    silent,
    stays_open,
)
from tests.suites.state_awareness.events import logged, not_logged
from trustprobe.probe import Fact, Witness

EVENTS: dict[Callable[..., None], tuple[str, ...]] = {
    cases.test_debug_access_is_logged: (),
    cases.test_clock_step_is_logged: ("configure",),
    cases.test_clearing_the_log_is_logged: ("configure",),
    cases.test_service_start_is_logged: ("power",),
}
"""The cases that wait for one record, and what each of them needs."""
every_event = pytest.mark.parametrize("case", EVENTS, ids=lambda case: case.__name__)
BOUND = PROFILE.limits.log_clock_seconds


@every_event
def test_a_record_that_arrives_passes(case: Callable[..., None]) -> None:
    assert passes(case, logged(), PROFILE)


@every_event
def test_a_record_that_does_not_arrive_in_the_time_of_the_profile_fails(case: Callable[..., None]) -> None:
    words = f"no record of an_event within {PROFILE.limits.log_seconds:g} s"
    assert fails(case, not_logged(), PROFILE, says=words)


@every_event
def test_no_record_at_all_leaves_the_case_open(case: Callable[..., None]) -> None:
    assert stays_open(case, not_logged(witness=BROKEN), PROFILE, says=BROKEN.what)


@every_event
def test_a_record_must_be_allowed_to_be_caused(case: Callable[..., None]) -> None:
    assert needs(case) == EVENTS[case]


def clock(offset: float | None, witness: Witness = HOLDS, true_time: Witness = HOLDS) -> ClockReading:
    fact = silent("time") if offset is None else seen("time")
    return observed(fact, kind=ClockReading, witness=witness, offset=offset, true_time=true_time)


@pytest.mark.parametrize("offset", [0.0, BOUND, -BOUND])
def test_a_clock_within_the_bound_of_the_profile_passes(offset: float) -> None:
    assert passes(cases.test_records_carry_the_correct_time, clock(offset), PROFILE)


@pytest.mark.parametrize("offset", [BOUND + 0.1, -BOUND - 0.1])
def test_a_clock_that_is_ahead_or_behind_by_more_than_the_bound_fails(offset: float) -> None:
    words = f"the clock is {offset:+.1f} s off, {BOUND:g} s are allowed"
    assert fails(cases.test_records_carry_the_correct_time, clock(offset), PROFILE, says=words)


@pytest.mark.parametrize("offset", [BOUND + 0.1, -BOUND - 0.1])
def test_a_clock_that_differs_from_one_that_nothing_shows_to_be_right_is_left_open(offset: float) -> None:
    reading = clock(offset, true_time=BROKEN)
    words = f"are allowed, but {BROKEN.what}. Synchronise this machine with NTP"
    assert stays_open(cases.test_records_carry_the_correct_time, reading, PROFILE, says=words)


@pytest.mark.parametrize("offset", [BOUND, -BOUND])
def test_a_clock_that_agrees_with_one_that_nothing_shows_to_be_right_passes(offset: float) -> None:
    assert passes(cases.test_records_carry_the_correct_time, clock(offset, true_time=BROKEN), PROFILE)


def test_a_record_without_a_time_stamp_fails_whatever_the_time_is() -> None:
    for true_time in (HOLDS, BROKEN):
        reading = clock(None, true_time=true_time)
        assert fails(cases.test_records_carry_the_correct_time, reading, PROFILE, says="carries no time stamp")


def test_a_record_that_did_not_arrive_leaves_its_time_open() -> None:
    lost = clock(None, witness=BROKEN)
    assert stays_open(cases.test_records_carry_the_correct_time, lost, PROFILE, says=BROKEN.what)


def source(*facts: Fact, witness: Witness = HOLDS) -> ClockFollows:
    return observed(*facts, kind=ClockFollows, witness=witness, before=0.0, shifted=0.0, after=0.0, mark=0)


def test_a_clock_that_follows_there_and_back_passes() -> None:
    assert passes(cases.test_the_clock_follows_its_source, source(seen("shifted"), seen("back")))


def test_both_steps_that_the_clock_did_not_follow_are_reported() -> None:
    stays = source(silent("shifted", "+0.1 s"), silent("back", "+2.0 s"))
    words = "the clock did not follow its source: shifted: +0.1 s; back: +2.0 s"
    assert fails(cases.test_the_clock_follows_its_source, stays, says=words)


@pytest.mark.parametrize("step", ["shifted", "back"])
def test_one_step_that_the_clock_did_not_follow_fails(step: str) -> None:
    facts = [silent(about, "+9.0 s") if about == step else seen(about) for about in ("shifted", "back")]
    assert fails(cases.test_the_clock_follows_its_source, source(*facts), says=f"its source: {step}: +9.0 s")


def test_missing_time_stamps_leave_the_source_open() -> None:
    lost = source(silent("shifted"), silent("back"), witness=BROKEN)
    assert stays_open(cases.test_the_clock_follows_its_source, lost, says=BROKEN.what)


def test_shifting_the_time_must_be_allowed() -> None:
    assert needs(cases.test_records_carry_the_correct_time) == ()
    assert needs(cases.test_the_clock_follows_its_source) == ("configure",)
