"""Where the device's services listen: its own address, and its own ports or what they are mapped to."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

_BACKLOG = 128


@dataclass(frozen=True)
class Ports:
    """The network interface of the device. `mapped` holds `{"tcp/443": 20443}` where low ports cannot be bound."""

    address: str
    mapped: Mapping[str, int] = field(default_factory=dict)

    def number(self, port: str) -> int:
        """Return the port to bind for a port of the device such as `tcp/443`."""
        return self.mapped.get(port, int(port.partition("/")[2]))

    def listen(self, port: str) -> socket.socket:
        """Open a listening TCP socket."""
        sock = self._socket(socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, self.number(port)))
        sock.listen(_BACKLOG)
        return sock

    def datagrams(self, port: str) -> socket.socket:
        """Open a bound UDP socket."""
        sock = self._socket(socket.SOCK_DGRAM)
        sock.bind((self.address, self.number(port)))
        return sock

    def _socket(self, kind: int) -> socket.socket:
        return socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, kind)
