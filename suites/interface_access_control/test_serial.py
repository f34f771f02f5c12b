"""The serial console, and the bootloader that it shows."""

from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "serial.console.login",
    covers=["IAC-1b", "EN18031 AUM-1-2"],
    fails_on="presence",
    advice="Start a login on the UART instead of a shell, or disable the UART in production.",
)
def test_serial_console_gives_no_shell_without_a_password(console_login: Observation) -> None:
    """Press Return, Ctrl-C and Break on the serial console, and check whether a shell opens without a login.

    A prompt of an interpreter, a bootloader or a monitor is a failure as well. It counts if it appears again or if it
    computes a sum. Witness: the valid login works through the same code. Without a declared account, a prompt for a
    name or a password after each key is a refusal in the device's own words.
    """
    assert not console_login.seen, f"a shell opened without a login after: {', '.join(sorted(console_login.seen))}"


@case(
    "serial.bootloader.interrupt",
    covers=["IAC-1a", "IAC-1b", "EN303645 5.6-4A", "EN18031 GEC-2"],
    fails_on="presence",
    needs=(Permission.POWER,),
    advice="Set the autoboot delay to -2 (no check for keys) in production, or protect the prompt with a password.",
)
def test_autoboot_cannot_be_stopped(autoboot: Observation) -> None:
    """Switch the power off and on, and press keys on the serial console while the bootloader has its time.

    The keys are the common ones and those that the boot log names. A prompt of the bootloader is a failure, and so is a
    shell that opens after a key that the starting system names. Witness: the boot log with the countdown was read
    through the same port in the same start, each key was pressed in time, and the device continued to its login. A boot
    that stands still leaves the case open. If no countdown is declared, every key was pressed between the bootloader's
    first line and the system's.
    """
    assert not autoboot.seen, f"a key at the start opened a prompt: {autoboot.detail('keys')}"
