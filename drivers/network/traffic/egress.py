"""The unsolicited traffic of the device, compared with the destinations that are declared (IR 8425, IAC-2b).

A reply to a question of the bench is none of the device's own; neither is a lookup of who this machine is, nor are the
housekeeping of a network stack (ARP, ICMP, DHCP, IGMP) and the announcements of a declared discovery service. Hosts are
matched by address: by the bench's own roles (cloud, collector, time source), or by the DNS answers that the capture
holds.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from drivers.documents.file import MalformedError, read_document
from drivers.network.traffic.capture import Recording
from drivers.network.traffic.flows import DNS_PORT, ELSEWHERE, NO_QUERY, Flow, Traffic
from drivers.network.traffic.mud import MudPolicy, policy
from drivers.network.traffic.peer import TrafficPeer
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Asked, Fact, Frozen, Observation, Recorder, Witness, condition, printable

_PACKET = Asked(door="the capture", shape="a packet of the device")

HOUSEKEEPING: Final = frozenset({("udp", 67), ("udp", 547), ("ip-2", 0)})
"""What any stack sends: DHCP (RFC 2131, 8415) and IGMP (RFC 3376); and ICMP."""
NOTHING: Final = "unsolicited traffic"
WHO_CONNECTS: Final = frozenset({("tcp", 113), ("udp", 137)})
"""What old servers ask of the machine that connects to them: ident (RFC 1413), its NetBIOS name (RFC 1002, 4.2.17)."""
GROUPS: Final[Mapping[str, frozenset[tuple[str, int]]]] = MappingProxyType(
    {
        "mdns": frozenset({("224.0.0.251", 5353), ("ff02::fb", 5353)}),
        "ssdp": frozenset({("239.255.255.250", 1900), ("ff02::c", 1900), ("ff05::c", 1900)}),
        "ws_discovery": frozenset({("239.255.255.250", 3702), ("ff02::c", 3702)}),
        "coap": frozenset({("224.0.1.187", 5683), ("ff02::fd", 5683), ("ff05::fd", 5683)}),
    }
)
"""Where the discovery protocols announce (RFC 6762, UPnP 2.0, WS-Discovery 1.1, RFC 7252), by protocol."""
ALL_STATIONS: Final = "255.255.255.255"
"""The limited broadcast (RFC 919, 7)."""


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
    UDP ports. If an entry of that policy cannot be resolved here, what it may accept is left open. `ours` are the
    addresses of this machine. `broadcasts` are the addresses that reach all stations of the device's subnet. What goes
    there, or to a group, at the port of a declared UDP service is the announcement of that service. `hears` returns
    whether the capture hears an answer of the device to this machine, and None if the device gives none.

    Witness: this very capture hears the device, in its traffic to a declared peer or in its answers to this machine.
    The kernel lost no frame of it, and the interface was there all the time.
    """

    recording: Callable[[], Recording]
    peers: tuple[TrafficPeer, ...]
    hosts: Mapping[str, str]
    services: frozenset[str]
    mud: Path | None = None
    datagrams: frozenset[int] = frozenset()
    ours: frozenset[str] = frozenset()
    hears: Callable[[], bool | None] | None = None
    broadcasts: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """One observation a run."""
        return "egress"

    def run(self, record: Recorder) -> EgressSeen:
        """Read the capture, and keep it."""
        described = self._of_mud_file(record)
        peers = self.peers + described.peers
        missed = self.hears is not None and self.hears() is False
        recording = self.recording()
        record.keep("egress.pcap", recording.pcap())
        traffic = Traffic(elsewhere=ELSEWHERE | self.datagrams)
        for captured in recording.frames:
            traffic.enter(captured)
        told = traffic.hosts()
        sent = {flow.about: self._sent(flow, described, traffic, told) for flow in traffic.flows.values()}
        about_us = self._about_us(traffic)
        unknown = [f"dns/{name}" for name in traffic.names if all(name != peer.host for peer in peers)]
        unknown = [about for about in unknown if about.removeprefix("dns/") not in about_us]
        unknown = [*(about for about, one in sent.items() if one.role is None), *unknown]
        left_open = {about: doubt for about in unknown if (doubt := self._doubt(about, described, traffic, told))}
        facts = (*_facts(traffic, sent, unknown, left_open), *_mud_facts(described))
        if not sent:
            facts = (*facts, Fact(about=NOTHING, answer=Answer.SILENT, detail=f"none in {recording.seconds:.0f} s"))
        for fact in facts:
            record.note(f"{fact.about}: {fact.detail}")
        declared = [about for about, one in sent.items() if one.role is not None and not one.housekeeping]
        return EgressSeen(
            question="To which destinations does the device send unsolicited traffic?",
            facts=facts,
            witness=_witness(recording, traffic, declared, missed=missed),
            asked=_PACKET,
            left_open=left_open,
            undeclared=tuple(about for about in unknown if about not in left_open),
            sent=tuple(sent.values()),
        )

    def _about_us(self, traffic: Traffic) -> frozenset[str]:
        """Return the names by which the device looks up who this machine is: its reverse names, and their names.

        Servers look up who connects to them (RFC 1035, 3.5), and whether that name leads back.
        """
        reverse = {ipaddress.ip_address(one.partition("%")[0]).reverse_pointer for one in self.ours}
        return frozenset(reverse.union(*(traffic.pointed.get(name, ()) for name in reverse)))

    def _of_mud_file(self, record: Recorder) -> MudPolicy:
        if self.mud is None:
            return MudPolicy(())
        try:
            return policy(read_document(self.mud.parent, self.mud.name, record).json())
        except MalformedError as error:
            raise ConfigurationError(f"{self.mud}: {error}.", "Correct the file.") from None

    def _addresses(self, told: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        return {**told, **{host: told.get(host, frozenset()) | {at} for host, at in self.hosts.items()}}

    def _sent(self, flow: Flow, described: MudPolicy, traffic: Traffic, told: Mapping[str, frozenset[str]]) -> Sent:
        addresses = self._addresses(told)
        usual = self._usual(flow, self.peers + described.peers, traffic)
        ends = (flow.transport, flow.address, flow.port, addresses, flow.own)
        peer = next((peer for peer in self.peers if peer.takes(*ends)), None) or described.accepted(*ends)
        named = sorted(name for name, known in told.items() if flow.address in known)
        return Sent(
            transport=flow.transport,
            address=flow.address,
            port=flow.port,
            host=peer.host if peer else (named or [flow.address])[0],
            role=usual or (peer.role if peer else None),
            housekeeping=usual is not None,
        )

    def _doubt(self, about: str, described: MudPolicy, traffic: Traffic, told: Mapping[str, frozenset[str]]) -> str:
        """Return why it is not known whether the MUD file accepts this; nothing where it does not."""
        if (flow := traffic.flows.get(about)) is None:
            return "" if about == f"dns/{NO_QUERY}" else described.doubt_of(about.removeprefix("dns/"))
        rule = described.first(flow.transport, flow.address, flow.port, self._addresses(told), flow.own)
        return rule.doubt if rule else ""

    def _usual(self, flow: Flow, peers: tuple[TrafficPeer, ...], traffic: Traffic) -> str | None:
        """Return the words for what needs no declaration of its own."""
        if flow.transport == "icmp" or (flow.transport, flow.port) in HOUSEKEEPING:
            return "housekeeping"
        if any((flow.address, flow.port) in GROUPS.get(service, ()) for service in self.services):
            return "announcement of a declared service"
        if flow.transport == "udp" and flow.port in self.datagrams and self._is_to_many(flow.address):
            return f"announcement of the declared service udp/{flow.port}"
        names = traffic.asked_of.get(replace(flow, transport="udp").about)
        if flow.port == DNS_PORT and names and names <= self._about_us(traffic):
            return "reverse lookups of this machine"
        if (flow.transport, flow.port) in WHO_CONNECTS and flow.address in self.ours:
            return "asks this machine who connects"
        by_datagram = replace(flow, transport="udp").about in traffic.flows  # an answer may be too long for a datagram
        if flow.port == DNS_PORT and by_datagram and any(_is_name(peer.host) for peer in peers):
            return "resolver for the declared names"
        return None

    def _is_to_many(self, address: str) -> bool:
        """Whether this reaches all stations of the device's subnet, or a group."""
        to_all = self.broadcasts | {ALL_STATIONS}
        return address in to_all or ipaddress.ip_address(address).is_multicast


def _facts(
    traffic: Traffic, sent: Mapping[str, Sent], unknown: Sequence[str], left_open: Mapping[str, str]
) -> Iterator[Fact]:
    began = min((flow.first for flow in traffic.flows.values()), default=0.0)
    for about, one in sent.items():
        flow = traffic.flows[about]
        role = one.role or ("may be declared" if about in left_open else "not declared")
        words = f"{role}: {flow.frames} packets, the first after {flow.first - began:.1f} s"
        yield _fact(about, words + (f" ({one.host})" if one.host != one.address else ""))
    for name, times in traffic.names.items():
        about = f"dns/{name}"
        words = "may be declared" if about in left_open else "not declared" if about in unknown else "declared"
        yield _fact(about, f"{words}: looked up {times} times")


def _mud_facts(described: MudPolicy) -> Iterator[Fact]:
    """Name each entry of the MUD file that declares no peer, and why."""
    if without := (*described.without_peer, *described.doubts):
        yield _fact("mud", "; ".join(without))


def _witness(recording: Recording, traffic: Traffic, declared: Sequence[str], *, missed: bool) -> Witness:
    """`missed` says that the device answered this machine just now, and that the capture did not hear it."""
    heard = f"the device sent {traffic.sent} packets in {recording.seconds:.0f} s"
    if recording.deaf:
        fault = "the interface of the bench disappeared during the capture (an adapter was unplugged, or reset itself)"
        return condition(f"{heard}, but {fault}: check the bench, and run again", holds=False)
    if recording.dropped or recording.full or traffic.full:
        lost = f"the kernel lost {recording.dropped} of them" if recording.dropped else "more arrived than are kept"
        return condition(f"{heard}, but {lost}", holds=False)
    if missed:
        deaf = "the capture did not hear an answer that the device just gave this machine"
        return condition(f"{heard}, but {deaf}: name the interface that leads to it", holds=False)
    if declared:
        what = f"{heard}, with declared traffic among them: {', '.join(sorted(declared)[:5])}"
        return Witness(what=what, holds=True, asked=_PACKET)
    if traffic.replies or recording.answers:
        what = f"{heard}, and the capture heard its answers to this machine"
        return Witness(what=what, holds=True, asked=_PACKET)
    return condition(f"{heard}, so the capture may not hear the device at all", holds=False)


def _fact(about: str, detail: str) -> Fact:
    return Fact(about=about, answer=Answer.SEEN, detail=printable(detail))


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_network(host)
    except ValueError:
        return True
    return False
