"""Each assertion about the bootloader's functions, on made-up prompts."""

from functools import partial

from drivers.serial.bootloader import Autoboot
from suites.interface_access_control import test_bootloader as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import needs, observed, seen

prompt = partial(observed, kind=Autoboot)


def test_changed_kernel_arguments_fail_with_what_they_became() -> None:
    change = seen("environment", "the kernel's arguments were changed to 'trustprobe=1'")
    words = "the kernel's arguments were changed to 'trustprobe=1'"
    assert fails_on_presence(cases.test_kernel_arguments_cannot_be_changed, change, says=words, made=prompt)


def test_shown_memory_fails_with_the_line_that_was_shown() -> None:
    shown = seen("memory", "`md 0` shows 00000000: deadbeef")
    words = "`md 0` shows 00000000: deadbeef"
    assert fails_on_presence(cases.test_memory_cannot_be_read_in_the_bootloader, shown, says=words, made=prompt)


def test_cases_that_restart_the_device_must_be_allowed() -> None:
    assert needs(cases.test_kernel_arguments_cannot_be_changed) == ("power",)
    assert needs(cases.test_memory_cannot_be_read_in_the_bootloader) == ("power",)
