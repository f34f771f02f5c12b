"""The unsolicited traffic of the device, compared with the destinations that are declared (IR 8425, IAC-2b).

A reply to a question of the bench is none of the device's own; neither are the housekeeping of a network stack (ARP,
ICMP, DHCP, IGMP) and the announcements of a declared discovery service. Hosts are matched by address: by the bench's
own roles (cloud, collector, time source), or by the DNS answers that the capture holds.
"""

import ipaddress
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from drivers.documents.file import MalformedError, read_document
from drivers.network.recognise.dns_sd import CNAME, DnsDecodeError, asked, records_until_cut
from drivers.network.traffic.capture import MOST_FRAMES, Captured, Recording
from drivers.network.traffic.mud import peers as mud_peers
from drivers.network.traffic.packets import Frame, read
from drivers.network.traffic.peer import TrafficPeer
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Fact, Frozen, Observation, Recorder, Witness, printable

MOST_FLOWS: Final = 500
MOST_ALIASES: Final = 16
"""The length of a chain of aliases that is followed, as with common resolvers."""
DNS_PORT: Final = 53
NO_QUERY: Final = "(no query)"
"""Stands for datagrams to a resolver that ask for no name: a tunnel looks like that."""
HOUSEKEEPING: Final = frozenset({("udp", 67), ("udp", 547), ("ip-2", 0)})
"""What any stack sends: DHCP (RFC 2131, 8415) and IGMP (RFC 3376); and ICMP."""
ELSEWHERE: Final = frozenset({69, 1900, 3702})
"""Asked ports whose service answers from a port of its own: TFTP (RFC 1350, 4), SSDP and WS-Discovery."""
ELSEWHERE_SECONDS: Final = 10.0
"""How long after a question the first answer from another port may come; twice what SSDP may wait (UPnP 2.0, 1.3.3)."""
CLIENT_PORTS: Final = 1024
"""The first port that clients ask from; what goes to a lower one goes to a server (RFC 6335, 6)."""
GROUPS: Final[Mapping[str, frozenset[tuple[str, int]]]] = MappingProxyType(
    {
        "mdns": frozenset({("224.0.0.251", 5353), ("ff02::fb", 5353)}),
        "ssdp": frozenset({("239.255.255.250", 1900), ("ff02::c", 1900), ("ff05::c", 1900)}),
        "ws_discovery": frozenset({("239.255.255.250", 3702), ("ff02::c", 3702)}),
        "coap": frozenset({("224.0.1.187", 5683), ("ff02::fd", 5683), ("ff05::fd", 5683)}),
    }
)
"""Where the discovery protocols announce (RFC 6762, UPnP 2.0, WS-Discovery 1.1, RFC 7252), by protocol."""


@dataclass
class Flow:
    """What the device sent to one port of one address: when first and how often. Times are seconds since 1970."""

    transport: str
    address: str
    port: int
    first: float
    frames: int = 0

    @property
    def about(self) -> str:
        """The name in an observation: `tcp/203.0.113.9:443`."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport}/{address}" + (f":{self.port}" if self.port else "")


@dataclass
class Traffic:
    """What a recording shows: flows of the device's own, the names it asked for, and the addresses it was told."""

    flows: dict[str, Flow] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)
    aliases: set[tuple[str, str]] = field(default_factory=set)
    """Names, and what they are other names of (CNAME: RFC 1034, 3.6.2)."""
    sent: int = 0
    """Frames from the device, replies among them."""
    full: bool = False
    """There were more flows or names than are kept."""
    elsewhere: frozenset[int] = ELSEWHERE
    """Asked ports whose answer may come from another one."""
    _asked: set[tuple[str, int, str, int]] = field(default_factory=set)
    """Questions: asked address and port, and the asker's. The address is empty where all were asked."""
    _began: set[tuple[str, int, str, int]] = field(default_factory=set)
    """What the device began: its own address and port, and the peer's."""
    _awaits: dict[tuple[str, str, int], float] = field(default_factory=dict)
    """Who awaits an answer from any port, and since when: the asked address, empty for all; the asker's; its port."""

    def enter(self, captured: Captured) -> None:
        """Enter one frame."""
        frame = read(captured.data)
        if frame is None:
            return
        if not captured.sent:
            self._told(frame, captured)
            return
        self.sent += 1
        if frame.protocol == "udp" and self._is_reply(frame, captured.when):
            return
        if frame.protocol == "tcp" and not frame.opens:
            return
        if frame.protocol == "udp":
            self._keep(self._began, (frame.source, frame.source_port, frame.destination, frame.port))
        flow = Flow(frame.protocol, frame.destination, frame.port, captured.when)
        if flow.about in self.flows or len(self.flows) < MOST_FLOWS:
            self.flows.setdefault(flow.about, flow).frames += 1
        else:
            self.full = True
        if (frame.protocol, frame.port) == ("udp", DNS_PORT):
            self._names(frame.payload)

    def hosts(self) -> dict[str, frozenset[str]]:
        """Return the addresses that names have, directly and through their aliases."""
        found = dict(self.addresses)
        for name in {alias for alias, _ in self.aliases}:
            reached = {name}
            for _ in range(MOST_ALIASES):
                further = {target for alias, target in self.aliases if alias in reached} - reached
                if not further:
                    break
                reached |= further
            found[name] = frozenset().union(*(self.addresses.get(each, frozenset()) for each in reached))
        return found

    def _told(self, frame: Frame, captured: Captured) -> None:
        """Note a datagram to the device: a question of somebody's, or an answer to the device."""
        if frame.source_port == DNS_PORT:
            # A resolver asks nothing. The question to it may be older than the capture, so that `_began` lacks it.
            self._learn(frame.payload)
            return
        if (frame.destination, frame.port, frame.source, frame.source_port) in self._began:
            return
        to_all = bool(captured.data[0] & 1)  # a group's or all stations' MAC address: no IP address tells a broadcast
        asked_of = "" if to_all else frame.destination
        self._keep(self._asked, (asked_of, frame.port, frame.source, frame.source_port))
        if (to_all or frame.port in self.elsewhere) and frame.source_port >= CLIENT_PORTS:
            self._await((asked_of, frame.source, frame.source_port), captured.when)

    def _learn(self, message: bytes) -> None:
        """Note the addresses and aliases that a resolver's answer gives to names, as far as it was captured."""
        for record in records_until_cut(message):
            name = _text(record.labels)
            if record.kind == CNAME:
                self._alias(name, _text(record.target))
            elif record.address:
                self.addresses[name] = self.addresses.get(name, frozenset()) | {record.address}

    def _alias(self, name: str, target: str) -> None:
        if (name, target) in self.aliases or len(self.aliases) < MOST_FLOWS:
            self.aliases.add((name, target))
        else:
            self.full = True

    def _is_reply(self, frame: Frame, when: float) -> bool:
        way = (frame.source_port, frame.destination, frame.port)
        if (frame.source, *way) in self._asked or ("", *way) in self._asked:
            return True
        if (frame.source, *way) in self._began:
            return False
        since = max(self._awaits.get((own, frame.destination, frame.port), -math.inf) for own in (frame.source, ""))
        if when - since > ELSEWHERE_SECONDS:
            return False
        self._keep(self._asked, (frame.source, *way))  # it may send the rest, or repeat it, for longer
        return True

    def _await(self, asker: tuple[str, str, int], when: float) -> None:
        if asker in self._awaits or len(self._awaits) < MOST_FRAMES:
            self._awaits[asker] = when
        else:
            self.full = True

    def _keep(self, known: set[tuple[str, int, str, int]], ends: tuple[str, int, str, int]) -> None:
        if ends in known or len(known) < MOST_FRAMES:
            known.add(ends)
        else:
            self.full = True

    def _names(self, payload: bytes) -> None:
        """Note the names of a query; what is sent to a resolver and is no query is noted as such."""
        try:
            names = [_text(labels) for labels in asked(payload)] or [NO_QUERY]
        except DnsDecodeError:
            names = [NO_QUERY]
        for name in names:
            if name in self.names or len(self.names) < MOST_FLOWS:
                self.names[name] = self.names.get(name, 0) + 1
            else:
                self.full = True


class Sent(Frozen):
    """A destination of unsolicited traffic. `role` is its declared role, or None if it is not declared."""

    transport: str
    address: str
    port: int
    host: str
    """The declared peer; else the first name that DNS gave the address in the capture; else the address."""
    role: str | None
    housekeeping: bool = False
    """What any network stack sends, and what discovery services announce."""


class EgressSeen(Observation):
    """The unsolicited traffic: facts `tcp/ADDRESS:PORT`, and `dns/NAME` for names that the device looked up."""

    undeclared: tuple[str, ...]
    sent: tuple[Sent, ...]


@dataclass(frozen=True)
class Egress:
    """Compare what was heard of the device until now with what it may send.

    `hosts` are the addresses that the bench gives to declared names. `services` are the protocols of the declared
    discovery services, `mud` is a MUD file whose from-device policy is declared as well, `datagrams` are the declared
    UDP ports. Witness: a connection or
    datagram of the device to a declared peer is in this very capture (its replies to the bench, where no peer is
    declared), the kernel lost no frame of it, and the interface was there all the time.
    """

    recording: Callable[[], Recording]
    peers: tuple[TrafficPeer, ...]
    hosts: Mapping[str, str]
    services: frozenset[str]
    mud: Path | None = None
    datagrams: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """One observation a run."""
        return "egress"

    def run(self, record: Recorder) -> EgressSeen:
        """Read the capture, and keep it."""
        peers = self.peers + (self._of_mud_file(record) if self.mud else ())
        recording = self.recording()
        record.keep("egress.pcap", recording.pcap())
        traffic = Traffic(elsewhere=ELSEWHERE | self.datagrams)
        for captured in recording.frames:
            traffic.enter(captured)
        told = traffic.hosts()
        sent = {flow.about: self._sent(flow, peers, traffic, told) for flow in traffic.flows.values()}
        undeclared = [f"dns/{name}" for name in traffic.names if all(name != peer.host for peer in peers)]
        facts = tuple(_facts(traffic, sent, undeclared))
        for fact in facts:
            record.note(f"{fact.about}: {fact.detail}")
        declared = [about for about, one in sent.items() if one.role is not None and not one.housekeeping]
        return EgressSeen(
            question="To which destinations does the device send unsolicited traffic?",
            facts=facts,
            witness=_witness(recording, traffic, declared, declares=bool(peers)),
            undeclared=(*(about for about, one in sent.items() if one.role is None), *undeclared),
            sent=tuple(sent.values()),
        )

    def _of_mud_file(self, record: Recorder) -> tuple[TrafficPeer, ...]:
        assert self.mud is not None
        try:
            return mud_peers(read_document(self.mud.parent, self.mud.name, record).json())
        except MalformedError as error:
            raise ConfigurationError(f"{self.mud}: {error}.", "Correct the file.") from None

    def _sent(
        self, flow: Flow, peers: tuple[TrafficPeer, ...], traffic: Traffic, told: Mapping[str, frozenset[str]]
    ) -> Sent:
        addresses = {**told, **{host: told.get(host, frozenset()) | {at} for host, at in self.hosts.items()}}
        usual = self._usual(flow, peers, traffic)
        takes = (peer for peer in peers if peer.takes(flow.transport, flow.address, flow.port, addresses))
        peer = next(takes, None)
        named = sorted(name for name, known in told.items() if flow.address in known)
        return Sent(
            transport=flow.transport,
            address=flow.address,
            port=flow.port,
            host=peer.host if peer else (named or [flow.address])[0],
            role=usual or (peer.role if peer else None),
            housekeeping=usual is not None,
        )

    def _usual(self, flow: Flow, peers: tuple[TrafficPeer, ...], traffic: Traffic) -> str | None:
        """Return the words for what needs no declaration of its own."""
        if flow.transport == "icmp" or (flow.transport, flow.port) in HOUSEKEEPING:
            return "housekeeping"
        if any((flow.address, flow.port) in GROUPS.get(service, ()) for service in self.services):
            return "announcement of a declared service"
        by_datagram = replace(flow, transport="udp").about in traffic.flows  # an answer may be too long for a datagram
        if flow.port == DNS_PORT and by_datagram and any(_is_name(peer.host) for peer in peers):
            return "resolver for the declared names"
        return None


def _facts(traffic: Traffic, sent: Mapping[str, Sent], undeclared: Sequence[str]) -> Iterator[Fact]:
    began = min((flow.first for flow in traffic.flows.values()), default=0.0)
    for about, one in sent.items():
        flow = traffic.flows[about]
        words = f"{one.role or 'not declared'}: {flow.frames} packets, the first after {flow.first - began:.1f} s"
        yield _fact(about, words + (f" ({one.host})" if one.host != one.address else ""))
    for name, times in traffic.names.items():
        words = "not declared" if f"dns/{name}" in undeclared else "declared"
        yield _fact(f"dns/{name}", f"{words}: looked up {times} times")


def _witness(recording: Recording, traffic: Traffic, declared: Sequence[str], *, declares: bool) -> Witness:
    heard = f"the device sent {traffic.sent} packets in {recording.seconds:.0f} s"
    if recording.deaf:
        fault = "the interface of the bench disappeared during the capture (an adapter was unplugged, or reset itself)"
        return Witness(what=f"{heard}, but {fault}: check the bench, and run again", holds=False)
    if recording.dropped or recording.full or traffic.full:
        lost = f"the kernel lost {recording.dropped} of them" if recording.dropped else "more arrived than are kept"
        return Witness(what=f"{heard}, but {lost}", holds=False)
    if declared:
        return Witness(what=f"{heard}, with declared traffic among them: {', '.join(sorted(declared)[:5])}", holds=True)
    if not declares and traffic.sent:
        return Witness(what=f"{heard}: replies to the bench. The product is declared to send nothing", holds=True)
    return Witness(what=f"{heard}, but no declared traffic, so the capture may have missed it", holds=False)


def _fact(about: str, detail: str) -> Fact:
    return Fact(about=about, answer=Answer.SEEN, detail=printable(detail))


def _text(labels: tuple[bytes, ...]) -> str:
    return printable(b".".join(labels), 253).lower()


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_network(host)
    except ValueError:
        return True
    return False
