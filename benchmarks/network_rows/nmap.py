"""The peer: nmap, its time by the clock and the ports that it found, from its XML."""

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.network_rows.lab import tool
from virtual_lab.reference.namespace import DEVICE_ADDRESS

_PORT = re.compile(r'<port protocol="\w+" portid="(\d+)"><state state="([^"]+)"')


@dataclass(frozen=True)
class NmapRun:
    """What one run of nmap took and found."""

    seconds: float
    states: dict[int, str]
    """Of the ports that nmap lists one by one."""

    def named(self, state: str) -> list[int]:
        """Return the ports of this state."""
        return sorted(port for port, found in self.states.items() if found == state)


def nmap(*options: str, limit: float = 1_800.0, address: str = DEVICE_ADDRESS) -> NmapRun:
    """Run nmap against the device of the lab; its time is that of the whole process."""
    command: Sequence[str] = [tool("nmap", "nmap"), *options, "-n", "-Pn", "-oX", "-", address]
    started = time.monotonic()
    # In a session of its own: nmap sets the terminal up, and would stop us where we run in its background.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
        check=True,
        start_new_session=True,
    )
    seconds = time.monotonic() - started
    return NmapRun(seconds, {int(port): state for port, state in _PORT.findall(done.stdout)})
