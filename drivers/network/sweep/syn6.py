"""TCP ports asked by SYNs over IPv6: the frames of RFC 8200 in place of IPv4's; all else is `syn.py`'s."""

import socket
import struct

from drivers.network.sweep.link import EthernetLink
from drivers.network.sweep.syn import SYN, SynAsker, SynTemplate, TcpAnswer

ETHERTYPE_IPV6 = 0x86DD
_HEADERS = 14 + 40


class Syn6Template(SynTemplate):
    """SYN frames over IPv6 from one source port; only the destination port differs."""

    def __init__(self, link: EthernetLink, mac: bytes, source: int, isn: int) -> None:
        own, theirs = (socket.inet_pton(socket.AF_INET6, one) for one in (link.own_address, link.address))
        ip = struct.pack("!IHBB", 6 << 28, 24, socket.IPPROTO_TCP, 64) + own + theirs
        self._middle = struct.pack("!IIBBH", isn, 0, 6 << 4, SYN, 64_240)
        self._end = struct.pack("!HBBH", 0, 2, 4, 1_440)
        pseudo = own + theirs + struct.pack("!IIH", 24, socket.IPPROTO_TCP, source)
        words = pseudo + self._middle + b"\0\0" + self._end[2:] + b"\0\0\0\0"
        self._sum = sum(struct.unpack(f"!{len(words) // 2}H", words))
        self._start = mac + link.own_mac + struct.pack("!H", ETHERTYPE_IPV6) + ip + struct.pack("!H", source)


def parse6(frame: bytes) -> TcpAnswer | None:
    """Parse an Ethernet frame. None for anything but a TCP segment directly after the header of IPv6."""
    if len(frame) < _HEADERS + 20 or frame[14] >> 4 != 6 or frame[20] != socket.IPPROTO_TCP:
        return None
    source, destination, _, acknowledged, _, flags = struct.unpack_from("!HHIIBB", frame, _HEADERS)
    return TcpAnswer(frame[22:38], frame[38:54], source, destination, acknowledged, flags)


class Syn6Asker(SynAsker):
    """Asks over a link to an IPv6 address."""

    ethertype = ETHERTYPE_IPV6
    family = socket.AF_INET6
    start = b"\x86\xdd"
    layout = struct.Struct("!12x2s6xBx32sHH4xIxB60x")
    least = _HEADERS + 20

    def template(self, source: int, isn: int) -> SynTemplate:
        """Return the frames from one source port with one initial sequence number."""
        return Syn6Template(self._link, self._mac, source, isn)

    def read(self, frame: bytes) -> TcpAnswer | None:
        """Read an Ethernet frame; None for anything but a TCP segment."""
        return parse6(frame)
