"""The assertion about the boot log, on made-up logs."""

import pytest

from drivers.serial.console import BootLog
from suites.data_protection import test_boot_log as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, seen, silent, stays_open
from trustprobe.probe import Witness

CASE = cases.test_boot_log_shows_no_secret
PUBLIC = ["U-Boot 2026.01", "Linux version 6.12", "login: "]


def boot(*lines: str, witness: Witness = HOLDS) -> BootLog:
    """A boot log that was captured whole, with these lines in it."""
    text = "\n".join([PUBLIC[0], *lines, *PUBLIC[1:]])
    return observed(seen("boot_log"), kind=BootLog, witness=witness, text=text, first_line_seen=True, login_seen=True)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "password: ",
        "wlan0: password = abc",
        "enter the password",
        "monkey: 12345678",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_a_log_without_the_value_of_a_secret_passes(line: str) -> None:
    assert passes(CASE, boot(line))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("wlan0: password = abcd", "password"),
        ("root_passwd=hunter2", "root_passwd"),
        ("WPA_PSK: 12345678", "WPA_PSK"),
        ("mqtt.secret=abcdef", "mqtt.secret"),
        ("session token : 0123456789", "token"),
        ("api_key=abcd", "api_key"),
        ("apikey=abcd", "apikey"),
        ("private_key = abcd", "private_key"),
        ("PrivateKey: abcd", "PrivateKey"),
        ("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"),
        ("-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_the_value_of_a_secret_fails_and_only_its_name_is_reported(line: str, name: str) -> None:
    assert fails(CASE, boot(line), says=f"the boot log shows the value of {name}")
    with pytest.raises(AssertionError) as failure:
        CASE(boot("wlan0: password = abcd"))
    assert "abcd" not in str(failure.value)


def test_every_secret_is_reported_once() -> None:
    log = boot("wifi_password=abcdefgh", "-----BEGIN EC PRIVATE KEY-----", "wifi_password=abcdefgh", "psk=12345678")
    names = "-----BEGIN EC PRIVATE KEY-----, psk, wifi_password"
    assert fails(CASE, log, says=f"the value of {names}")


def test_a_secret_in_a_log_that_was_not_captured_whole_fails() -> None:
    assert fails(CASE, boot("password=abcdefgh", witness=BROKEN), says="password")


def test_a_log_that_was_not_captured_whole_and_shows_no_secret_leaves_the_case_open() -> None:
    assert stays_open(CASE, boot(witness=BROKEN), says=BROKEN.what)


def test_a_silent_console_leaves_the_case_open() -> None:
    nothing = observed(
        silent("boot_log"), kind=BootLog, witness=BROKEN, text="", first_line_seen=False, login_seen=False
    )
    assert stays_open(CASE, nothing, says=BROKEN.what)


def test_the_case_restarts_the_device() -> None:
    assert needs(CASE) == ("power",)
