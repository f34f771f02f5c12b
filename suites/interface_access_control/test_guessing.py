"""Guessing: passwords cannot be tried fast, and cannot be derived from what is known about the device."""

from drivers.guessing.logins import Guesses
from drivers.guessing.rate import Guessing
from lab_config.bench import Permission
from trustprobe.judging.case import case

COVERS = ["IAC-1b", "EN303645 5.1-5", "EN18031 AUM-6"]
ADVICE = "Refuse an account for a while after several failed logins, or delay each further attempt longer."


@case("credentials.guessing.ssh", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_ssh_limits_password_guessing(ssh_guessing: Guessing) -> None:
    """Try wrong passwords of one account over SSH in a row, then the right one, and measure the attempts per second.

    The number of attempts is the declared lockout's, or the profile's if that is lower. The device must refuse the
    right password for the profile's time, or the last wrong attempt must take as long. Witness: the right password gets
    in before the attempts, and again after the lock.
    """
    assert "limit" in ssh_guessing.seen, ssh_guessing.detail("limit")


@case("credentials.guessing.http_form", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_login_form_limits_password_guessing(web_guessing: Guessing) -> None:
    """Try wrong passwords of one account on the login form in a row, then the right one, and measure the attempts.

    The number of attempts is the declared lockout's, or the profile's if that is lower. The device must refuse the
    right password for the profile's time, or the last wrong attempt must take as long. Witness: the right password gets
    in before the attempts, and again after the lock.
    """
    assert "limit" in web_guessing.seen, web_guessing.detail("limit")


@case("credentials.guessing.http_basic", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_http_authentication_limits_password_guessing(http_basic_guessing: Guessing) -> None:
    """Try wrong passwords of one account with HTTP authentication in a row, then the right one, and measure them.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.http_form`. The login is
    the declared one, or a well-known one that got in.
    """
    assert "limit" in http_basic_guessing.seen, http_basic_guessing.detail("limit")


@case("credentials.guessing.rtsp", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_stream_limits_password_guessing(rtsp_guessing: Guessing) -> None:
    """Try wrong passwords of one account over RTSP in a row, then the right one, and measure the attempts.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.http_form`. The login is
    the declared one, or a well-known one that got in.
    """
    assert "limit" in rtsp_guessing.seen, rtsp_guessing.detail("limit")


@case("credentials.guessing.sip", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_registrar_limits_password_guessing(sip_guessing: Guessing) -> None:
    """Try wrong passwords of one account over SIP in a row, then the right one, and measure the attempts.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in sip_guessing.seen, sip_guessing.detail("limit")


@case("credentials.guessing.smtp", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_mail_server_limits_password_guessing(smtp_guessing: Guessing) -> None:
    """Try wrong passwords of one account over SMTP in a row, then the right one, and measure the attempts.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in smtp_guessing.seen, smtp_guessing.detail("limit")


@case("credentials.guessing.telnet", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_telnet_limits_password_guessing(telnet_guessing: Guessing) -> None:
    """Try wrong passwords of one account over Telnet in a row, then the right one, and measure the attempts.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in telnet_guessing.seen, telnet_guessing.detail("limit")


@case("credentials.guessing.ftp", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_ftp_limits_password_guessing(ftp_guessing: Guessing) -> None:
    """Try wrong passwords of one account over FTP in a row, then the right one, and measure the attempts.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in ftp_guessing.seen, ftp_guessing.detail("limit")


@case("credentials.guessing.mqtt", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_mqtt_broker_limits_password_guessing(mqtt_guessing: Guessing) -> None:
    """Try wrong passwords of one account at the MQTT broker in a row, then the right one, and measure the attempts.

    The numbers, the criterion for a limit and the witness are those of `credentials.guessing.ssh`. The login is the
    declared one, or a well-known one that got in.
    """
    assert "limit" in mqtt_guessing.seen, mqtt_guessing.detail("limit")


@case(
    "credentials.derivable",
    covers=["IAC-1b", "EN303645 5.1-2", "EN18031 AUM-5-1"],
    fails_on="presence",
    advice="Make each device's password of random characters. Do not derive it from printed or clear-text data.",
)
def test_no_password_can_be_derived_from_the_identifiers_of_the_device(derived_guess: Guesses) -> None:
    """Try passwords at one declared account that can be derived from the identifiers of this sample.

    The identifiers are the serial number, the MAC address, the model and the user name. An empty password is tried as
    well. Witness: after each batch, the valid login
    gets in through the same code.
    """
    assert not derived_guess.seen, f"got in: {', '.join(sorted(derived_guess.seen))}"
