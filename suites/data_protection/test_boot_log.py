"""The output of the serial console while the device boots."""

import re

from drivers.serial.console import BootLog
from lab_config.bench import Permission
from trustprobe.judging.case import case

NAME = r"[\w.]*(?:password|passwd|psk|secret|token|api_?key|private_?key)[\w.]*"
SECRET = re.compile(rf"(?i)\b({NAME})[ \t]*[=:][ \t]*\S{{4,}}")
"""A name that stands for a secret, followed on the same line by a value of at least four characters."""
PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


@case(
    "serial.console.disclosure",
    covers=["DP-1", "EN303645 5.4-1", "EN18031 SSM-3"],
    fails_on="presence",
    needs=(Permission.POWER,),
    advice="Remove the line from the start-up scripts. Anybody who opens the case can read the boot log.",
)
def test_boot_log_shows_no_secret(boot_log: BootLog) -> None:
    """Record the serial console from power-on to the login prompt, and search it for secrets.

    A private key is a failure, and so is a name such as password, psk, token or key followed by a value. The reason
    states the name and not the value. Witness: the log was captured from its first declared line.
    """
    names = sorted({match[1] for match in SECRET.finditer(boot_log.text)} | set(PEM.findall(boot_log.text)))
    assert not names, f"the boot log shows the value of {', '.join(names)}"
