"""A second device of the same make in the lab, on a cable of its own, so that two samples can be compared.

It comes from the same production line with the same flaws, and talks to nobody but the lab.
"""

from pathlib import Path
from typing import Final

from virtual_lab.firmware.build import Firmware
from virtual_lab.firmware.lab import FirmwareLab
from virtual_lab.firmware.machine import cable
from virtual_lab.firmware.machine.qemu import Qemu
from virtual_lab.firmware.provision import Provisioned

NOBODY: Final = ".99"
"""The end of the address where the second device sends its log and looks for its cloud: nobody has it, and nothing of
it disturbs what the first one sends. An address that refused would keep the device busy with new attempts."""


_YIELD = """
if [ -w /proc/self/autogroup ]; then
    for attempt in 1 2 3 4 5; do { echo 10 >/proc/self/autogroup; } 2>/dev/null && break; sleep 0.2; done
fi
exec nice -n 10 "$@"
"""  # Linux lets ordinary users set the value of a session only once in 0.1 s, over all sessions
YIELDING: Final = ("sh", "-c", _YIELD, "sh")
"""Runs QEMU so that it takes no time from the device that is judged. Where Linux gives each session an equal share
(sched_autogroup), a nice value counts inside the session alone, and the session has one of its own."""


class SecondHub(FirmwareLab):
    """A running second device beside `first`. Entering does not wait for its boot."""

    def __init__(self, folder: Path, first: FirmwareLab) -> None:
        super().__init__(
            folder,
            first.defects,
            loopback=bool(first.port_map),
            program=first.program,
            builder=first.builder,
            provisioner=first.provisioner,
        )
        self.place = cable.SECOND
        self.before = YIELDING
        self.port_map = dict(first.port_map)

    def _require_room(self) -> None:
        """The first device's cable is in the lab already."""

    def _plug_in(self, tap: int | None) -> None:
        super()._plug_in(tap)
        self.collector = self._outside = self._inside.rpartition(".")[0] + NOBODY

    def _await_boot(self, qemu: Qemu) -> None:
        """Who asks the second device waits for it."""

    def _environment(self, label: Provisioned, _firmware: Firmware, _qemu: Qemu) -> dict[str, str]:
        return second_environment(self.address, label.serial, label.admin_password)


def second_environment(address: str, serial: str, admin_password: str) -> dict[str, str]:
    """Return what the bench file of the firmware device names of the second one."""
    return {
        "FIRMWARE_SECOND_ADDRESS": address,
        "FIRMWARE_SECOND_SERIAL": serial,
        "FIRMWARE_SECOND_ADMIN_PASSWORD": admin_password,
    }
