"""A TCP SYN sweep with raw frames on AF_PACKET; our kernel answers each SYN-ACK with an RST, no connection comes about.

The sweep is clocked by the canary: after every window of ports it waits for the canary's answer, and asks half as fast
when that is lost. Silent ports are asked again until nothing new comes and the canary's losses say that it was enough.
"""

import contextlib
import errno
import random
import secrets
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from select import select

from drivers.errors import BenchError
from drivers.network.link import ETHERTYPE_IPV4, Link
from drivers.network.sweep import CANARY_ASKS, CANARY_EVERY, MISSED, Canary, Pace, PortAnswers
from drivers.probe import Recorder

SYN, RST, ACK = 0x02, 0x04, 0x10
_SOURCES = 8
_LEAST_ROUNDS, _MOST_ROUNDS = 3, 12
_ROUND_SECONDS = (0.3, 0.6, 1.0)
_SNAPLEN = 128
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

    def __init__(self, link: Link, mac: bytes, source: int, isn: int) -> None:
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


def pcap(frames: Sequence[tuple[int, bytes]]) -> bytes:
    """Return a pcap file (nanoseconds, Ethernet) of frames with their times in nanoseconds."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAPLEN, 1)]
    for stamp, frame in frames:
        seconds, nanoseconds = divmod(stamp, 1_000_000_000)
        parts.append(struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)) + frame)
    return b"".join(parts)


class SynSweep:
    """One sweep over a link; `run` may be called once. `syn6.py` has its counterpart for IPv6."""

    ethertype = ETHERTYPE_IPV4
    family = socket.AF_INET

    def __init__(self, link: Link, mac: bytes, canary: Canary, packets_per_second: int, record: Recorder) -> None:
        self.answers = PortAnswers("syn", canary)
        self._link, self._mac, self._record = link, mac, record
        self._pace = Pace(packets_per_second)
        self._isn = secrets.randbits(32)
        self._ends = (socket.inet_pton(self.family, link.address), socket.inet_pton(self.family, link.own_address))
        self._frames: list[tuple[int, bytes]] = []
        self._canary_open: set[int] = set()
        self._canary_refused = False
        self._canary_asks = 0
        self._canary_first = 1
        self._patience = 0.25
        self._lost_in_a_row = 0
        self._mute_in_a_row = 0

    def template(self, source: int, isn: int) -> "SynTemplate":
        """Return the frames from one source port with one initial sequence number."""
        return SynTemplate(self._link, self._mac, source, isn)

    def read(self, frame: bytes) -> TcpAnswer | None:
        """Read an Ethernet frame; None for what is no TCP segment."""
        return parse(frame)

    def run(self, ports: Sequence[int]) -> PortAnswers:
        """Ask all these ports, and keep what answered; raises BenchError when our own interface fails."""
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
            self._rounds(ports)
            heard = self._start_canary()
            self._send_canary()
            self._await_canary(heard)
        self._record.keep("answers.pcap", pcap(self._frames))
        return self.answers

    def _rounds(self, ports: Sequence[int]) -> None:
        deadline = time.monotonic() + 300 + 5 * len(ports) / self._pace.per_second
        silent, self._total = list(ports), len(ports)
        for number in range(1, _MOST_ROUNDS + 1):
            heard = self.answers.heard
            # A new order each time: what is lost at a place in a burst is then another port in the next round.
            random.shuffle(silent)
            self._round(silent, _ROUND_SECONDS[min(number, 3) - 1], deadline)
            silent = self.answers.silent_of(silent)
            if not silent or self.answers.unfinished:
                return
            enough = number >= _LEAST_ROUNDS and self.answers.canary.missed_after(number) < MISSED
            if enough and heard == self.answers.heard:
                return
            self.answers.lost += len(silent)
        self.answers.unfinished = f"the device still lost answers in the last of {_MOST_ROUNDS} rounds"

    def _round(self, ports: Sequence[int], patience: float, deadline: float) -> None:
        all_heard = self.answers.heard + len(ports)
        for start in range(0, len(ports), CANARY_EVERY):
            self._window(ports[start : start + CANARY_EVERY])
            done = min(self.answers.heard, self._total)
            self._record.progress(done, self._total, f"TCP ports, {self._pace.per_second} a second")
            if time.monotonic() > deadline:
                self.answers.unfinished = "the sweep ran out of time"
            if self.answers.unfinished:
                return
        self._listen(patience, lambda: self.answers.heard >= all_heard)

    def _window(self, ports: Sequence[int]) -> None:
        """Ask these ports with the canary among them, and wait for the canary's answer."""
        heard = self._start_canary()
        # At random, for a rate limit lets the first of a burst through and drops the last.
        place, batch = random.randrange(len(ports)), self._pace.batch
        for start in range(0, len(ports), batch):
            asked = ports[start : start + batch]
            self._listen(self._pace.wait())
            for number, port in enumerate(asked, start):
                if number == place:
                    self._send_canary()
                self._send(self._template.to(port))
            self._pace.spend(len(asked))
            self._drain()
        self._await_canary(heard)

    def _start_canary(self) -> int:
        self._canary_first = self._canary_asks + 1
        self._canary_open.clear()
        self._canary_refused = False
        return self.answers.heard

    def _await_canary(self, heard: int) -> None:
        """Wait for the canary, ask again when its answer is lost, and learn from that how fast to ask.

        `heard` is how many ports had answered when this question was begun.
        """
        for number in range(1 if self._lost_in_a_row > 1 else CANARY_ASKS):
            if number:
                self._send_canary()
                self.answers.lost += 1
            self._listen(self._patience * 2**number, lambda: bool(self._canary_open) or self._canary_refused)
            if self._canary_open or self._canary_refused:
                break
        answered, late = bool(self._canary_open), number > 0 and self._canary_first in self._canary_open
        self.answers.canary.count(answered, repeated=number > 0 and not late)
        self._lost_in_a_row = 0 if answered else self._lost_in_a_row + 1
        if late:
            self._patience = min(2.0, 2 * self._patience)
        elif number:
            self._pace.halve()
        elif answered:
            self._pace.rise()
        mute = not answered and not self._canary_refused and heard == self.answers.heard
        self._mute_in_a_row = self._mute_in_a_row + 1 if mute else 0
        if self._mute_in_a_row > 1:
            self.answers.unfinished = "the device fell silent, the sweep was ended early"

    def _send_canary(self) -> None:
        # Another source port and number each time, so that an answer tells which question it belongs to.
        self._canary_asks += 1
        isn = (self._isn + self._canary_asks) & 0xFFFFFFFF
        source = self._sources[1 + self._canary_asks % (_SOURCES - 1)]
        frame = self.template(source, isn).to(self.answers.canary.port)
        self._keep(frame)
        self._send(frame)
        self._pace.spend(1)

    def _send(self, frame: bytes) -> None:
        for _ in range(200):
            try:
                self._sock.send(frame)
            except OSError as error:
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN):
                    raise BenchError(
                        f"interface {self._link.interface} does not send: {error}.", "Check the link of the bench."
                    ) from error
                self._listen(0.005)
            else:
                self.answers.sent += 1
                return

    def _listen(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Take answers in for some seconds, or until there are enough."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not enough():
            if select([self._sock], [], [], left)[0]:
                self._drain()

    def _drain(self) -> None:
        # Bounded, so that a flood cannot hold the sweep up.
        for _ in range(4_096):
            try:
                frame = self._sock.recv(_SNAPLEN)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    return
                raise
            if answer := self.read(frame):
                self._take(answer, frame)

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
            self._canary_refused |= not is_open
            self.answers.enter(answer.source, is_open)
            if is_open:
                self._canary_open.add(number)

    def _is_of_canary(self, answer: TcpAnswer, number: int) -> bool:
        """Whether this answers the canary question that is being asked, not an older one."""
        return (
            self._canary_first <= number <= self._canary_asks
            and answer.source == self.answers.canary.port
            and answer.destination == self._sources[1 + number % (_SOURCES - 1)]
        )

    def _keep(self, frame: bytes) -> None:
        if len(self._frames) < _FRAMES_KEPT:
            self._frames.append((time.time_ns(), frame))
