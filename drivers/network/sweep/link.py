"""The Ethernet link to a target: our address and MAC on it, and the target's MAC by ARP.

Says whether raw frames can reach the target at all; the frames of a sweep are in `syn.py`.
"""

import ctypes
import errno
import fcntl
import ipaddress
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

from drivers.network.target import Target
from trustprobe.errors import BenchError

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
_BROADCAST = b"\xff" * 6
_ARP_ASKS = 4
_ARP_SECONDS = 0.5
_ARP_HEAD = struct.Struct("!HHBBH")
_ARPHRD_ETHER = 1
_IFF_UP, _IFF_RUNNING = 0x01, 0x40
_SIOCGIFFLAGS = 0x8913
_SO_ATTACH_FILTER = 26


@dataclass(frozen=True)
class EthernetLink:
    """An Ethernet interface of this machine on which the target's IPv4 address is on-link."""

    interface: str
    own_mac: bytes
    own_address: str
    address: str

    def open(self, ethertype: int) -> socket.socket:
        """Open a non-blocking packet socket that receives this EtherType; PermissionError without CAP_NET_RAW."""
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            sock.bind((self.interface, ethertype))
            sock.setblocking(False)
        except OSError:
            sock.close()
            raise
        return sock

    def hear_only_target(self, sock: socket.socket) -> None:
        """Let the kernel drop all IPv4 frames on this socket but the target's, so that other traffic costs nothing."""
        source = int.from_bytes(socket.inet_aton(self.address), "big")
        # Classic BPF: load the source address; jump if it is not the target's; keep the frame; drop it.
        code = [(0x20, 0, 0, 26), (0x15, 0, 1, source), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in code))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(code), ctypes.addressof(program)))

    def resolve(self) -> bytes | None:
        """Ask for the target's MAC by ARP (RFC 826), a few times; None when nobody answers within 2 s."""
        own, theirs = socket.inet_aton(self.own_address), socket.inet_aton(self.address)
        request = _ARP_HEAD.pack(1, ETHERTYPE_IPV4, 6, 4, 1) + self.own_mac + own + bytes(6) + theirs
        frame = _BROADCAST + self.own_mac + struct.pack("!H", ETHERTYPE_ARP) + request.ljust(46, b"\0")
        with self.open(ETHERTYPE_ARP) as sock:
            for _ in range(_ARP_ASKS):
                try:
                    sock.send(frame)
                except OSError as error:
                    self._raise_if_own_end_is_down(error)
                if mac := _reply(sock, theirs):
                    return mac
        return None

    def _raise_if_own_end_is_down(self, error: OSError) -> None:
        """A full queue is what a link without a carrier gives, and says nothing against the bench."""
        if error.errno in (errno.ENOBUFS, errno.EAGAIN):
            return
        raise BenchError(
            f"the interface {self.interface} does not send: {error}.",
            "Bring it up, or correct `network.interface` in the bench file.",
        ) from error


def _reply(sock: socket.socket, sender: bytes) -> bytes | None:
    """Return the MAC of the ARP reply from this IPv4 address, or None when none comes in time."""
    deadline = time.monotonic() + _ARP_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            return None
        arp = sock.recv(128)[14:]
        if len(arp) >= 28 and _ARP_HEAD.unpack_from(arp)[4] == 2 and arp[14:18] == sender:
            return arp[8:14]
    return None


def link_to(target: Target) -> EthernetLink | None:
    """Return the link to a target; None where raw frames do not apply.

    They do not apply to IPv6, to addresses beyond a router, to forwarded ports, or to interfaces that are not Ethernet.
    An interface that does not exist or is down is a BenchError.
    """
    address, interface = target.address, target.interface
    if interface is None or ":" in address:
        return None
    # Half a second to import, and needed only here.
    from pyroute2 import IPRoute

    with IPRoute() as netlink:
        found = list(netlink.get_links(ifname=interface)) if netlink.link_lookup(ifname=interface) else []
        if not found:
            raise BenchError(
                f"this machine has no interface {interface}.", "Correct `network.interface` in the bench file."
            )
        addresses = list(netlink.get_addr(family=socket.AF_INET, index=found[0]["index"]))
    if not found[0]["flags"] & _IFF_UP:
        raise BenchError(
            f"the interface {interface} is down.", "Bring it up, or correct `network.interface` in the bench file."
        )
    own = _own_address(addresses, ipaddress.IPv4Address(address))
    if found[0]["ifi_type"] != _ARPHRD_ETHER or own is None:
        return None
    return EthernetLink(interface, bytes.fromhex(found[0].get("address").replace(":", "")), own, address)


def _own_address(addresses: list[Any], target: ipaddress.IPv4Address) -> str | None:
    """Return our address in the target's network; None when it is not on-link, or is our own."""
    for entry in addresses:
        own = ipaddress.IPv4Interface(f"{entry.get('local') or entry.get('address')}/{entry['prefixlen']}")
        if target in own.network and target != own.ip:
            return str(own.ip)
    return None


def has_carrier(interface: str) -> bool:
    """Whether an interface of this machine is up and has a carrier: a cable with something alive at its other end."""
    asked = struct.pack("16s24x", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            (flags,) = struct.unpack_from("16xH", fcntl.ioctl(sock, _SIOCGIFFLAGS, asked))
        except OSError:
            return False
    return bool(flags & _IFF_UP and flags & _IFF_RUNNING)
