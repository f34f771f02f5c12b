"""The Ethernet link to an IPv6 target: like `link.py`, with the target's MAC from our kernel's neighbour discovery."""

import ctypes
import ipaddress
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Any

from drivers.network.sweep.link import EthernetLink
from drivers.network.target import Target
from trustprobe.errors import BenchError

_IFF_UP, _ARPHRD_ETHER = 1, 1
_SO_ATTACH_FILTER = 26
_DISCARD_PORT = 9
_SECONDS, _PAUSE = 2.0, 0.05


@dataclass(frozen=True)
class Link6(EthernetLink):
    """An Ethernet interface of this machine on which the target's IPv6 address is on-link."""

    def hear_only_target(self, sock: socket.socket) -> None:
        """Let the kernel drop all IPv6 frames on this socket but those whose source ends like the target's address."""
        end = int.from_bytes(socket.inet_pton(socket.AF_INET6, self.address)[12:], "big")
        # Classic BPF: load the last word of the source address; jump if it differs; keep the frame; drop it.
        code = [(0x20, 0, 0, 34), (0x15, 0, 1, end), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in code))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(code), ctypes.addressof(program)))

    def resolve(self) -> bytes | None:
        """Have the kernel look for the target (RFC 4861, a datagram to its discard port); None when nobody answers."""
        from pyroute2 import IPRoute

        deadline = time.monotonic() + _SECONDS
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock, IPRoute() as netlink:
            try:
                sock.sendto(b"", (self.address, _DISCARD_PORT))
            except OSError as error:
                raise BenchError(
                    f"the interface {self.interface} does not send: {error}.",
                    "Bring it up, or correct `network.interface` in the bench file.",
                ) from error
            while time.monotonic() < deadline:
                for entry in netlink.get_neighbours(socket.AF_INET6, dst=self.address):
                    if mac := entry.get("lladdr"):
                        return bytes.fromhex(str(mac).replace(":", ""))
                threading.Event().wait(_PAUSE)
        return None


def link6_to(target: Target) -> EthernetLink | None:
    """Return the link to an IPv6 target; None where raw frames do not apply.

    They do not apply to addresses beyond a router, to forwarded ports, or to interfaces that are not Ethernet. An
    interface that does not exist or is down is a BenchError.
    """
    address, interface = target.address, target.interface
    if interface is None:
        return None
    from pyroute2 import IPRoute

    with IPRoute() as netlink:
        found = list(netlink.get_links(ifname=interface)) if netlink.link_lookup(ifname=interface) else []
        if not found or not found[0]["flags"] & _IFF_UP:
            raise BenchError(
                f"this machine has no interface {interface} that is up.",
                "Correct `network.interface` in the bench file.",
            )
        addresses = list(netlink.get_addr(family=socket.AF_INET6, index=found[0]["index"]))
    own = _own_address(addresses, ipaddress.IPv6Address(address))
    if found[0]["ifi_type"] != _ARPHRD_ETHER or own is None:
        return None
    return Link6(interface, bytes.fromhex(found[0].get("address").replace(":", "")), own, address)


def _own_address(addresses: list[Any], target: ipaddress.IPv6Address) -> str | None:
    """Return our address in the target's network; None when it is not on-link, or is our own."""
    for entry in addresses:
        own = ipaddress.IPv6Interface(f"{entry.get('address')}/{entry['prefixlen']}")
        if target in own.network and target != own.ip and not own.ip.is_link_local:
            return str(own.ip)
    return None
