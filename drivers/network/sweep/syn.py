"""TCP ports asked by SYNs in raw frames on AF_PACKET; our kernel answers each SYN-ACK with an RST, no connection comes
about. In which order and how fast they are asked is said by `course.py`.
"""

import contextlib
import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from select import select

from drivers.network.pcap import pcap
from drivers.network.sweep.answers import PortAnswers, SweepCanary
from drivers.network.sweep.asker import SweepAsker, never
from drivers.network.sweep.frames import BATCH, Incoming, Outgoing
from drivers.network.sweep.link import ETHERTYPE_IPV4, EthernetLink
from trustprobe.errors import BenchError
from trustprobe.probe import Recorder

SYN, RST, ACK = 0x02, 0x04, 0x10
_SOURCES = 8
_FRAMES_KEPT = 20_000
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 16 << 20


def checksum(data: bytes) -> int:
    """Return the Internet checksum of RFC 1071 of an even number of bytes."""
    return fold(sum(struct.unpack(f"!{len(data) // 2}H", data)))


def fold(total: int) -> int:
    """Return the one's complement of a sum of 16-bit words, carries folded in."""
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


class SynTemplate:
    """SYN frames from one source port with one initial sequence number; only the destination port differs."""

    def __init__(self, link: EthernetLink, mac: bytes, source: int, isn: int) -> None:
        own, theirs = socket.inet_aton(link.own_address), socket.inet_aton(link.address)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 44, 0, 0x4000, 64, socket.IPPROTO_TCP, 0, own, theirs)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        self._middle = struct.pack("!IIBBH", isn, 0, 6 << 4, SYN, 64_240)
        self._end = struct.pack("!HBBH", 0, 2, 4, 1_460)
        pseudo = own + theirs + struct.pack("!HHH", socket.IPPROTO_TCP, 24, source)
        self._sum = sum(struct.unpack("!18H", pseudo + self._middle + b"\0\0" + self._end[2:] + b"\0\0\0\0"))
        self._start = mac + link.own_mac + struct.pack("!H", ETHERTYPE_IPV4) + ip + struct.pack("!H", source)

    def to(self, port: int) -> bytes:
        """Return the frame that asks this port."""
        return (
            self._start + port.to_bytes(2, "big") + self._middle + fold(self._sum + port).to_bytes(2, "big") + self._end
        )


@dataclass(frozen=True)
class TcpAnswer:
    """The fields of a TCP segment that tell whether it answers a question of ours."""

    sender: bytes
    receiver: bytes
    source: int
    destination: int
    acknowledged: int
    flags: int


def parse(frame: bytes) -> TcpAnswer | None:
    """Read an Ethernet frame; None for anything but an unfragmented TCP segment over IPv4."""
    if len(frame) < 54 or frame[14] >> 4 != 4 or frame[23] != socket.IPPROTO_TCP:
        return None
    start = 14 + (frame[14] & 15) * 4
    if start < 34 or len(frame) < start + 20 or (frame[20] << 8 | frame[21]) & 0x3FFF:
        return None
    source, destination, _, acknowledged, _, flags = struct.unpack_from("!HHIIBB", frame, start)
    return TcpAnswer(frame[26:30], frame[30:34], source, destination, acknowledged, flags)


class SynAsker(SweepAsker):
    """Asks over a link; `syn6.py` has its counterpart for IPv6."""

    ethertype = ETHERTYPE_IPV4
    family = socket.AF_INET
    start = b"\x08\x00\x45"
    """EtherType, version and header length of the frames whose fields `layout` finds."""
    layout = struct.Struct("!12x3s8xB2x8sHH4xIxB80x")
    """Start, next protocol, both addresses, both ports, acknowledged number and flags of a frame."""
    least = 54

    def __init__(self, link: EthernetLink, mac: bytes, canary: SweepCanary) -> None:
        super().__init__(PortAnswers("syn", canary))
        self._link, self._mac = link, mac
        self._isn = secrets.randbits(32)
        self._ends = (socket.inet_pton(self.family, link.address), socket.inet_pton(self.family, link.own_address))
        self._frames: list[tuple[int, bytes]] = []

    def template(self, source: int, isn: int) -> "SynTemplate":
        """Return the frames from one source port with one initial sequence number."""
        return SynTemplate(self._link, self._mac, source, isn)

    def read(self, frame: bytes) -> TcpAnswer | None:
        """Read an Ethernet frame; None for what is no TCP segment."""
        return parse(frame)

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the packet socket, and the source ports of our questions."""
        with contextlib.ExitStack() as stack:
            self._sock = stack.enter_context(self._link.open(self.ethertype))
            self._link.hear_only_target(self._sock)
            with contextlib.suppress(PermissionError):
                self._sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            # Bound, so that nobody else gets these ports, and not listening, so that our kernel answers with RST.
            own = [stack.enter_context(socket.socket(self.family)) for _ in range(_SOURCES)]
            for sock in own:
                sock.bind((self._link.own_address, 0))
            self._sources: list[int] = [sock.getsockname()[1] for sock in own]
            self._template = self.template(self._sources[0], self._isn)
            self._outgoing = Outgoing(self._sock, len(self._template.to(1)))
            self._incoming = Incoming(self._sock)
            self._plain = (self.start, socket.IPPROTO_TCP, b"".join(self._ends))
            yield

    def ask(self, ports: Sequence[int]) -> None:
        """Send a SYN to each of these ports."""
        for start in range(0, len(ports), BATCH):
            self._send([self._template.to(port) for port in ports[start : start + BATCH]])

    def ask_canary(self) -> None:
        """Ask the canary from another source port and with another number each time, which its answer will tell."""
        self.canary_asks += 1
        isn = (self._isn + self.canary_asks) & 0xFFFFFFFF
        source = self._sources[1 + self.canary_asks % (_SOURCES - 1)]
        frame = self.template(source, isn).to(self.answers.canary.port)
        self._keep(frame)
        self._send([frame])

    def listen(self, seconds: float, enough: Callable[[], bool] = never) -> None:
        """Take answers in for some seconds, or until there are enough; at least what is there already."""
        deadline = time.monotonic() + seconds
        self._drain()
        while (left := deadline - time.monotonic()) > 0 and not enough():
            if select([self._sock], [], [], left)[0]:
                self._drain()

    def settle(self) -> None:
        """Wait for nothing: no question is held open."""

    def keep(self, record: Recorder) -> None:
        """Leave the questions to the canary and the answers that showed something open, as a capture."""
        record.keep("answers.pcap", pcap((when, frame, len(frame)) for when, frame in self._frames))

    def _send(self, frames: list[bytes]) -> None:
        for _ in range(200):
            try:
                sent = self._outgoing.send(frames)
            except OSError as error:
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN):
                    raise BenchError(
                        f"the interface {self._link.interface} does not send: {error}.", "Check the link of the bench."
                    ) from error
                self.listen(0.005)
            else:
                self.answers.sent += sent
                if sent == len(frames):
                    return
                frames = frames[sent:]

    def _drain(self) -> None:
        # Bounded, so that a flood cannot hold the sweep up.
        for _ in range(64):
            try:
                number = self._incoming.receive()
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    return
                raise
            if number:
                self._take_all(number)
            if number < BATCH:
                return

    def _take_all(self, number: int) -> None:
        """Enter a batch of frames: plain RSTs to the ports' questions at once, the others one by one."""
        closed, own, acknowledged = [], self._sources[0], self._isn + 1 & 0xFFFFFFFF
        first_of, plain, least = RST | ACK, self._plain, self.least
        fields = self._incoming.fields(self.layout, number)
        for at, (values, (length,)) in enumerate(zip(fields, self._incoming.lengths(number), strict=True)):
            start, protocol, ends, source, destination, number_of, flags = values
            if (
                destination == own
                and number_of == acknowledged
                and flags == first_of
                and length >= least
                and (start, protocol, ends) == plain
            ):
                closed.append(source)
            elif answer := self.read(frame := self._incoming.frame(at)):
                self._take(answer, frame)
        self.answers.enter_closed(closed)

    def _take(self, answer: TcpAnswer, frame: bytes) -> None:
        """Count what answers a question of ours by both addresses, both ports and the acknowledged number."""
        if (answer.sender, answer.receiver) != self._ends or not answer.flags & ACK:
            return
        is_open = answer.flags & (SYN | RST) == SYN
        if not is_open and not answer.flags & RST:
            return
        number = (answer.acknowledged - 1 - self._isn) & 0xFFFFFFFF
        if number == 0 and answer.destination == self._sources[0]:
            if is_open:
                self._keep(frame)
            self.answers.enter(answer.source, is_open)
        elif self._is_of_canary(answer, number):
            self._keep(frame)
            self.canary_refused |= not is_open
            self.answers.enter(answer.source, is_open)
            if is_open:
                self.canary_open.add(number)

    def _is_of_canary(self, answer: TcpAnswer, number: int) -> bool:
        """Whether this answers the canary question that is being asked, not an older one."""
        return (
            self.canary_first <= number <= self.canary_asks
            and answer.source == self.answers.canary.port
            and answer.destination == self._sources[1 + number % (_SOURCES - 1)]
        )

    def _keep(self, frame: bytes) -> None:
        if len(self._frames) < _FRAMES_KEPT:
            self._frames.append((time.time_ns(), frame))
