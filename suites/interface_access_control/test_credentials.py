"""Default credentials: no well-known pair opens an interface of the device.

The interfaces are SSH, Telnet, the web administration, HTTP authentication, the serial console, FTP, a stream, an MQTT
broker, a registrar of SIP, a mail server and an SNMP agent.
"""

from drivers.guessing.logins import Guesses
from drivers.network.logins.snmp import SnmpGuesses
from trustprobe.judging.case import case

COVERS = ["IAC-1b", "EN303645 5.1-1", "EN18031 AUM-5-1"]
ADVICE = "Give each device its own password, or require a new one before first use. Remove the account."


def let_in(*doors: Guesses | None) -> str:
    """Return which guesses got in, by door. Empty if none did, and a password that nobody can know did not either.

    The words distinguish an interface that requires no login, one that accepts any password, a user name without a
    password, and a default password. If any password gets in, a refusal proves nothing, and most are not tried.
    """
    faults = []
    for guesses in {one.probe: one for one in doors if one is not None}.values():
        if guesses.seen or guesses.accepts_anything:
            faults.append(f"{guesses.probe.removeprefix('guess_logins.')} {_what_got_in(guesses)}")
    return "; ".join(faults)


def _what_got_in(guesses: Guesses) -> str:
    if guesses.without_login:
        return "requires no login"
    words = [_pair(guesses, about) for about in sorted(guesses.seen)]
    if guesses.accepts_anything:
        words.append("any password, so the interface checks none")
    return f"let in {', '.join(words)}"


def _pair(guesses: Guesses, about: str) -> str:
    user, _, password = about.partition(":")
    words = [f"at {', '.join(guesses.at[about])}"] if about in guesses.at else []
    if user in guesses.passwordless:
        words.append("no password is required")
    elif not password:
        words.append("an empty password")
    elif user == password:
        words.append("the password is the user name")
    return f"{about} ({'; '.join(words)})" if words else about


@case("credentials.default.http_form", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_login_form_accepts_no_default_credential(web_guess: Guesses) -> None:
    """Try the well-known passwords of one user name on the login form of the web administration.

    A login counts if it opens a page that only a login opens. Witness: after each batch, the valid login gets in
    through the same code.
    """
    faults = let_in(web_guess)
    assert not faults, faults


@case("credentials.default.ssh", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_accepts_no_default_credential(ssh_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over SSH, and the method `none` before the empty password.

    A login counts if a session opens after it. After `none`, the session must not ask for a login itself. Witness:
    after each batch, the valid login gets in through the same code. This rules out that a ban or lockout is mistaken
    for a refusal.
    """
    faults = let_in(ssh_guess, beside_guess)
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
def test_mqtt_broker_accepts_no_default_credential(mqtt_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name on the declared MQTT broker, or else on the usual MQTT ports.

    A login counts if CONNACK accepts it. Witness: after each batch, the valid login gets in through the same code. If
    none is declared, CONNACK refuses each guess, or the port is closed.
    """
    faults = let_in(mqtt_guess, beside_guess)
    assert not faults, faults


@case("credentials.default.telnet", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_telnet_accepts_no_default_credential(telnet_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over Telnet, on the declared port, the usual ports and
    every port on which the sweep found it.

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


@case("credentials.default.sip", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_registrar_accepts_no_default_credential(sip_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over SIP, on the declared port, on the usual TCP ports and on
    every port on which a sweep found it.

    A login counts if REGISTER is answered 200 with it and 401 or 407 without it. No Contact is sent, so nothing is
    registered. Witness: after each batch, the valid login gets in through the same code. If none is declared, each
    guess is refused, or the port is closed and the canary answers.
    """
    faults = let_in(sip_guess, beside_guess)
    assert not faults, faults


@case("credentials.default.smtp", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_mail_server_accepts_no_default_credential(smtp_guess: Guesses, beside_guess: Guesses | None) -> None:
    """Try the well-known passwords of one user name over SMTP, on the declared port, the usual ports and every port on
    which the sweep found it, inside TLS if the server offers STARTTLS.

    A login counts if AUTH is answered 235. No mail is sent. Witness: after each batch, the valid login gets in through
    the same code. If none is declared, each guess gets its own refusal, the server offers no login, or the port is
    closed and the canary answers.
    """
    faults = let_in(smtp_guess, beside_guess)
    assert not faults, faults


@case(
    "credentials.default.snmp",
    covers=COVERS,
    fails_on="presence",
    advice="Disable v1 and v2c, and give each device its own v3 users with authentication and privacy.",
)
def test_snmp_agent_accepts_no_default_community(snmp_guess: SnmpGuesses) -> None:
    """Read sysDescr.0 with well-known communities of v1 and v2c, and with well-known v3 users without a password.

    A returned value is a failure, from whatever port or address it comes. Witness: before and after, the agent reported
    its v3 engine or read the community of the bench. ICMP that reports a closed port needs no witness.
    """
    known = [f"{about} ({snmp_guess.detail(about)})" for about in sorted(snmp_guess.seen)]
    assert not known, f"the SNMP agent answers {', '.join(known)}"
