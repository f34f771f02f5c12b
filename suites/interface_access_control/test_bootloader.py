"""The bootloader on the serial port: the functions that it offers to anybody who stops it."""

from drivers.serial.bootloader import Autoboot
from lab_config.bench import Permission
from trustprobe.judging.case import case

NEEDS = (Permission.POWER,)


@case(
    "serial.bootloader.environment",
    covers=["IAC-1a", "IAC-1b"],
    fails_on="presence",
    needs=NEEDS,
    advice="Build the bootloader without a prompt, or with a signed environment that cannot be changed.",
)
def test_kernel_arguments_cannot_be_changed(kernel_arguments: Autoboot) -> None:
    """Restart the device, press keys during the countdown, and add a word made for this run to the kernel's arguments.

    The arguments are read back, restored and not saved. If no key stops the bootloader, nothing is changed. Witness:
    the boot log was seen through the same port from its first line. Every key was pressed during the countdown or, if
    no countdown is declared, before the system's first line.
    """
    assert not kernel_arguments.seen, kernel_arguments.detail("environment")


@case(
    "serial.bootloader.memory",
    covers=["IAC-1a", "IAC-1b"],
    fails_on="presence",
    needs=NEEDS,
    advice="Build the bootloader without a prompt, or without the commands that read and write memory.",
)
def test_memory_cannot_be_read_in_the_bootloader(bootloader_memory: Autoboot) -> None:
    """Restart the device, press keys during the countdown, and request the memory at a known address.

    If no key stops the bootloader, it shows no memory. Witness: the boot log was seen through the same port from its
    first line. Every key was pressed during the countdown or, if no countdown is declared, before the system's first
    line.
    """
    assert not bootloader_memory.seen, bootloader_memory.detail("memory")
