"""Each assertion about default credentials, on made-up guesses."""

from collections.abc import Callable
from functools import partial

import pytest

from drivers.guessing.logins import Guesses
from drivers.network.logins.snmp import SnmpGuesses
from suites.interface_access_control import test_credentials as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Observation

ONE_DOOR = (
    cases.test_login_form_accepts_no_default_credential,
    cases.test_serial_console_accepts_no_default_credential,
)
TWO_DOORS = (
    cases.test_ssh_accepts_no_default_credential,
    cases.test_mqtt_broker_accepts_no_default_credential,
    cases.test_telnet_accepts_no_default_credential,
    cases.test_http_authentication_accepts_no_default_credential,
    cases.test_ftp_accepts_no_default_credential,
    cases.test_stream_accepts_no_default_credential,
    cases.test_registrar_accepts_no_default_credential,
    cases.test_mail_server_accepts_no_default_credential,
)
ANYTHING = "any password, so the interface checks none"


def guesses(*facts: Fact, door: str = "door", anything: bool = False, **more: object) -> Guesses:
    fields = {"probe": f"guess_logins.{door}", "interface": door, "accepts_anything": anything} | more
    return observed(*facts, kind=Guesses, witness=HOLDS, **fields)


def arguments(case: Callable[..., None], declared: Observation, usual: Observation | None = None) -> tuple[object, ...]:
    return (declared,) if case in ONE_DOOR else (declared, usual)


every_case = pytest.mark.parametrize("case", ONE_DOOR + TWO_DOORS)
two_doors = pytest.mark.parametrize("case", TWO_DOORS)
GOOD = guesses(refused("root:root"), silent("root:toor"))


@every_case
def test_refused_guesses_pass(case: Callable[..., None]) -> None:
    assert passes(case, *arguments(case, GOOD))


@every_case
def test_every_guess_that_got_in_is_reported(case: Callable[..., None]) -> None:
    bad = guesses(seen("root:toor"), refused("root:"), seen("root:root"))
    assert fails(case, *arguments(case, bad), says="door let in root:root (the password is the user name), root:toor")


@every_case
def test_a_door_that_checks_no_password_says_so(case: Callable[..., None]) -> None:
    bad = guesses(seen("root:root"), silent("root:toor"), anything=True)
    assert fails(case, *arguments(case, bad), says=f"door let in root:root (the password is the user name), {ANYTHING}")


@every_case
def test_a_refusal_proves_nothing_where_a_nonsense_password_gets_in(case: Callable[..., None]) -> None:
    odd = guesses(refused("root:root"), silent("root:toor"), anything=True)
    assert stays_open(case, *arguments(case, odd), says=f"door let in {ANYTHING}")


@every_case
def test_a_door_without_a_login_says_so(case: Callable[..., None]) -> None:
    bad = guesses(seen("root:root"), silent("root:toor"), anything=True, without_login=True)
    assert fails(case, *arguments(case, bad), says="door requires no login")


@every_case
def test_a_user_without_a_password_says_so(case: Callable[..., None]) -> None:
    bad = guesses(seen("root:root"), refused("admin:admin"), passwordless=("root",))
    assert fails(case, *arguments(case, bad), says="door let in root:root (no password is required)")


@every_case
def test_an_empty_password_says_so(case: Callable[..., None]) -> None:
    assert fails(case, *arguments(case, guesses(seen("root:"))), says="door let in root: (an empty password)")


@two_doors
def test_each_port_that_let_in_is_named(case: Callable[..., None]) -> None:
    bad = guesses(seen("root:toor"), door="usual", at={"root:toor": ("tcp-23", "tcp-2323")})
    assert fails(case, GOOD, bad, says="usual let in root:toor (at tcp-23, tcp-2323)")


@two_doors
def test_refused_guesses_at_the_usual_ports_pass(case: Callable[..., None]) -> None:
    assert passes(case, GOOD, GOOD)


@two_doors
def test_a_guess_that_got_in_at_a_usual_port_fails(case: Callable[..., None]) -> None:
    assert fails(
        case,
        GOOD,
        guesses(seen("root:root"), door="usual"),
        says="usual let in root:root (the password is the user name)",
    )


@two_doors
def test_faults_of_both_doors_are_reported(case: Callable[..., None]) -> None:
    bad, usual = guesses(seen("root:root")), guesses(seen("root:toor"), door="usual")
    assert fails(case, bad, usual, says="door let in root:root (the password is the user name); usual let in root:toor")


def test_every_community_that_the_agent_answers_is_reported() -> None:
    assert fails_on_presence(
        cases.test_snmp_agent_accepts_no_default_community,
        seen("v2c:public", "a box"),
        seen("v1:private", "the box"),
        says="the SNMP agent answers v1:private (the box), v2c:public (a box)",
        made=partial(observed, kind=SnmpGuesses),
    )
