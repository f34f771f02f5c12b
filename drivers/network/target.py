"""The device's address: where drivers get their connections, and where scope is enforced.

Sweeps open raw and listening sockets of their own, and send to `Target.address` alone. Nothing else in `drivers/` opens
a socket towards a device, so no probe leaves the bench's own address.
"""

import errno
import socket
from dataclasses import dataclass

from lab_config.bench import NetworkBench
from lab_config.component import Transport
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

CONNECT_SECONDS = 3.0
_REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET}
_SILENT = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EAGAIN}


@dataclass(frozen=True)
class Target:
    """The sample on its bench. Ports are the device's own; a port map of the bench is applied here."""

    bench: NetworkBench
    source: str | None = None
    """The address of this machine that TCP connections come from, where it is not left to the routes."""

    @property
    def address(self) -> str:
        """The address of the sample, IPv4 or IPv6."""
        return self.bench.address

    def connect(self, port: int, seconds: float = CONNECT_SECONDS) -> socket.socket:
        """Open a TCP connection to a port of the device, or raise the OSError that connect() gave."""
        there = (self.address, self.bench.port(Transport.TCP, port))
        return socket.create_connection(there, seconds, source_address=(self.source, 0) if self.source else None)

    def datagram(self, port: int, seconds: float = CONNECT_SECONDS) -> socket.socket:
        """Open a connected UDP socket to a port of the device; ICMP errors reach its recv()."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.settimeout(seconds)
        sock.connect((self.address, self.bench.port(Transport.UDP, port)))
        return sock


def answer_of(error: OSError) -> Answer:
    """Say what a failed connect() or recv() means: an RST or ICMP port unreachable is REFUSED, a time-out SILENT.

    Any other error is the bench's (no route of our own, no permission, no sockets left) and raises BenchError.
    """
    if error.errno in _REFUSED or isinstance(error, ConnectionError):
        return Answer.REFUSED
    if isinstance(error, TimeoutError) or error.errno in _SILENT:
        return Answer.SILENT
    raise BenchError(f"this machine could not send: {error}.", "Check the bench's network interface.") from error
