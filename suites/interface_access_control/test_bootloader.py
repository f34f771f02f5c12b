"""The bootloader behind the serial port: what it lets do whoever stops it."""

from drivers.serial.bootloader import Autoboot
from lab_config.bench import Permission
from trustprobe.judging.case import case

NEEDS = (Permission.POWER,)


@case(
    "serial.bootloader.environment",
    covers=["IAC-1a", "IAC-1b"],
    fails_on="presence",
    needs=NEEDS,
    advice="Build the bootloader without a prompt, or with an environment that is signed and cannot be changed.",
)
def test_kernel_arguments_cannot_be_changed(kernel_arguments: Autoboot) -> None:
    """Restart the device, press keys while it counts down, and add a word made for this run to the kernel's arguments.

    They are read back, put back as they were, and not saved. A bootloader that no key stops changes nothing.
    Witness: the boot log was seen through the same port from its first line, and every key pressed in the countdown
    or, where none is declared, before the system's first line.
    """
    assert not kernel_arguments.seen, kernel_arguments.detail("environment")


@case(
    "serial.bootloader.memory",
    covers=["IAC-1a", "IAC-1b"],
    fails_on="presence",
    needs=NEEDS,
    advice="Build the bootloader without a prompt, or leave the commands that read and write memory out of it.",
)
def test_memory_cannot_be_read_in_the_bootloader(bootloader_memory: Autoboot) -> None:
    """Restart the device, press keys while it counts down, and ask the bootloader for the memory at a known address.

    A bootloader that no key stops shows nothing.
    Witness: the boot log was seen through the same port from its first line, and every key pressed in the countdown
    or, where none is declared, before the system's first line.
    """
    assert not bootloader_memory.seen, bootloader_memory.detail("memory")
