"""Default credentials: none of the well-known pairs opens SSH, Telnet, the web administration, HTTP authentication,
the serial console, FTP, a stream, an MQTT broker or an SNMP agent.
"""

from drivers.guessing.logins import Guesses
from drivers.network.logins.snmp import SnmpGuesses
from trustprobe.judging.case import case

COVERS = ["IAC-1b", "EN303645 5.1-1", "EN18031 AUM-5-1"]
ADVICE = "Give each device its own password, or have one set before the interface can be used; remove the account."


def accepted(guesses: Guesses) -> str:
    """Say which guesses got in, for the sentence of a failure."""
    anything = " (any password gets in: the interface checks none)" if guesses.accepts_anything else ""
    return f"{guesses.probe.removeprefix('guess_logins.')} let in {', '.join(sorted(guesses.seen))}{anything}"


@case("credentials.default.http_form", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_login_form_accepts_no_default_credential(web_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the login form of the web administration.

    A login counts when a page that only a login shows can be read with it. Witness: after each batch the valid
    login gets in through the same code.
    """
    assert not web_guess.seen, accepted(web_guess)


@case("credentials.default.ssh", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_accepts_no_default_credential(ssh_guess: Guesses) -> None:
    """Try the well-known passwords of one user name over SSH.

    A login counts when a session opens after it. Witness: after each batch the valid login gets in through the
    same code, so that no ban or lockout is taken for a refusal.
    """
    assert not ssh_guess.seen, accepted(ssh_guess)


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


@case("credentials.default.telnet", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_telnet_accepts_no_default_credential(telnet_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over Telnet: where it is declared, and on its usual ports.

    A login counts when a command prompt shows after it, twice. Witness: after each batch the valid login gets in
    through the same code; where none is declared, each guess has its own refusal, or the port is closed and the canary
    answers.
    """
    assert not telnet_guess.seen, accepted(telnet_guess)
    assert beside_guess is None or not beside_guess.seen, accepted(beside_guess)


@case("credentials.default.http_basic", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_http_authentication_accepts_no_default_credential(
    http_basic_guess: Guesses, beside_guess: Guesses | None
) -> None:
    """Try the well-known passwords of one user name by HTTP authentication, Basic or Digest as the server asks for it.

    Asked are the declared API, and the paths that devices of many makers have on each HTTP service. A login counts when
    the path answers 2xx with it and 401 without it. Witness: after each batch the valid login gets in through the same
    code; where none is declared, each guess has its own 401, or no path asks for a password and the canary answers.
    """
    assert not http_basic_guess.seen, accepted(http_basic_guess)
    assert beside_guess is None or not beside_guess.seen, accepted(beside_guess)


@case("credentials.default.ftp", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ftp_accepts_no_default_credential(ftp_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over FTP, inside TLS where the server asks for it.

    A login counts when a command that was refused before it is answered after it. Witness: after each batch the valid
    login gets in through the same code; where none is declared, each guess has its own refusal, or the port is closed
    and the canary answers.
    """
    assert not ftp_guess.seen, accepted(ftp_guess)
    assert beside_guess is None or not beside_guess.seen, accepted(beside_guess)


@case("credentials.default.rtsp", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_stream_accepts_no_default_credential(rtsp_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over RTSP, on the declared stream and on its usual ports and paths.

    A login counts when DESCRIBE gives an SDP with it and 401 without it. Witness: after each batch the valid login gets
    in through the same code; where none is declared, each guess has its own 401, or the port is closed and the canary
    answers.
    """
    assert not rtsp_guess.seen, accepted(rtsp_guess)
    assert beside_guess is None or not beside_guess.seen, accepted(beside_guess)


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
