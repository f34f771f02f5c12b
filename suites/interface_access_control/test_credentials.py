"""Default credentials: none of the well-known pairs opens SSH, the web administration, the serial console, an
MQTT broker or an SNMP agent.
"""

from drivers.credentials import Guesses
from drivers.network.snmp import SnmpGuesses
from fixtures.case import case

COVERS = ["IAC-1b", "EN303645 5.1-1", "EN18031 AUM-5-1"]
ADVICE = "Give each device its own password, or have one set before the interface can be used; remove the account."


def accepted(guesses: Guesses) -> str:
    """Say which guesses got in, for the sentence of a failure."""
    anything = " (any password gets in: the interface checks none)" if guesses.accepts_anything else ""
    return f"{guesses.probe.removeprefix('guess_logins.')} let in {', '.join(sorted(guesses.seen))}{anything}"


@case("credentials.default.ssh", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_accepts_no_default_credential(ssh_guess: Guesses) -> None:
    """Try the well-known passwords of one user name over SSH.

    A login counts when a session opens after it. Witness: after each batch the valid login gets in through the
    same code, so that no ban or lockout is taken for a refusal.
    """
    assert not ssh_guess.seen, accepted(ssh_guess)


@case("credentials.default.http_form", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_login_form_accepts_no_default_credential(web_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the login form of the web administration.

    A login counts when a page that only a login shows can be read with it. Witness: after each batch the valid
    login gets in through the same code.
    """
    assert not web_guess.seen, accepted(web_guess)


@case("credentials.default.serial", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_serial_console_accepts_no_default_credential(console_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the serial console.

    A login counts when the declared shell prompt shows. Witness: after each batch the valid login gets in through
    the same code.
    """
    assert not console_guess.seen, accepted(console_guess)


@case("credentials.default.mqtt", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_mqtt_broker_accepts_no_default_credential(mqtt_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the declared MQTT broker, or else on the usual ports of MQTT.

    A login counts when CONNACK accepts it. Witness: after each batch the valid login gets in through the same code;
    where no broker is declared, each guess has its own refusal by CONNACK, or the port is closed.
    """
    assert not mqtt_guess.seen, accepted(mqtt_guess)


@case(
    "credentials.default.snmp",
    covers=COVERS,
    fails_on="presence",
    advice="Switch v1 and v2c off, and give each device its own users of v3 with authentication and privacy.",
)
def test_snmp_agent_accepts_no_default_community(snmp_guess: SnmpGuesses) -> None:
    """Read sysDescr.0 with well-known communities of v1 and v2c, and with well-known users of v3 without a password.

    A value that comes back is a failure. Witness: the agent told its v3 engine before and after; where no SNMP is
    declared, other declared UDP services answered before and after, or the port is closed and says so by ICMP.
    """
    known = [f"{about} ({snmp_guess.detail(about)})" for about in sorted(snmp_guess.seen)]
    assert not known, f"the SNMP agent answers {', '.join(known)}"
