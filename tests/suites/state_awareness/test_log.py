"""Each assertion about the log's events, transport and records, on made-up observations."""

from collections.abc import Callable

import pytest

from drivers.logs.records import RecordsRead
from suites.state_awareness import test_log as cases
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
from tests.suites.state_awareness.events import logged, not_logged
from trustprobe.probe import Fact

EVENTS: dict[Callable[..., None], tuple[str, ...]] = {
    cases.test_failed_login_is_logged: (),
    cases.test_login_is_logged: (),
    cases.test_lockout_is_logged: ("lockout",),
    cases.test_setting_change_is_logged: ("configure",),
    cases.test_device_start_is_logged: ("power",),
    cases.test_rejected_update_is_logged: ("update",),
    cases.test_installed_update_is_logged: ("update",),
    cases.test_factory_reset_is_logged: ("configure", "reset"),
}
"""The cases that wait for one record, and what each of them needs."""
every_event = pytest.mark.parametrize("case", EVENTS, ids=lambda case: case.__name__)


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


def test_every_record_that_did_not_arrive_is_named() -> None:
    both = logged(silent("update_rejected"), silent("login_failure"))
    assert fails(cases.test_failed_login_is_logged, both, PROFILE, says="no record of login_failure, update_rejected")


def test_records_over_tls_only_pass() -> None:
    tls = observed(seen("tls"), silent("udp"), silent("tcp"), witness=HOLDS)
    assert passes(cases.test_log_is_never_forwarded_in_clear_text, tls)


def test_every_clear_text_transport_with_a_record_is_reported() -> None:
    clear = observed(seen("udp"), seen("tls"), seen("tcp"), witness=HOLDS)
    words = "records arrived in clear text over tcp, udp"
    assert fails(cases.test_log_is_never_forwarded_in_clear_text, clear, says=words)


def test_silent_transports_leave_the_case_open() -> None:
    nothing = observed(silent("tls"), silent("udp"), silent("tcp"), witness=BROKEN)
    assert stays_open(cases.test_log_is_never_forwarded_in_clear_text, nothing, says=BROKEN.what)


@pytest.mark.parametrize("answer", [refused, silent])
def test_no_record_to_an_untrusted_collector_passes(answer: Callable[[str], Fact]) -> None:
    held = observed(answer("untrusted collector"), witness=HOLDS)
    assert passes(cases.test_device_checks_the_collectors_certificate, held)


def test_a_record_to_an_untrusted_collector_fails() -> None:
    sent = observed(seen("untrusted collector"), witness=BROKEN)
    words = "records to a collector with a certificate of an unknown CA"
    assert fails(cases.test_device_checks_the_collectors_certificate, sent, says=words)


def test_a_device_that_does_not_return_to_the_trusted_collector_leaves_the_case_open() -> None:
    gone = observed(silent("untrusted collector"), witness=BROKEN)
    assert stays_open(cases.test_device_checks_the_collectors_certificate, gone, says=BROKEN.what)


def read(*facts: Fact, **faults: str) -> RecordsRead:
    return observed(*facts, kind=RecordsRead, faults={f"no {fault}": example for fault, example in faults.items()})


def test_complete_records_pass() -> None:
    assert passes(cases.test_records_carry_time_and_source, read(seen("record 0"), seen("record 1")))


def test_every_kind_of_fault_is_reported_with_a_record_that_has_it() -> None:
    records = read(seen("record 0"), refused("record 1"), refused("record 2"), time="<38>1 -", host="<38>1 2026 -")
    words = "2 of 3 records: no time (<38>1 -); no host (<38>1 2026 -)"
    assert fails(cases.test_records_carry_time_and_source, records, says=words)


def test_records_that_are_all_faulty_fail() -> None:
    assert fails(cases.test_records_carry_time_and_source, read(refused("record 0"), time="-"), says="1 of 1 records")


def test_no_record_to_judge_leaves_the_case_open() -> None:
    assert stays_open(cases.test_records_carry_time_and_source, read(silent("records")), says="no probe saw it")


def test_records_without_a_password_pass() -> None:
    clean = observed(silent("the failed login"), silent("the administrator"), witness=HOLDS)
    assert passes(cases.test_no_record_contains_a_password, clean)


def test_every_password_in_a_record_is_reported() -> None:
    shown = observed(seen("the failed login"), seen("the administrator"), witness=BROKEN)
    words = "contains the password of the administrator, the failed login"
    assert fails(cases.test_no_record_contains_a_password, shown, says=words)


def test_missing_records_of_the_logins_leave_the_search_open() -> None:
    nothing = observed(silent("the failed login"), silent("the administrator"), witness=BROKEN)
    assert stays_open(cases.test_no_record_contains_a_password, nothing, says=BROKEN.what)
