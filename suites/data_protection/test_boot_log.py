"""The output of the serial console while the device boots."""

from drivers.serial.console import BootLog
from lab_config.bench import Permission
from suites.data_protection.secrets_in_text import secrets_in
from trustprobe.judging.case import case


@case(
    "serial.console.disclosure",
    covers=["DP-1", "EN303645 5.4-1", "EN18031 SSM-3"],
    fails_on="presence",
    needs=(Permission.POWER,),
    advice="Remove the line from the start-up scripts. Anybody who opens the case can read the boot log.",
)
def test_boot_log_shows_no_secret(boot_log: BootLog) -> None:
    """Record the serial console from power-on to the login prompt, and search it for secrets.

    These are failures: a private key, a password hash, an access token, a URL with a password, and a name such as
    password, psk, token or key with a value. A masked value is no failure. The reason states the name, never the
    value. Witness: the log was captured from its first declared line to the end of the boot.
    """
    names = secrets_in(boot_log.text)
    assert not names, f"the boot log shows the value of {', '.join(names)}"
