"""Ethernet frames as who sends what to whom: the addresses and ports of one frame, read without trust (RFC 791, 8200).

Of TCP, only connection requests matter here. Later fragments carry no ports, and go where the first one went.
"""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

IPV4, IPV6, ARP, VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
_SYN, _ACK = 0x02, 0x10
_EXTENSIONS: Final = frozenset({0, 43, 60})
"""IPv6 headers that stand before the transport's and tell their length (RFC 8200, 4): options and routing."""
_MOST_EXTENSIONS = 8
_FRAGMENT = 44


@dataclass(frozen=True)
class Frame:
    """One IP packet. `port` is where it goes and `source_port` where it is from; 0 where the protocol has none."""

    source: str
    destination: str
    protocol: str
    """`tcp`, `udp`, `icmp`, or `ip-N` by the number of the protocol."""
    source_port: int = 0
    port: int = 0
    opens: bool = False
    """A TCP connection request: SYN without ACK."""
    payload: bytes = b""
    """What a datagram carries, as far as it was captured."""


def read(data: bytes) -> Frame | None:
    """Return what an Ethernet frame carries; None where it is no IP, a later fragment, or cut before it says."""
    try:
        kind = int.from_bytes(data[12:14])
        at = 14
        if kind == VLAN:
            kind, at = int.from_bytes(data[16:18]), 18
        if kind == IPV4:
            return _ipv4(data[at:])
        return _ipv6(data[at:]) if kind == IPV6 else None
    except (struct.error, IndexError, ValueError):
        return None


def _ipv4(packet: bytes) -> Frame | None:
    head = (packet[0] & 0x0F) * 4
    offset = int.from_bytes(packet[6:8]) & 0x1FFF
    source, destination = (str(ipaddress.IPv4Address(packet[at : at + 4])) for at in (12, 16))
    return _transport(source, destination, packet[9], packet[head:], first=offset == 0)


def _ipv6(packet: bytes) -> Frame | None:
    source, destination = (str(ipaddress.IPv6Address(packet[at : at + 16])) for at in (8, 24))
    protocol, rest = packet[6], packet[40:]
    for _ in range(_MOST_EXTENSIONS):
        if protocol not in _EXTENSIONS:
            break
        protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    first = True
    if protocol == _FRAGMENT:
        first = int.from_bytes(rest[2:4]) & 0xFFF8 == 0
        protocol, rest = rest[0], rest[8:]
    return _transport(source, destination, protocol, rest, first=first)


def _transport(source: str, destination: str, protocol: int, rest: bytes, *, first: bool) -> Frame | None:
    if not first:
        return None
    if protocol in {ICMP, ICMPV6}:
        return Frame(source, destination, "icmp")
    if protocol not in {TCP, UDP}:
        return Frame(source, destination, f"ip-{protocol}")
    source_port, port = struct.unpack_from("!HH", rest)
    if protocol == UDP:
        return Frame(source, destination, "udp", source_port, port, payload=rest[8:])
    opens = rest[13] & (_SYN | _ACK) == _SYN
    return Frame(source, destination, "tcp", source_port, port, opens)
