"""Guessing: passwords cannot be tried fast, and do not follow from what is known of the device."""

from drivers.guessing.logins import Guesses
from drivers.guessing.rate import Guessing
from lab_config.bench import Permission
from trustprobe.judging.case import case

COVERS = ["IAC-1b", "EN303645 5.1-5", "EN18031 AUM-6"]
ADVICE = "Refuse an account for a while after some failed logins, or let each further one wait longer."


@case("credentials.guessing.ssh", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_ssh_slows_or_locks_guesses(ssh_guessing: Guessing) -> None:
    """Try wrong passwords of one account over SSH in a row, then the right one, and measure the attempts per second.

    The number of attempts is the declared lockout's, or the profile's where that is less. The right password has to be
    turned away for the profile's time, or the last wrong one has to take as long. Witness: the right password gets in
    before, and again after the lock.
    """
    assert "limit" in ssh_guessing.seen, ssh_guessing.detail("limit")


@case("credentials.guessing.http_form", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_login_form_slows_or_locks_guesses(web_guessing: Guessing) -> None:
    """Try wrong passwords of one account on the login form in a row, then the right one, and measure the attempts.

    The number of attempts is the declared lockout's, or the profile's where that is less. The right password has to be
    turned away for the profile's time, or the last wrong one has to take as long. Witness: the right password gets in
    before, and again after the lock.
    """
    assert "limit" in web_guessing.seen, web_guessing.detail("limit")


@case("credentials.guessing.http_basic", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_http_authentication_slows_or_locks_guesses(http_basic_guessing: Guessing) -> None:
    """Try wrong passwords of one account by HTTP authentication in a row, then the right one, and measure the attempts.

    The numbers, what counts as a limit and the witness are those of `credentials.guessing.http_form`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in http_basic_guessing.seen, http_basic_guessing.detail("limit")


@case("credentials.guessing.rtsp", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_stream_slows_or_locks_guesses(rtsp_guessing: Guessing) -> None:
    """Try wrong passwords of one account over RTSP in a row, then the right one, and measure the attempts.

    The numbers, what counts as a limit and the witness are those of `credentials.guessing.http_form`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in rtsp_guessing.seen, rtsp_guessing.detail("limit")


@case("credentials.guessing.telnet", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_telnet_slows_or_locks_guesses(telnet_guessing: Guessing) -> None:
    """Try wrong passwords of one account over Telnet in a row, then the right one, and measure the attempts.

    The numbers, what counts as a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in telnet_guessing.seen, telnet_guessing.detail("limit")


@case("credentials.guessing.ftp", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_ftp_slows_or_locks_guesses(ftp_guessing: Guessing) -> None:
    """Try wrong passwords of one account over FTP in a row, then the right one, and measure the attempts.

    The numbers, what counts as a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in ftp_guessing.seen, ftp_guessing.detail("limit")


@case("credentials.guessing.mqtt", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_mqtt_broker_slows_or_locks_guesses(mqtt_guessing: Guessing) -> None:
    """Try wrong passwords of one account at the MQTT broker in a row, then the right one, and measure the attempts.

    The numbers, what counts as a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in mqtt_guessing.seen, mqtt_guessing.detail("limit")


@case(
    "credentials.derivable",
    covers=["IAC-1b", "EN303645 5.1-2", "EN18031 AUM-5-1"],
    fails_on="presence",
    advice="Make the password of each device of random characters, and of nothing that is printed or sent in clear.",
)
def test_no_password_follows_from_the_identifiers_of_the_device(derived_guess: Guesses) -> None:
    """Try, at one declared account, passwords that follow from serial number, MAC address and model of this sample.

    Witness: after each batch the valid login gets in through the same code.
    """
    assert not derived_guess.seen, f"got in: {', '.join(sorted(derived_guess.seen))}"
