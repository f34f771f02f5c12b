"""The probe that sends a device malformed frames on its own link, and looks whether it is still what it was.

Each frame leaves over the bench's interface, to the device's MAC address: nothing of it is routed or heard by others.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from types import MappingProxyType

from drivers.network.malformed.messages.frames import ARP, IPV4, IPV6, Ends, Train, capture_file
from drivers.network.malformed.messages.internet import arp, arp_changes, icmp, icmp_changes, internet, internet_changes
from drivers.network.malformed.messages.internet6 import internet6, internet6_changes, neighbour_changes, neighbours
from drivers.network.malformed.messages.message import Message, MessageSeries, bounded
from drivers.network.malformed.messages.segments import ignored, segment_changes, segments, within
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import Carrier, MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.sweep.link import EthernetLink
from drivers.network.sweep.wire import wire_to
from drivers.network.target import Target, answer_of
from lab_config.component import Service
from trustprobe.errors import BenchError
from trustprobe.probe import Recorder, Witness

BATCH = 25
"""Trains of frames between two healthy requests."""
ANSWER_SECONDS = 1.0
IGNORED_SECONDS = 0.05
"""How long an answer to a segment with a wrong sum is awaited: the right one was answered sooner."""
_ASKS = 3
_TCP_AT = 34
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
    return Witness(what=f"a good segment in our own frame was {words}", holds=before and after)


@dataclass
class _Wire:
    """The packet socket, and a port of ours that nobody else uses meanwhile; used as a context manager."""

    target: Target
    link: EthernetLink
    mac: bytes
    port: int
    _held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)

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
            frames = self._connected(train.name) if train.within else train.frames
            for frame in frames:
                self.sock.send(frame)
        except BlockingIOError:
            return Reaction(False, b"", "the queue of the interface was full")
        except OSError as error:
            answer_of(error)
            return Reaction(False, b"", f"not sent: {type(error).__name__}")
        return Reaction(True, b"", f"{len(frames)} frames sent")

    def _connected(self, name: str) -> tuple[bytes, ...]:
        """Open a connection, held until the wire is closed, and build the frames of a train for it."""
        self._drain()
        connection = self._held.enter_context(self.target.connect(self.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        source = int(connection.getsockname()[1])
        numbers = self._synack(source, ANSWER_SECONDS)
        if numbers is None:
            raise TimeoutError("the SYN-ACK was not received")
        theirs, own = numbers
        ends = replace(self.ends, source=source, number=own, acknowledged=theirs + 1)
        return next(train.frames for train in within(ends) if train.name == name)

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
