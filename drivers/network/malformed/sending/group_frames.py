"""Datagrams to a multicast group in frames to the device's own MAC address, so that no other device receives them.

A service that listens at its group only does not receive what is sent to the device's address, and malformed messages
must not reach other devices.
"""

import contextlib
import secrets
import socket
from typing import Self

from drivers.network.datagram import DatagramDoor
from drivers.network.malformed.messages.frames import IPV4
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.send_frames import raw_link
from drivers.network.sweep.link import EthernetLink
from drivers.network.target import answer_of
from trustprobe.errors import BenchError

_FRAGMENT = 1_480
"""Octets of an IP packet's content that fit into one frame of Ethernet; a multiple of 8 (RFC 791 clause 3.2)."""
_MOST = 65_507
_ASKS = 3


class GroupWire:
    """Sends to the group of one service over the bench's link. Use it in a `with` block."""

    def __init__(self, liveness: Liveness, link: EthernetLink, mac: bytes) -> None:
        self._liveness, self._link, self._mac = liveness, link, mac
        self._held = contextlib.ExitStack()
        self._door = self._held.enter_context(DatagramDoor(liveness.target, liveness.service.port))
        self._sock: socket.socket = self._held.enter_context(link.open(IPV4))
        self._sock.setblocking(True)

    @classmethod
    def open(cls, liveness: Liveness) -> Self | str:
        """Return the wire, or the reason why frames cannot reach the device's service."""
        link = raw_link(liveness.target)
        if isinstance(link, str):
            return link
        if ":" in link.address:
            return "frames to a group are built for IPv4 only"
        mac = link.resolve()
        return cls(liveness, link, mac) if mac is not None else f"no machine answers ARP for {link.address}"

    def __enter__(self) -> Self:
        """Hold the sockets."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self._held.close()

    def send(self, data: bytes) -> Reaction:
        """Send one datagram; its reaction is received by the next healthy request."""
        frames = self._frames(data[:_MOST])
        try:
            for frame in frames:
                self._sock.send(frame)
        except OSError as error:
            with contextlib.suppress(BenchError):
                answer_of(error)
            return Reaction(False, b"", f"not sent: {type(error).__name__}")
        return Reaction(True, b"", f"sent to {self._door.where} in {len(frames)} frames to the device")

    def answers(self) -> bool:
        """Whether a healthy request in our own frames is answered."""
        group = self._door.group
        self._door.asked_group = True
        for _ in range(_ASKS):
            self.send(self._liveness.healthy)
            if any(map(self._liveness.is_answer, self._door.hear(group.leisure if group else 1.0))):
                return True
        return False

    def _frames(self, data: bytes) -> list[bytes]:
        from scapy.layers.inet import IP, UDP, fragment
        from scapy.layers.l2 import Ether
        from scapy.packet import Raw

        own, source = self._door.beside.getsockname()
        frame = Ether(src=self._link.own_mac, dst=self._mac)
        header = IP(src=own, dst=self._door.where, ttl=1, id=secrets.randbelow(1 << 16))
        packet = frame / header / UDP(sport=source, dport=self._liveness.service.port) / Raw(data)
        return [bytes(one) for one in fragment(packet, _FRAGMENT)]
