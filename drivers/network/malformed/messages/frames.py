"""Frames of our own on the device's link, built by scapy: every field of every header can be given another value.

Only built here. Each goes to the device's own MAC address; which of them are malformed is in `internet.py`,
`internet6.py` and `segments.py`, and `send_frames.py` sends them.
"""

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from drivers.network.malformed.messages.message import Message, mutations
from drivers.network.pcap import pcap

if TYPE_CHECKING:
    from scapy.packet import Packet

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
FRAME_LIMIT = 1_514
"""Octets of the longest frame of Ethernet, without its check sequence."""
FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
IDENTIFICATION = 0x7470


@dataclass(frozen=True)
class Ends:
    """Both ends of a link: MAC and IP addresses, an open TCP port of the device, and one of ours.

    `number` and `acknowledged` are those of a connection that is open between the two ports.
    """

    own_mac: bytes
    mac: bytes
    own: str
    theirs: str
    port: int
    source: int
    number: int = 0
    acknowledged: int = 0

    @property
    def link_local(self) -> str:
        """The link-local IPv6 address that follows from our MAC address (RFC 4291 appendix A)."""
        mac = self.own_mac
        interface = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
        return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + interface)

    def frame(self, **fields: Any) -> "Packet":
        """Return the header of a frame to the device."""
        from scapy.layers.l2 import Ether

        return Ether(src=self.own_mac, dst=self.mac, **fields)

    def ip(self, protocol: int | None = None, **fields: Any) -> "Packet":
        """Return the headers down to IPv4 (RFC 791) or IPv6 (RFC 8200), whichever the addresses are of.

        Without `protocol`, the header names the payload that follows it.
        """
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6

        by_6 = ":" in self.theirs
        usual: dict[str, Any] = {"hlim": 255} if by_6 else {"id": IDENTIFICATION, "flags": "DF"}
        if protocol is not None:
            usual["nh" if by_6 else "proto"] = protocol
        header = IPv6 if by_6 else IP
        return self.frame() / header(**{"src": self.own, "dst": self.theirs, **usual, **fields})

    def segment(self, flags: int = SYN, *, options: bytes = b"", payload: bytes = b"", **fields: Any) -> "Packet":
        """Return a TCP segment (RFC 9293 clause 3.1). After the headers of `ip`, it has its right sum."""
        from scapy.layers.inet import TCP

        options += bytes(-len(options) % 4)
        usual = {"sport": self.source, "dport": self.port, "seq": 0x74700000, "window": 64_240}
        shape = {"dataofs": 5 + len(options) // 4, "reserved": flags >> 9, "flags": flags & 0x1FF}
        return TCP(**{**usual, **shape, **fields}) / (options + payload)


@dataclass(frozen=True)
class Train:
    """Frames that are sent one after the other, and the source of their idea.

    `within` frames belong to a connection that is open, and are rebuilt for it.
    """

    name: str
    frames: tuple[bytes, ...]
    origin: str
    within: bool = False

    @property
    def message(self) -> Message:
        """The frames as one message, each after its length."""
        return Message(self.name, b"".join(struct.pack("!H", len(one)) + one for one in self.frames), self.origin)


def train_of(name: str, origin: str, *packets: "Packet | bytes", within: bool = False) -> Train:
    """Build frames; ValueError for one that no Ethernet carries."""
    frames = tuple(map(bytes, packets))
    for frame in frames:
        if len(frame) > FRAME_LIMIT:
            raise ValueError(f"{name}: a frame of {len(frame)} octets")
    return Train(name, frames, origin, within)


def capture_file(frames: Iterable[bytes]) -> bytes:
    """Return frames as a pcap file, which `tcpreplay` sends again."""
    return pcap((0, frame, len(frame)) for frame in frames)


def with_sum(octets: bytes, at: int, headers: "Packet | None" = None, *, wrong: bool = False) -> bytes:
    """Write the checksum of what the headers carry, if they are counted in; what is too short stays as it is."""
    from scapy.layers.inet import IP, in4_chksum
    from scapy.layers.inet6 import in6_chksum
    from scapy.utils import checksum

    if len(octets) < at + 2:
        return octets
    before, behind = octets[:at], octets[at + 2 :]
    cleared = before + b"\0\0" + behind
    if headers is None:
        total = checksum(cleared)
    elif isinstance(ip := headers.payload, IP):
        total = in4_chksum(ip.proto, ip, cleared)
    else:
        total = in6_chksum(ip.nh, ip, cleared)
    return before + struct.pack("!H", total ^ (0x5555 if wrong else 0)) + behind


def changed(
    valid: tuple[bytes, ...], random: Random, wrap: Callable[[bytes], "Packet"], most: int = 1_400
) -> Iterator[Train]:
    """Yield valid packets that were changed, without end, each in its frame."""
    for message in mutations(valid, random, most):
        yield train_of(message.name, message.origin, wrap(message.data))
