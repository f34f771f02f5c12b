"""The debug interfaces of the firmware device: a JTAG debug port in front of the memory of the running machine.

Both are closed by fuses that the factory blows; a planted flaw is a fuse that it forgot. QEMU has no JTAG, so the port
stands beside it, and asks QEMU for each word that the bus is asked for.
"""

import re
import socket
from collections.abc import Collection
from typing import Final

from drivers.power.qmp import Qmp
from trustprobe.errors import BenchError
from virtual_lab.jtag.adapter import Adapter
from virtual_lab.jtag.debug_port import AccessFaultError, DebugPort, MemoryAccessPort
from virtual_lab.jtag.tap import ScanChain

JTAG_OPEN: Final = "jtag_open"
GDB_PORT_OPEN: Final = "gdb_port_open"
"""What the factory forgot: labels of defects.yaml."""
_SECONDS = 5.0
_UNITS = {1: "b", 2: "h", 4: "w"}


class MachineMemory:
    """The physical memory of a machine, read by its bus while the processor runs. It can not be written."""

    def __init__(self, qmp: str) -> None:
        self._qmp = qmp

    def read(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 octets, little endian."""
        try:
            with Qmp(self._qmp, _SECONDS) as machine:
                said = machine.execute("human-monitor-command", {"command-line": f"xp /1x{_UNITS[size]} {address:#x}"})
        except BenchError as error:
            raise AccessFaultError(error.what) from error
        word = re.fullmatch(r"[0-9a-f]+: 0x([0-9a-f]+)\s*", str(said))
        if word is None:
            raise AccessFaultError(f"no memory at {address:#010x}")
        return int(word[1], 16)

    def write(self, address: int, size: int, value: int) -> None:
        """Refuse: QEMU's machine protocol writes no memory."""
        raise AccessFaultError(f"{size} octets at {address:#010x} can not be set to {value:#x}")


def jtag_adapter(qmp: str, labels: Collection[str]) -> Adapter:
    """Return the adapter on the debug port of the machine at a QMP address; its TAP has power while that runs."""
    port = DebugPort(MemoryAccessPort(MachineMemory(qmp), locked=JTAG_OPEN not in labels))
    chain = ScanChain([port])

    def connected() -> None:
        powered = _runs(qmp)
        if powered and not chain.powered:
            port.power_on_reset()
        chain.powered = powered

    return Adapter(chain, connected)


def closed_port() -> socket.socket:
    """Take a port of 127.0.0.1 that refuses: where the gdb stub would be, on a device whose stub is closed."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


def _runs(qmp: str) -> bool:
    try:
        with Qmp(qmp, _SECONDS) as machine:
            return bool(machine.execute("query-status")["running"])
    except (BenchError, KeyError, TypeError):
        return False
