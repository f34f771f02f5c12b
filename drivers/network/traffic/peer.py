"""A declared destination of a device: in the declaration, or in a MUD file."""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

Ranges = tuple[tuple[int, int], ...]
"""First and last port of each range."""
Ends = tuple[str, str, int, Mapping[str, frozenset[str]], Collection[int]]
"""A flow, as the arguments of `TrafficPeer.takes`."""
ANY: Final[Ranges] = ((0, 65_535),)


@dataclass(frozen=True)
class TrafficPeer:
    """A host name, an address or a network, with a transport and port ranges."""

    host: str
    transport: str
    """`tcp` or `udp`, or `ip-N` by the number of another protocol, which has no ports."""
    ports: Ranges
    role: str
    """What it is for, as reports show it: `cloud`, `log collector`, or the declared purpose."""
    own: Ranges = ANY
    """The ports of the device that it is reached from."""

    def takes(
        self,
        transport: str,
        address: str,
        port: int,
        addresses: Mapping[str, frozenset[str]],
        own: Collection[int] = (),
    ) -> bool:
        """Whether what is sent there is for this peer.

        `addresses` are those that a host name has, `own` are the ports of the device that it was sent from.
        """
        if transport != self.transport or not _within(port, self.ports):
            return False
        if not all(_within(each, self.own) for each in own):
            return False
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(self.host)
        except ValueError:
            return address in addresses.get(self.host, frozenset())


def _within(port: int, ranges: Ranges) -> bool:
    return any(low <= port <= high for low, high in ranges)
