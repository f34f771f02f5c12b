"""The probe that sends a device malformed frames on its own link, and looks whether it is still what it was.

Each frame leaves over the bench's interface, to the device's MAC address: nothing of it is routed or heard by others.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, takewhile
from random import Random
from types import MappingProxyType

from drivers.network.malformed.messages.frames import ARP, IPV4, IPV6, RST, Ends, Train, capture_file
from drivers.network.malformed.messages.internet import arp, arp_changes, icmp, icmp_changes, internet, internet_changes
from drivers.network.malformed.messages.internet6 import internet6, internet6_changes, neighbour_changes, neighbours
from drivers.network.malformed.messages.message import Message, MessageSeries, bounded
from drivers.network.malformed.messages.segments import ignored, segment_changes, segments, within
from drivers.network.malformed.sending.carrier import Carrier, HealthyControl
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.sweep.link import EthernetLink
from drivers.network.sweep.wire import wire_to
from drivers.network.target import Target, answer_of
from lab_config.component import Service
from trustprobe.errors import BenchError
from trustprobe.probe import Recorder, Witness, condition

BATCH = 25
"""Trains of frames between two healthy requests."""
ANSWER_SECONDS = 1.0
IGNORED_SECONDS = 0.05
"""How long an answer to a segment with a wrong sum is awaited: the right one was answered sooner."""
_ASKS = 3
_IP_AT, _TCP_AT = 14, 34
_NUMBERS = 1 << 32
"""Sequence numbers turn over here (RFC 9293 clause 3.4)."""
_READ_LIMIT = 256

Trains = Callable[[Ends, Random], Iterator[Train]]


@dataclass(frozen=True)
class FrameLayer:
    """What lies in the frames of one layer: the ethertype of its control, what is named, and changes without end."""

    version: int
    named: Trains
    more: Trains


FRAME_LAYERS: Mapping[str, FrameLayer] = MappingProxyType(
    {
        "arp": FrameLayer(4, arp, arp_changes),
        "ipv4": FrameLayer(4, internet, internet_changes),
        "icmp": FrameLayer(4, icmp, icmp_changes),
        "tcp": FrameLayer(4, segments, segment_changes),
        "ipv6": FrameLayer(6, internet6, internet6_changes),
        "icmpv6": FrameLayer(6, neighbours, neighbour_changes),
    }
)


def raw_link(target: Target) -> EthernetLink | str:
    """Return the link on which our own frames reach the target, or the reason why there is no link."""
    link = wire_to(target)
    if isinstance(link, str):
        return link
    try:
        link.open(ARP).close()
    except PermissionError:
        return "this user may not send raw frames (run as root, or with CAP_NET_RAW)"
    return link


@dataclass(frozen=True)
class SendMalformedFrames:
    """Send malformed frames of one layer, and a healthy request to a TCP service after every few.

    Witness: that service answered before, and after each batch; a good segment, sent as the malformed ones are, was
    answered before and after.
    """

    target: Target
    """The sample at the address whose IP version the layer has."""
    link: EthernetLink
    layer: str
    service: Service
    count: int
    seed: int
    revival: Revival

    @property
    def name(self) -> str:
        """One observation a layer."""
        return f"malformed.frames-{self.layer}"

    def run(self, record: Recorder) -> MalformedInput:
        """Send them all, or until damage is proved; BenchError where nobody has the address, or nothing can be sent."""
        mac = self.link.resolve()
        if mac is None:
            raise BenchError(
                f"no machine on {self.link.interface} has the address {self.link.address}.",
                "Check the address and the cable.",
            )
        liveness = Liveness(self.target, self.service)
        with (
            _Wire(self.target, self.link, mac, self.service.port) as wire,
            Watch(liveness, self.revival, record.note) as watch,
        ):
            random, kind = Random(f"{self.seed}/{self.layer}"), FRAME_LAYERS[self.layer]
            trains = bounded(kind.named(wire.ends, random), kind.more(wire.ends, random), self.count)
            known = {train.name: train for train in trains}
            record.keep("frames.pcap", capture_file(frame for train in trains for frame in train.frames))
            before = wire.answers()
            if self.layer == "tcp":
                ignored = not wire.answers(wrong_sum=True)
                record.note(
                    f"the device {'ignored' if ignored else 'answered'} a segment with a bad checksum (RFC 9293 MUST-3)"
                )
            about = f"the device at {self.target.address}"
            series = MessageSeries(self.layer, self.seed, tuple(train.message for train in trains))
            carrier = Carrier(
                lambda message: wire.send(known[message.name]),
                BATCH,
                shaped=lambda batch: wire.controls([known[message.name] for message in batch]),
                release=wire.let_go,
                reached=lambda: _reached(before, wire.answers()),
            )
            return Round(about, series, carrier, partial(_keep, record, known), watch, record).run()


def _keep(record: Recorder, known: Mapping[str, Train], message: Message) -> str:
    name = f"{message.name}.pcap"
    record.keep(name, capture_file(known[message.name].frames))
    return name


def _reached(before: bool, after: bool) -> Witness:
    words = " and ".join(
        f"{'answered' if held else 'not answered'} {when}" for when, held in (("before", before), ("after", after))
    )
    return condition(f"a good segment in our own frame was {words}", holds=before and after)


def octets_of(train: Train) -> bytes:
    """Return what the segments of a train over IPv4 carry, in order, as far as it has no gap.

    The train must be built for a connection whose first number is 0.
    """
    known: dict[int, int] = {}
    for frame in train.frames:
        start = _TCP_AT + 4 * (frame[_IP_AT] & 0x0F) - 20
        number, begin = struct.unpack_from("!I", frame, start + 4)[0], start + 4 * (frame[start + 12] >> 4)
        for at, octet in enumerate(frame[begin:]):
            known.setdefault(number + at, octet)
    return bytes(known[at] for at in takewhile(known.__contains__, count()))


@dataclass
class _Wire:
    """The packet socket, and a port of ours that nobody else uses meanwhile; used as a context manager."""

    target: Target
    link: EthernetLink
    mac: bytes
    port: int
    _held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)
    _left_open: list[tuple[socket.socket, Ends]] = field(default_factory=list, init=False)
    """Connections that trains went into, each with the numbers that are due."""

    def __enter__(self) -> "_Wire":
        family = socket.AF_INET6 if ":" in self.link.address else socket.AF_INET
        self.sock = self._held.enter_context(self.link.open(IPV6 if family == socket.AF_INET6 else IPV4))
        self.link.hear_only_target(self.sock)
        # Bound and not listening: our kernel answers what comes with an RST, and the device forgets it.
        own = self._held.enter_context(socket.socket(family, socket.SOCK_STREAM))
        own.bind((self.link.own_address, 0))
        ours, theirs = self.link.own_address, self.link.address
        self.ends = Ends(self.link.own_mac, self.mac, ours, theirs, self.port, int(own.getsockname()[1]))
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self._held.close()

    def answers(self, *, wrong_sum: bool = False) -> bool:
        """Whether a SYN to the service is answered with SYN-ACK."""
        for asked in range(1 if wrong_sum else _ASKS):
            syn = bytes(ignored(self.ends) if wrong_sum else self.ends.ip() / self.ends.segment(seq=0x1000 + asked))
            self._drain()
            self.sock.send(syn)
            if self._synack(self.ends.source, IGNORED_SECONDS if wrong_sum else ANSWER_SECONDS):
                return True
        return False

    def send(self, train: Train) -> Reaction:
        """Send the frames of a train."""
        try:
            frames = self._connected(train) if train.within else train.frames
            for frame in frames:
                self.sock.send(frame)
        except BlockingIOError:
            return Reaction(False, b"", "the queue of the interface was full")
        except OSError as error:
            answer_of(error)
            return Reaction(False, b"", f"not sent: {type(error).__name__}")
        return Reaction(True, b"", f"{len(frames)} frames sent")

    def controls(self, trains: Sequence[Train]) -> tuple[HealthyControl, ...]:
        """Return what is healthy and else like these trains: connections with the same octets, or valid segments."""
        if not any(train.within for train in trains):
            return (HealthyControl("a valid segment in a frame of our own", lambda: [self._valid() for _ in trains]),)
        about = "a healthy connection with the same octets that is left open"
        send = partial(self._send_healthy, trains)
        return (HealthyControl(about, send, "half-sent request or connection that is left open"),)

    def let_go(self) -> bool:
        """End the connections that trains went into. True if there were any."""
        connections, self._left_open = self._left_open, []
        for connection, ends in connections:
            connection.close()
            # The device counts octets that our kernel never sent, and ignores its RST (RFC 9293 clause 3.5.3).
            with contextlib.suppress(OSError):
                self.sock.send(bytes(ends.ip() / ends.segment(RST, seq=ends.number % _NUMBERS)))
        return bool(connections)

    def _valid(self) -> Reaction:
        answered = self.answers()
        return Reaction(answered, b"", "answered" if answered else "not answered")

    def _send_healthy(self, trains: Sequence[Train]) -> list[Reaction]:
        """Open a connection for each train, and send in good order what its segments carry."""
        reactions = []
        for train in trains:
            if not train.within:
                reactions.append(self._valid())
                continue
            octets = octets_of(train)
            try:
                self._opened()[0].sendall(octets)
            except OSError as error:
                answer_of(error)
                reactions.append(Reaction(False, b"", f"not sent: {type(error).__name__}"))
                continue
            reactions.append(Reaction(True, b"", f"{len(octets)} octets sent in a healthy connection"))
        return reactions

    def _connected(self, train: Train) -> tuple[bytes, ...]:
        """Open a connection, and build the frames of a train for it."""
        connection, ends = self._opened()
        self._left_open[-1] = connection, replace(ends, number=ends.number + len(octets_of(train)))
        return next(one.frames for one in within(ends) if one.name == train.name)

    def _opened(self) -> tuple[socket.socket, Ends]:
        """Open a connection, which stays open until it is let go."""
        self._drain()
        connection = self.target.connect(self.port)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        source = int(connection.getsockname()[1])
        numbers = self._synack(source, ANSWER_SECONDS)
        if numbers is None:
            connection.close()
            raise TimeoutError("the SYN-ACK was not received")
        theirs, own = numbers
        ends = replace(self.ends, source=source, number=own, acknowledged=theirs + 1)
        self._left_open.append((connection, ends))
        return connection, ends

    def _synack(self, source: int, seconds: float) -> tuple[int, int] | None:
        """Wait for the SYN-ACK to a port of ours; its own number and the one that it acknowledges."""
        at = _TCP_AT + (20 if ":" in self.ends.own else 0)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.sock], [], [], left)[0]:
            frame = self.sock.recv(_READ_LIMIT)
            if len(frame) < at + 20:
                continue
            from_port, to_port, number, acknowledged, _, flags = struct.unpack_from("!HHIIBB", frame, at)
            if (from_port, to_port, flags & 0x17) == (self.port, source, 0x12):
                return number, acknowledged
        return None

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recv(1)
