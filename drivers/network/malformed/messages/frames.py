"""Frames of our own on the device's link: headers of Ethernet, IPv4, IPv6 and TCP whose every field can lie.

Only built here. Each goes to the device's own MAC address; which of them are malformed is in `internet.py`,
`internet6.py` and `segments.py`, and `send_frames.py` sends them.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from drivers.network.malformed.messages.message import Message, mutations
from drivers.network.sweep.syn import checksum

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
FRAME_LIMIT = 1_514
"""Octets of the longest frame of Ethernet, without its check sequence."""
FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
DONT_FRAGMENT, MORE = 0x4000, 0x2000
FRAGMENT6 = 44
IDENTIFICATION = 0x7470


@dataclass(frozen=True)
class Ends:
    """Both ends of a link: MAC and IP addresses as octets, an open TCP port of the device, and one of ours."""

    own_mac: bytes
    mac: bytes
    own: bytes
    theirs: bytes
    port: int
    source: int

    @property
    def link_local(self) -> bytes:
        """The link-local IPv6 address that follows from our MAC address (RFC 4291 appendix A)."""
        mac = self.own_mac
        return b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]

    def frame(self, ethertype: int, payload: bytes) -> bytes:
        """Return a frame to the device; ValueError for one that no Ethernet carries."""
        if 14 + len(payload) > FRAME_LIMIT:
            raise ValueError(f"a frame of {14 + len(payload)} octets")
        return self.mac + self.own_mac + struct.pack("!H", ethertype) + payload


@dataclass(frozen=True)
class Train:
    """Frames that are sent one behind the other, and where their idea comes from.

    `within` frames belong to a connection that is open: ports, numbers and sum are written when they are sent.
    """

    name: str
    frames: tuple[bytes, ...]
    origin: str
    within: bool = False

    @property
    def message(self) -> Message:
        """The frames as one message, each behind its length."""
        return Message(self.name, b"".join(struct.pack("!H", len(one)) + one for one in self.frames), self.origin)


def capture_file(frames: Iterable[bytes]) -> bytes:
    """Return frames as a pcap file, which `tcpreplay` sends again."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)]
    for frame in frames:
        parts.append(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    return b"".join(parts)


def summed(data: bytes) -> int:
    """Return the Internet checksum of RFC 1071 of any octets."""
    return checksum(data + bytes(len(data) % 2))


def ipv4(
    ends: Ends,
    protocol: int,
    payload: bytes,
    *,
    options: bytes = b"",
    words: int | None = None,
    version: int = 4,
    length: int | None = None,
    identification: int = IDENTIFICATION,
    fragment: int = DONT_FRAGMENT,
    hops: int = 64,
    wrong_sum: bool = False,
    source: bytes | None = None,
) -> bytes:
    """Return a frame with an IPv4 packet (RFC 791); `words` and `length` are what the header claims."""
    options += bytes(-len(options) % 4)
    real = 5 + len(options) // 4
    first = version << 4 | (real if words is None else words) & 15
    whole = 4 * real + len(payload) if length is None else length
    head = struct.pack("!BBHHHBBH", first, 0, whole, identification, fragment, hops, protocol, 0)
    head += (source or ends.own) + ends.theirs + options
    total = summed(head) ^ (0x5555 if wrong_sum else 0)
    return ends.frame(IPV4, head[:10] + struct.pack("!H", total) + head[12:] + payload)


def ipv6(
    ends: Ends,
    following: int,
    payload: bytes,
    *,
    version: int = 6,
    length: int | None = None,
    hops: int = 255,
    source: bytes | None = None,
    destination: bytes | None = None,
) -> bytes:
    """Return a frame with an IPv6 packet (RFC 8200); `length` is what the header claims."""
    head = struct.pack("!IHBB", version << 28, len(payload) if length is None else length, following, hops)
    return ends.frame(IPV6, head + (source or ends.own) + (destination or ends.theirs) + payload)


def pseudo(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """Return what a checksum covers beside the segment itself (RFC 9293 clause 3.1, RFC 8200 clause 8.1)."""
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, length)
    return source + destination + struct.pack("!II", length, protocol)


def with_sum(data: bytes, at: int, before: bytes = b"", *, wrong: bool = False) -> bytes:
    """Write the checksum over `before` and the data at an offset; what is too short for one stays as it is."""
    if len(data) < at + 2:
        return data
    cleared = data[:at] + b"\0\0" + data[at + 2 :]
    total = summed(before + cleared) ^ (0x5555 if wrong else 0)
    return cleared[:at] + struct.pack("!H", total) + cleared[at + 2 :]


def tcp(
    ends: Ends,
    flags: int = SYN,
    *,
    options: bytes = b"",
    words: int | None = None,
    number: int = 0x74700000,
    acknowledged: int = 0,
    window: int = 64_240,
    urgent: int = 0,
    payload: bytes = b"",
    source: int | None = None,
    port: int | None = None,
) -> bytes:
    """Return a TCP segment (RFC 9293 clause 3.1) without its sum; `words` is the data offset that it claims."""
    options += bytes(-len(options) % 4)
    offset = 5 + len(options) // 4 if words is None else words
    ports = (ends.source if source is None else source, ends.port if port is None else port)
    head = struct.pack("!HHII", *ports, number & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF)
    return head + struct.pack("!HHHH", (offset & 15) << 12 | flags, window, 0, urgent) + options + payload


def segment(ends: Ends, octets: bytes, *, wrong_sum: bool = False) -> bytes:
    """Return a frame with a TCP segment and its right sum, over IPv4 or IPv6."""
    before = pseudo(ends.own, ends.theirs, socket.IPPROTO_TCP, len(octets))
    octets = with_sum(octets, 16, before, wrong=wrong_sum)
    if len(ends.own) == 4:
        return ipv4(ends, socket.IPPROTO_TCP, octets)
    return ipv6(ends, socket.IPPROTO_TCP, octets, hops=64)


def changed(valid: tuple[bytes, ...], random: Random, wrap: "Wrap") -> Iterator[Train]:
    """Yield valid packets that were changed, without end, each in its frame."""
    for message in mutations(valid, random, 1_400):
        yield Train(message.name, (wrap(message.data),), message.origin)


class Wrap:
    """Puts octets behind a header into a frame; an instance is called with them."""

    def __init__(self, ends: Ends, protocol: int, sum_at: int) -> None:
        self._ends, self._protocol, self._sum_at = ends, protocol, sum_at

    def __call__(self, octets: bytes) -> bytes:
        """Return the frame, with the right sum, so that the octets are read and not dropped."""
        ends, protocol = self._ends, self._protocol
        if protocol == socket.IPPROTO_ICMP:
            return ipv4(ends, protocol, with_sum(octets, self._sum_at))
        before = pseudo(ends.own, ends.theirs, protocol, len(octets))
        octets = with_sum(octets, self._sum_at, before)
        return ipv4(ends, protocol, octets) if len(ends.own) == 4 else ipv6(ends, protocol, octets)
