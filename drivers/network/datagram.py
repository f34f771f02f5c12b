"""The datagram question: one payload to a UDP service of the device, and the answers from the device's address.

A discovery service may listen at its multicast address only: UPnP Device Architecture 1.1 clause 1.3.2 requires the
multicast search and recommends the unicast one. The host then refuses the unicast datagram with ICMP. Such a service
is therefore probed at its group as well, from the bench's interface, if the unicast question brought no answer.
"""

import ipaddress
import select
import socket
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from drivers.network.questions import MulticastGroup, udp_questions
from drivers.network.target import CONNECT_SECONDS, Target, answer_of
from trustprobe.probe import Answer

READ_LIMIT = 65_535
DATAGRAMS = 64
"""Datagrams that are received for one question. The rest of a flood is not."""


def group_of(port: int) -> MulticastGroup | None:
    """Return the multicast group of the service that usually has this port; None if it has no group."""
    return next((row.multicast for row in udp_questions() if row.multicast and port in row.ports), None)


class DatagramDoor:
    """A UDP port of the device, and the multicast group of its service. Use it in a `with` block.

    Two sockets share one port of this machine. The connected one receives ICMP errors. The other one sends to the group
    and receives answers from other ports of the device, as some services send them. Raises BenchError as Target does.
    """

    def __init__(self, target: Target, port: int, group: MulticastGroup | None = None) -> None:
        self._target, self._port = target, port
        self.group = group or group_of(port)
        self.refused = False
        """Whether the device sent an ICMP port unreachable."""
        self.asked_group = False
        """Whether a question was sent to the group."""
        self.connected = target.datagram(port)
        self.beside = socket.socket(self.connected.family, socket.SOCK_DGRAM)
        try:
            for sock in (self.connected, self.beside):
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.beside.bind(self.connected.getsockname())
            address = self.group.address(target.address) if self.group else ""
            self._place = target.multicast(self.beside, address, port)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Hold the sockets."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close both sockets."""
        self.connected.close()
        self.beside.close()

    @property
    def has_group(self) -> bool:
        """Whether the service can be probed at a group: it has one, and the bench names an interface."""
        return self._place is not None

    @property
    def where(self) -> str:
        """The group's address; empty if there is none."""
        return self._place[0] if self._place is not None else ""

    def send(self, data: bytes) -> None:
        """Send to the port itself. A pending ICMP error takes the place of the datagram."""
        try:
            self.connected.send(data)
        except OSError as error:
            self._told(error)

    def send_to_group(self, data: bytes) -> None:
        """Send to the group, in the form that the protocol has for it (RFC 7252 clause 8.1 for CoAP)."""
        assert self._place is not None and self.group is not None
        self.asked_group = True
        try:
            self.beside.sendto(self.group.form(data), self._place)
        except OSError as error:
            answer_of(error)

    def answer(self, data: bytes, port: int) -> None:
        """Send to the port of the device that a datagram came from, as TFTP continues (RFC 1350 clause 4)."""
        place = self.connected.getpeername()
        try:
            self.beside.sendto(data, (place[0], port, *place[2:]))
        except OSError as error:
            answer_of(error)

    def receive(self, sock: socket.socket, limit: int = READ_LIMIT) -> tuple[bytes, int] | None:
        """Return a datagram of the device that waits on one of the sockets, and its source port; None if none does.

        Datagrams from other addresses are dropped. An ICMP error is noted in `refused`.
        """
        try:
            data, source = sock.recvfrom(limit)
        except BlockingIOError:
            return None
        except OSError as error:
            self._told(error)
            return None
        return (data, source[1]) if self.is_from_device(source[0]) else None

    def is_from_device(self, host: str) -> bool:
        """Whether a datagram's source address is the device's."""
        own = self._target.address.partition("%")[0]
        return ipaddress.ip_address(host.partition("%")[0]) == ipaddress.ip_address(own)

    def hear(self, seconds: float) -> Iterator[bytes]:
        """Yield what comes from the device within some seconds. Ends at an ICMP refusal if no group was asked."""
        deadline, received = time.monotonic() + seconds, 0
        while received < DATAGRAMS and (left := deadline - time.monotonic()) > 0:
            if self.refused and not self.asked_group:
                return
            for ready in select.select([self.connected, self.beside], [], [], left)[0]:
                received += 1
                if (came := self.receive(ready)) is not None:
                    yield came[0]

    def ask(self, data: bytes, seconds: float = CONNECT_SECONDS) -> Iterator[bytes]:
        """Send a question and yield its answers. If the port itself gives none, send it to the group as well."""
        answered = False
        self.send(data)
        for came in self.hear(seconds):
            answered = True
            yield came
        if not answered and self.has_group and self.group is not None:
            self.send_to_group(data)
            yield from self.hear(max(seconds, self.group.leisure))

    def _told(self, error: OSError) -> None:
        self.refused |= answer_of(error) is Answer.REFUSED
