"""Each assertion about the serial console and its bootloader, on made-up answers to keys."""

from functools import partial

from drivers.serial.bootloader import Autoboot
from suites.interface_access_control import test_serial as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import needs, observed, seen


def test_every_key_that_opens_a_shell_is_reported() -> None:
    shells = seen("return", "a shell without a login: $"), seen("break", "a shell without a login: #")
    says = "a shell opened without a login after: break, return"
    assert fails_on_presence(cases.test_serial_console_gives_no_shell_without_a_password, *shells, says=says)


def test_a_prompt_of_the_bootloader_fails_with_its_words() -> None:
    prompt = seen("keys", "the bootloader stopped and answers with '=> '")
    says = "a key at the start opened a prompt: the bootloader stopped and answers with '=> '"
    made = partial(observed, kind=Autoboot)
    assert fails_on_presence(cases.test_autoboot_cannot_be_stopped, prompt, says=says, made=made)


def test_only_the_case_that_restarts_the_device_must_be_allowed() -> None:
    assert needs(cases.test_autoboot_cannot_be_stopped) == ("power",)
    assert needs(cases.test_serial_console_gives_no_shell_without_a_password) == ()
