"""A declared destination of a device: in the declaration, or in a MUD file."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TrafficPeer:
    """A host name, an address or a network, with a transport and port ranges."""

    host: str
    transport: str
    """`tcp` or `udp`."""
    ports: tuple[tuple[int, int], ...]
    """First and last port of each range."""
    role: str
    """What it is for, as reports show it: `cloud`, `log collector`, or the declared purpose."""

    def takes(self, transport: str, address: str, port: int, addresses: Mapping[str, frozenset[str]]) -> bool:
        """Whether what is sent there is for this peer; `addresses` are those that a host name has."""
        if transport != self.transport or not any(low <= port <= high for low, high in self.ports):
            return False
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(self.host)
        except ValueError:
            return address in addresses.get(self.host, frozenset())
