"""Each assertion about the speed of guessing, and about passwords that can be derived, on made-up attempts."""

from collections.abc import Callable
from functools import partial

import pytest

from drivers.guessing.logins import Guesses
from drivers.guessing.rate import Guessing
from suites.interface_access_control import test_guessing as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, stays_open
from trustprobe.probe import Fact, Witness

LIMITED = (
    cases.test_ssh_limits_password_guessing,
    cases.test_login_form_limits_password_guessing,
    cases.test_http_authentication_limits_password_guessing,
    cases.test_stream_limits_password_guessing,
    cases.test_registrar_limits_password_guessing,
    cases.test_mail_server_limits_password_guessing,
    cases.test_telnet_limits_password_guessing,
    cases.test_ftp_limits_password_guessing,
    cases.test_mqtt_broker_limits_password_guessing,
)
every_door = pytest.mark.parametrize("case", LIMITED)


def attempts(limit: Fact, witness: Witness = HOLDS) -> Guessing:
    others = seen("rate_before", "20 a second"), seen("delay", "0.05 s")
    fields = {"attempts": 20, "rate_before": 20.0, "rate_after": 20.0}
    return observed(limit, *others, kind=Guessing, witness=witness, **fields)


@every_door
def test_a_lock_or_a_delay_passes(case: Callable[..., None]) -> None:
    assert passes(case, attempts(seen("limit", "the account was locked for 60 s")))


@every_door
def test_attempts_without_a_limit_fail_with_their_speed(case: Callable[..., None]) -> None:
    free = attempts(refused("limit", "20 attempts in 1 s, and no limit"))
    assert fails(case, free, says="20 attempts in 1 s, and no limit")


@every_door
def test_attempts_that_the_valid_login_does_not_frame_stay_open(case: Callable[..., None]) -> None:
    lost = attempts(refused("limit", "no limit"), witness=BROKEN)
    assert stays_open(case, lost, says=(BROKEN.what, "no limit"))


@every_door
def test_guessing_until_an_account_is_locked_must_be_allowed(case: Callable[..., None]) -> None:
    assert needs(case) == ("lockout",)


def test_every_derived_password_that_got_in_is_reported() -> None:
    assert fails_on_presence(
        cases.test_no_password_can_be_derived_from_the_identifiers_of_the_device,
        seen("admin:SN-0042"),
        seen("admin:112233"),
        says="got in: admin:112233, admin:SN-0042",
        made=partial(observed, kind=Guesses, interface="http", accepts_anything=False),
    )
