"""Default credentials: no well-known pair opens an interface of the device.

The interfaces are SSH, Telnet, the web administration, HTTP authentication, the serial console, FTP, a stream, an MQTT
broker and an SNMP agent.
"""

from drivers.guessing.logins import Guesses
from drivers.network.logins.snmp import SnmpGuesses
from trustprobe.judging.case import case

COVERS = ["IAC-1b", "EN303645 5.1-1", "EN18031 AUM-5-1"]
ADVICE = "Give each device its own password, or require a new one before first use. Remove the account."


def let_in(*doors: Guesses | None) -> str:
    """Return which guesses got in, by door. Empty if none did, and a password that nobody can know did not either.

    If such a password got in, a refusal proves nothing: most passwords are then not tried.
    """
    faults = []
    for guesses in doors:
        if guesses is not None and (guesses.seen or guesses.accepts_anything):
            anything = ["any password, so the interface checks none"] if guesses.accepts_anything else []
            words = ", ".join([*sorted(guesses.seen), *anything])
            faults.append(f"{guesses.probe.removeprefix('guess_logins.')} let in {words}")
    return "; ".join(faults)


@case("credentials.default.http_form", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_login_form_accepts_no_default_credential(web_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the login form of the web administration.

    A login counts if it opens a page that only a login opens. Witness: after each batch, the valid login gets in
    through the same code.
    """
    faults = let_in(web_guess)
    assert not faults, faults


@case("credentials.default.ssh", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_accepts_no_default_credential(ssh_guess: Guesses) -> None:
    """Try the well-known passwords of one user name over SSH.

    A login counts if a session opens after it. Witness: after each batch, the valid login gets in through the same
    code. This rules out that a ban or lockout is mistaken for a refusal.
    """
    faults = let_in(ssh_guess)
    assert not faults, faults


@case("credentials.default.serial", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_serial_console_accepts_no_default_credential(console_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the serial console.

    A login counts if the declared shell prompt appears. Witness: after each batch, the valid login gets in through the
    same code.
    """
    faults = let_in(console_guess)
    assert not faults, faults


@case("credentials.default.mqtt", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_mqtt_broker_accepts_no_default_credential(mqtt_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the declared MQTT broker, or else on the usual MQTT ports.

    A login counts if CONNACK accepts it. Witness: after each batch, the valid login gets in through the same code. If
    none is declared, CONNACK refuses each guess, or the port is closed.
    """
    faults = let_in(mqtt_guess)
    assert not faults, faults


@case("credentials.default.telnet", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_telnet_accepts_no_default_credential(telnet_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over Telnet, on the declared port and on the usual ports.

    A login counts if the same command prompt appears twice after it. Witness: after each batch, the valid login gets in
    through the same code. If none is declared, each guess gets its own refusal, or the port is closed and the canary
    answers.
    """
    faults = let_in(telnet_guess, beside_guess)
    assert not faults, faults


@case("credentials.default.http_basic", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_http_authentication_accepts_no_default_credential(
    http_basic_guess: Guesses, beside_guess: Guesses | None
) -> None:
    """Try the well-known passwords of one user name with HTTP authentication, Basic or Digest as the server requires.

    The guesses go to the declared API, and on each HTTP service to paths that devices of many manufacturers have. A
    login counts if the path answers 2xx with it and 401 without it. Witness: after each batch, the valid login gets in
    through the same code. If none is declared, each guess gets its own 401, or no path requires a password and the
    canary answers.
    """
    faults = let_in(http_basic_guess, beside_guess)
    assert not faults, faults


@case("credentials.default.ftp", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ftp_accepts_no_default_credential(ftp_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over FTP, inside TLS if the server requires it.

    A login counts if a command that was refused before it is answered after it. Witness: after each batch, the valid
    login gets in through the same code. If none is declared, each guess gets its own refusal, or the port is closed and
    the canary answers.
    """
    faults = let_in(ftp_guess, beside_guess)
    assert not faults, faults


@case("credentials.default.rtsp", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_stream_accepts_no_default_credential(rtsp_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over RTSP, on the declared stream and on the usual ports and paths.

    A login counts if DESCRIBE returns an SDP with it and 401 without it. Witness: after each batch, the valid login
    gets in through the same code. If none is declared, each guess gets its own 401, or the port is closed and the
    canary answers.
    """
    faults = let_in(rtsp_guess, beside_guess)
    assert not faults, faults


@case(
    "credentials.default.snmp",
    covers=COVERS,
    fails_on="presence",
    advice="Disable v1 and v2c, and give each device its own v3 users with authentication and privacy.",
)
def test_snmp_agent_accepts_no_default_community(snmp_guess: SnmpGuesses) -> None:
    """Read sysDescr.0 with well-known communities of v1 and v2c, and with well-known v3 users without a password.

    A returned value is a failure. Witness: the agent reported its v3 engine before and after. If no SNMP is declared,
    other declared UDP services answered before and after, or ICMP reports that the port is closed.
    """
    known = [f"{about} ({snmp_guess.detail(about)})" for about in sorted(snmp_guess.seen)]
    assert not known, f"the SNMP agent answers {', '.join(known)}"
