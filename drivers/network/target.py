"""The device's address: where drivers get their connections, and the one place where scope is enforced.

`Target` refuses a port that the bench does not forward. Sweeps open raw and listening sockets of their own, and take
address, port and interface from here. `tests/drivers/test_scope.py` finds any other code that opens a socket to a
device.
"""

import errno
import socket
import struct
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, ip_address

import psutil

from drivers.network.pace import DoorPace, DoorPaces
from lab_config.bench import NetworkBench
from lab_config.component import Transport
from trustprobe.errors import BenchError, NotForwardedError
from trustprobe.probe import Answer

CONNECT_SECONDS = 3.0
Place = tuple[str, int] | tuple[str, int, int, int]
"""An address of the family AF_INET or AF_INET6."""
_DISCARD = 9
_NO_BROADCAST = 31
"""Length of the prefix from which on a subnet has no address for all stations (RFC 3021)."""
_REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET}
_SILENT = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EAGAIN}


@dataclass(frozen=True)
class Target:
    """The sample on its bench. Ports are the device's own; a port map of the bench is applied here."""

    bench: NetworkBench
    source: str | None = None
    """The address of this machine that TCP connections come from, where it is not left to the routes."""
    paces: DoorPaces | None = field(default_factory=DoorPaces, compare=False, repr=False)
    """How fast the doors let themselves be asked; None where that is measured, and no probe may slow down by itself."""

    def pace(self, port: int) -> DoorPace | None:
        """Return the pace at a TCP port of the device; None if this target has none."""
        return None if self.paces is None else self.paces.of(port)

    def unpaced(self) -> "Target":
        """Return the same sample for a measurement of its limits."""
        return replace(self, paces=None)

    @property
    def address(self) -> str:
        """The address of the sample, IPv4 or IPv6."""
        return self.bench.address

    @property
    def interface(self) -> str | None:
        """The interface of this machine on which frames reach the sample. None if ports are forwarded."""
        return None if self.bench.forwarded else self.bench.interface

    def reaches(self, transport: Transport, port: int) -> bool:
        """Whether the bench leads to this port of the device."""
        return self.bench.port(transport, port) is not None

    def port(self, transport: Transport, port: int) -> int:
        """Return the port of `address` that leads to a port of the device; NotForwardedError where none does."""
        here = self.bench.port(transport, port)
        if here is None:
            raise NotForwardedError(transport, port)
        return here

    def ports(self, transport: Transport) -> frozenset[int] | None:
        """Return the ports of `address` that lead to the device; None where all of them do."""
        forwarded = (there for name, there in self.bench.port_map.items() if name.startswith(f"{transport}/"))
        return frozenset(forwarded) if self.bench.forwarded else None

    def connect(self, port: int, seconds: float = CONNECT_SECONDS) -> socket.socket:
        """Open a TCP connection to a port of the device. Raises what connect() raised, or NotForwardedError."""
        there = (self.address, self.port(Transport.TCP, port))
        return socket.create_connection(there, seconds, source_address=(self.source, 0) if self.source else None)

    def datagram(self, port: int, seconds: float = CONNECT_SECONDS) -> socket.socket:
        """Open a connected UDP socket to a port of the device; ICMP errors reach its send() and recv().

        Nothing is sent yet, so that an error is this machine's own: BenchError, or NotForwardedError.
        """
        sock = self._toward(self.port(Transport.UDP, port))
        sock.settimeout(seconds)
        return sock

    def multicast(self, sock: socket.socket, group: str, port: int) -> Place | None:
        """Let a UDP socket send to a group of the bench's own link, and return where.

        None if the bench names no interface, or the group has no address in this family. The datagrams do not leave the
        link. Raises BenchError for an interface that does not exist.
        """
        if self.interface is None or not group:
            return None
        try:
            index = socket.if_nametoindex(self.interface)
        except OSError as error:
            raise BenchError(
                f"this machine has no interface {self.interface}.", "Correct `network.interface` in the bench file."
            ) from error
        if sock.family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
            return group, port, 0, index
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", b"", b"", index))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        return group, port

    def own_address(self) -> str:
        """Return the address of this machine that packets to the device come from. Nothing is sent."""
        with self._toward(_DISCARD) as sock:
            return str(sock.getsockname()[0])

    def broadcasts(self) -> frozenset[str]:
        """Return the directed broadcast addresses (RFC 919) of the subnets that this machine shares with the device."""
        addresses = [one for known in psutil.net_if_addrs().values() for one in known if one.family is socket.AF_INET]
        links = [IPv4Interface(f"{one.address}/{one.netmask}").network for one in addresses if one.netmask]
        shared = [link for link in links if ip_address(self.address) in link and link.prefixlen < _NO_BROADCAST]
        return frozenset(str(link.broadcast_address) for link in shared)

    def _toward(self, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.connect((self.address, port))
        except OSError as error:
            sock.close()
            raise BenchError(
                f"this machine cannot send to {self.address}: {error.strerror}.",
                "Check the network interface of the bench and the routes of this machine.",
            ) from error
        return sock


def answer_of(error: OSError) -> Answer:
    """Say what a failed connect(), send() or recv() means.

    REFUSED is an RST or ICMP port unreachable, SILENT a time-out or a network that cannot be reached. Any other error
    is the bench's (no permission, no sockets left) and raises BenchError.
    """
    if error.errno in _REFUSED or isinstance(error, ConnectionError):
        return Answer.REFUSED
    if isinstance(error, TimeoutError) or error.errno in _SILENT:
        return Answer.SILENT
    raise BenchError(f"this machine could not send: {error}.", "Check the network interface of the bench.") from error
