"""The peer: nmap, its time by the clock and the ports that it found, from its XML."""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from benchmarks.network_rows.lab import tool
from virtual_lab.reference.namespace import DEVICE_ADDRESS

_PORT = re.compile(r'<port protocol="\w+" portid="(\d+)"><state state="([^"]+)"')


@dataclass(frozen=True)
class NmapService:
    """What nmap says of one port; empty where it says nothing."""

    name: str
    product: str = ""
    version: str = ""
    inside_tls: bool = False


@dataclass(frozen=True)
class NmapRun:
    """What one run of nmap took and found."""

    seconds: float
    states: dict[int, str]
    """Of the ports that nmap lists one by one."""
    services: dict[int, "NmapService"]
    """What `-sV` recognised on them, by a probe and not by the number."""

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
    return NmapRun(
        seconds, {int(port): state for port, state in _PORT.findall(done.stdout)}, dict(_services(done.stdout))
    )


def _services(report: str) -> Iterator[tuple[int, NmapService]]:
    """Read the services of a report; nmap is no device, and its XML is well-formed."""
    for port in ElementTree.fromstring(report).iter("port"):
        service = port.find("service")
        if service is not None and service.get("method") == "probed" and service.get("name") != "tcpwrapped":
            name, product, version = (service.get(key, "") for key in ("name", "product", "version"))
            yield int(port.get("portid", "0")), NmapService(name, product, version, service.get("tunnel") == "ssl")
