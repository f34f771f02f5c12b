"""The datagrams and connection requests that the device begins, told apart from its replies to questions."""

import math
from dataclasses import dataclass, field
from typing import Final

from drivers.network.recognise.dns_sd import CNAME, PTR, DnsDecodeError, asked, records_until_cut
from drivers.network.traffic.capture import MOST_FRAMES, Captured
from drivers.network.traffic.packets import Frame, read
from trustprobe.probe import printable

MOST_FLOWS: Final = 500
MOST_ALIASES: Final = 16
"""The length of a chain of aliases that is followed, as with common resolvers."""
DNS_PORT: Final = 53
NO_QUERY: Final = "(no query)"
"""Stands for datagrams to a resolver that ask for no name: a tunnel looks like that."""
ELSEWHERE: Final = frozenset({69, 1900, 3702})
"""Asked ports whose service answers from a port of its own: TFTP (RFC 1350, 4), SSDP and WS-Discovery."""
ELSEWHERE_SECONDS: Final = 10.0
"""How long after a question the first answer from another port may come; twice what SSDP may wait (UPnP 2.0, 1.3.3)."""
CLIENT_PORTS: Final = 1024
"""The first port that clients ask from; what goes to a lower one goes to a server (RFC 6335, 6)."""


@dataclass
class Flow:
    """What the device sent to one port of one address: when first and how often. Times are seconds since 1970."""

    transport: str
    address: str
    port: int
    first: float
    frames: int = 0
    own: set[int] = field(default_factory=set)
    """The ports that it sent from; none for protocols without ports."""

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
    replies: int = 0
    full: bool = False
    """There were more flows or names than are kept."""
    elsewhere: frozenset[int] = ELSEWHERE
    """Asked ports whose answer may come from another one."""
    _asked: set[tuple[str, int, str, int]] = field(default_factory=set)
    """Questions: asked address and port, and the asker's. The address is empty where all were asked."""
    _began: set[tuple[str, int, str, int]] = field(default_factory=set)
    """What the device began: its own address and port, and the peer's."""
    asked_of: dict[str, set[str]] = field(default_factory=dict)
    """The names that were looked up in a flow, by what the flow is about."""
    pointed: dict[str, set[str]] = field(default_factory=dict)
    """The names that a resolver gave to addresses, by the name of the reverse lookup (RFC 1035, 3.5)."""
    _groups: dict[int, float] = field(default_factory=dict)
    """When a port was last asked, by anybody: its service may answer to a group (RFC 6762, 6; BACnet I-Am)."""
    _askers: dict[tuple[int, str], float] = field(default_factory=dict)
    """When a port was last asked by an address: its answer may go to a port that the question names (SIP, KNX)."""
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
        if frame.protocol == "udp" and self._is_reply(frame, captured.when, to_all=bool(captured.data[0] & 1)):
            self.replies += 1
            return
        if frame.protocol == "tcp" and not frame.opens:
            return
        if frame.protocol == "udp":
            self._keep(self._began, (frame.source, frame.source_port, frame.destination, frame.port))
        flow = Flow(frame.protocol, frame.destination, frame.port, captured.when)
        if flow.about in self.flows or len(self.flows) < MOST_FLOWS:
            known = self.flows.setdefault(flow.about, flow)
            known.frames += 1
            known.own |= {frame.source_port} - {0}
        else:
            self.full = True
        if (frame.protocol, frame.port) == ("udp", DNS_PORT):
            self._names(frame.payload, flow.about)

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
        self._groups[frame.port] = captured.when
        if (frame.port, frame.source) in self._askers or len(self._askers) < MOST_FRAMES:
            self._askers[frame.port, frame.source] = captured.when
        if (to_all or frame.port in self.elsewhere) and frame.source_port >= CLIENT_PORTS:
            self._await((asked_of, frame.source, frame.source_port), captured.when)

    def _learn(self, message: bytes) -> None:
        """Note the addresses and aliases that a resolver's answer gives to names, as far as it was captured."""
        for record in records_until_cut(message):
            name = text_of(record.labels)
            if record.kind == CNAME:
                self._alias(name, text_of(record.target))
            elif record.kind == PTR and len(self.pointed) < MOST_FLOWS:
                self.pointed.setdefault(name, set()).add(text_of(record.target))
            elif record.address:
                self.addresses[name] = self.addresses.get(name, frozenset()) | {record.address}

    def _alias(self, name: str, target: str) -> None:
        if (name, target) in self.aliases or len(self.aliases) < MOST_FLOWS:
            self.aliases.add((name, target))
        else:
            self.full = True

    def _is_reply(self, frame: Frame, when: float, *, to_all: bool) -> bool:
        way = (frame.source_port, frame.destination, frame.port)
        if (frame.source, *way) in self._asked or ("", *way) in self._asked:
            return True
        if (frame.source, *way) in self._began:
            return False
        if frame.source_port >= 1 and self._was_asked(frame, when, to_all=to_all):
            return True
        since = max(self._awaits.get((own, frame.destination, frame.port), -math.inf) for own in (frame.source, ""))
        if when - since > ELSEWHERE_SECONDS:
            return False
        self._keep(self._asked, (frame.source, *way))  # it may send the rest, or repeat it, for longer
        return True

    def _was_asked(self, frame: Frame, when: float, *, to_all: bool) -> bool:
        """Whether the port that this comes from was asked shortly before: by its receiver, or by anybody if by a group.

        A client port of the device, on which nobody can know a service, was asked nothing.
        """
        if to_all:
            asked = self._groups.get(frame.source_port, -math.inf)
        else:
            asked = self._askers.get((frame.source_port, frame.destination), -math.inf)
        return 0 <= when - asked <= ELSEWHERE_SECONDS

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

    def _names(self, payload: bytes, flow: str) -> None:
        """Note the names of a query; what is sent to a resolver and is no query is noted as such."""
        try:
            names = [text_of(labels) for labels in asked(payload)] or [NO_QUERY]
        except DnsDecodeError:
            names = [NO_QUERY]
        self.asked_of.setdefault(flow, set()).update(names[:MOST_FLOWS])
        for name in names:
            if name in self.names or len(self.names) < MOST_FLOWS:
                self.names[name] = self.names.get(name, 0) + 1
            else:
                self.full = True


def text_of(labels: tuple[bytes, ...]) -> str:
    """Return a DNS name as text, in small letters."""
    return printable(b".".join(labels), 253).lower()
