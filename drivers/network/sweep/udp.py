"""Which UDP services answer: every known service is asked in its own words on its usual port.

A service with a multicast group is probed there as well if its port gives no answer (`datagram.py`).
A closed port says so by ICMP, of which Linux sends about one a second: the sweep asks on at that pace (`icmp_clock.py`)
until each port has answered or kept silent when its ICMP was due. What is silent then may be open or filtered.
"""

import contextlib
import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from drivers.network.datagram import DatagramDoor
from drivers.network.questions import ServiceQuestion, SpokenService, clear_datagrams, udp_questions
from drivers.network.sweep.icmp_clock import FIRST_INTERVAL, IcmpClock
from drivers.network.sweep.pace import SweepPace
from drivers.network.sweep.udp_port import SHOWN, UdpPort, UdpReply
from drivers.network.target import Target, answer_of
from lab_config.component import Service, Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

DATAGRAM = Asked(door="the UDP ports", shape="a datagram of a known protocol")
"""The question of a UDP sweep."""

ROUNDS = 3
ROUND_SECONDS = 0.5
PATIENT_SECONDS = 120.0
"""The longest that ports are asked after the rounds, for the sake of a device that limits its ICMP."""
_LEAST_SECONDS = 0.1
"""For what has come and was not received yet."""
DUE_ASKS = 3
"""How often a port must have kept silent when a closed one would have answered."""
CONTROLS = 3
"""How often a declared service is asked `ROUNDS` times before it counts as silent: a small processor may be busy."""
FIRST_CONTROLS = 10
"""The same before the sweep: a device that has just started may open its ports one after the other."""
READ_LIMIT = 4_096
_BARRED = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENOPROTOOPT}
"""ICMP destination unreachable, but for the port: a firewall's word."""


class UdpPorts(Observation):
    """What the known UDP services answered; facts are about `udp/N`, and about what must not be open, by its name.

    The witness concerns silence. Ports that all gave an answer of their own, an ICMP refusal included, need none.
    """

    open: frozenset[int]
    """Ports from which a datagram came back."""
    closed: frozenset[int]
    """Ports that answered ICMP port unreachable."""
    unanswered: frozenset[int]
    """Ports that are open or filtered: nothing came, or that something stands before them."""
    filtered: frozenset[int] = frozenset()
    """Those of `unanswered` of which ICMP said that they cannot be reached."""
    icmp_interval: float | None = None
    """Seconds between two ICMP messages, where the device limits them; None where all came at once, or none."""

    def about(self, *parts: str) -> Self:
        """Narrow to these parts, without the witness where none of them is silent."""
        narrowed = super().about(*parts)
        return narrowed if narrowed.silent or narrowed.doubts else narrowed.model_copy(update={"witness": None})

    def besides(self, ports: Collection[int]) -> Self:
        """Narrow to the other ports. What these ports say, or do not say, proves nothing about the others."""
        declared = {f"udp/{port}" for port in ports}
        return self.about(*(fact.about for fact in self.facts if fact.about not in declared))


def questions_for(service: SpokenService, table: tuple[ServiceQuestion, ...]) -> tuple[ServiceQuestion, ...]:
    """Return the questions for a UDP service: by its protocol, else by its port, else one without meaning."""
    secured = (f"{service.protocol}s", "dtls")  # coaps: what is asked inside DTLS
    names = secured if service.tls else (service.protocol,)
    by_protocol = tuple(row for row in table if row.service in names and row.service != "other")
    by_port = tuple(row for row in table if service.port in row.ports)
    return by_protocol or by_port or tuple(row for row in table if row.service == "other")


@dataclass(frozen=True)
class _Asked:
    """A question to a port, and the socket that hears its answer."""

    port: UdpPort
    question: ServiceQuestion
    door: DatagramDoor


class UdpAsking:
    """Asks many ports at once, a few times, and hears whatever port of the device replies."""

    def __init__(self, target: Target, record: Recorder) -> None:
        self._target, self._record = target, record
        self._pace = SweepPace(target.bench.packets_per_second)
        self.clock = IcmpClock()
        self.is_limited = False
        """Whether the device was seen to hold its ICMP messages back."""

    def ask(self, ports: Iterable[UdpPort], *, patiently: bool = False) -> None:
        """Ask each port until it is settled or was asked `ROUNDS` times, and enter the answers there.

        With `patiently`, go on until a port that is closed would have been heard, however rarely the device says so.
        """
        with contextlib.ExitStack() as self._stack, selectors.DefaultSelector() as self._selector:
            asked = [
                _Asked(port, question, self._open(port, question)) for port in ports for question in port.questions
            ]
            for number in range(ROUNDS):
                left = [one for one in asked if not one.port.is_settled]
                self._record.progress(len(asked) - len(left), len(asked), f"UDP, round {number + 1} of {ROUNDS}")
                if not left:
                    return
                if patiently and number == ROUNDS - 1:
                    self._listen(FIRST_INTERVAL / 2, left)
                for one in left:
                    self._listen(self._pace.wait(), left)
                    self._send(one, to_group=number > 0)
                self._listen(ROUND_SECONDS, left)
            if patiently and (heard := self.clock.heard):  # one closed port was heard: so would the others be, in time
                self._ask_on([one for one in asked if not (one.port.is_settled or one.port.is_closed)])
                self.is_limited = self.clock.heard > heard
            self._await_groups([one for one in asked if one.port.group and not one.port.is_settled])

    def _await_groups(self, left: list[_Asked]) -> None:
        """Wait for answers of groups as long as their protocols allow after the question. Then a group is silent."""
        ends = [one.port.group_asked + one.question.multicast.leisure for one in left if one.question.multicast]
        self._listen(max(_LEAST_SECONDS, max(ends, default=0.0) - time.monotonic()), left)
        for one in left:
            one.port.at_group = False

    def _ask_on(self, left: list[_Asked]) -> None:
        """Ask one port after the other as often as the device lets a closed one be heard.

        One question at a time, for each costs a closed port one of the messages that the device grants.
        """
        turns, total = deque(left), len({one.port.port for one in left})
        deadline = time.monotonic() + PATIENT_SECONDS
        while turns and time.monotonic() < deadline:
            one = turns.popleft()
            if one.port.is_settled or one.port.is_closed or one.port.due_asks >= DUE_ASKS * len(one.port.questions):
                continue
            turns.append(one)
            one.port.due_asks += self.clock.is_due(time.monotonic())
            self._send(one)
            self._listen(self.clock.pause(time.monotonic()), [one])
            remaining = len({one.port.port for one in turns if not (one.port.is_settled or one.port.is_closed)})
            self._record.progress(total - remaining, total, "UDP, at the pace of the device's ICMP")

    def _open(self, port: UdpPort, question: ServiceQuestion) -> DatagramDoor:
        door = self._stack.enter_context(DatagramDoor(self._target, port.port, question.multicast))
        port.at_group |= door.has_group and not port.group
        self._selector.register(door.connected, selectors.EVENT_READ, (port, question, door))
        self._selector.register(door.beside, selectors.EVENT_READ, (port, question, door))
        return door

    def _send(self, one: _Asked, *, to_group: bool = False) -> None:
        self._pace.spend(1)
        if to_group and one.port.at_group and one.door.has_group:
            one.port.group, one.port.group_asked = one.door.where, time.monotonic()
            one.door.send_to_group(one.question.payload())
        if one.port.is_closed:
            return
        # A pending ICMP error is handed to the first call that comes, which then has not sent anything.
        try:
            one.door.connected.send(one.question.payload())
        except OSError as error:
            self._enter(one.port, error)

    def _enter(self, port: UdpPort, error: OSError) -> None:
        """Enter what ICMP said; BenchError for an error that is this machine's own."""
        if error.errno in _BARRED:
            port.barred = True
        elif answer_of(error) is Answer.REFUSED:
            self.clock.hear(time.monotonic())
            port.refused = True

    def _listen(self, seconds: float, asked: list[_Asked]) -> None:
        """Take in what comes for some seconds, or until each of these is settled."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not all(one.port.is_settled for one in asked):
            for key, _ in self._selector.select(left):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                self._receive(sock, *key.data)

    def _receive(self, sock: socket.socket, port: UdpPort, question: ServiceQuestion, door: DatagramDoor) -> None:
        try:
            data, source = sock.recvfrom(READ_LIMIT)
        except BlockingIOError:
            return
        except OSError as error:
            self._enter(port, error)
            return
        is_beside = sock is door.beside
        if is_beside and not door.is_from_device(source[0]):
            return
        expected = question.is_answered_by(data)
        clear = question.clear if expected else ""
        reply = UdpReply(question.service, data, source[1] if is_beside else 0, expected, clear)
        # The first of each kind is enough: a device that floods us is not heard out.
        if all(reply.kind != known.kind for known in port.replies):
            port.replies.append(reply)
            self._record.keep(f"udp-{port.port}-{reply.service}-{len(port.replies)}.bin", data)


@dataclass(frozen=True)
class UdpSweep:
    """Ask each UDP service of the table and each declared one; the declared ones are the witness.

    If ports are forwarded, only the mapped ports are probed, and the witness does not hold.
    """

    target: Target
    declared: tuple[Service, ...]
    only: frozenset[int] | None = None
    """Of the table, only these ports; None for all."""
    first_controls: int = FIRST_CONTROLS
    tls_ports: frozenset[int] = frozenset()
    """Declared TCP ports with TLS. A server that speaks QUIC as well does so at the same number (RFC 9114, 3.1)."""

    @property
    def name(self) -> str:
        """One observation an address family."""
        return "udp6_sweep" if ":" in self.target.address else "udp_sweep"

    def run(self, record: Recorder) -> UdpPorts:
        """Ask; BenchError when this machine cannot send."""
        declared = tuple(service for service in self.declared if service.transport is Transport.UDP)
        services = tuple(service for service in declared if self.target.reaches(Transport.UDP, service.port))
        ports = self._ports(declared)
        asking = UdpAsking(self.target, record)
        before = self._control(asking, services, self.first_controls)
        asked = [port for port in ports.values() if self.target.reaches(Transport.UDP, port.port)]
        asking.ask(asked, patiently=True)
        own = {one.port for one in services}
        during = _those(asked, Answer.SEEN) & own
        once = before | during
        after = self._control(asking, [one for one in services if one.port in once], CONTROLS)
        mute = any(port.answer is Answer.SILENT for port in asked if port.port not in own)
        witness = self._witness(before, during, after, once, mute=mute)
        facts = [
            port.fact()
            if port in asked
            else Fact(about=f"udp/{number}", answer=Answer.SILENT, detail=NotForwardedError("udp", number).words)
            for number, port in sorted(ports.items())
        ]
        for fact in facts:
            record.note(f"{fact.about} {fact.answer}: {fact.detail}")
        facts += [_clear_fact(name, ports.values()) for name in clear_datagrams()]
        return UdpPorts(
            question=f"Which of {len(ports)} UDP ports with a known service answer?",
            facts=tuple(facts),
            witness=witness if witness.holds or any(fact.answer is Answer.SILENT for fact in facts) else None,
            asked=DATAGRAM,
            open=_those(asked, Answer.SEEN),
            closed=_those(asked, Answer.REFUSED),
            unanswered=frozenset(ports) - _those(asked, Answer.SEEN) - _those(asked, Answer.REFUSED),
            filtered=frozenset(port.port for port in asked if port.barred and port.answer is Answer.SILENT),
            icmp_interval=round(asking.clock.interval, 2) if asking.is_limited else None,
        )

    def _ports(self, services: tuple[Service, ...]) -> dict[int, UdpPort]:
        table = udp_questions()
        numbers = {port for row in table for port in row.ports if self.only is None or port in self.only}
        ports = {port: UdpPort(port, tuple(row for row in table if port in row.ports)) for port in numbers}
        for port in self.tls_ports:
            rows = tuple(row for row in table if port in row.ports or row.service == "quic")
            ports[port] = UdpPort(port, rows)
        ports.update({service.port: UdpPort(service.port, questions_for(service, table)) for service in services})
        return ports

    def _control(self, asking: UdpAsking, services: Sequence[Service], times: int) -> frozenset[int]:
        """Ask the declared services alone, and return those that answered."""
        table = udp_questions()
        ports = [UdpPort(service.port, questions_for(service, table)) for service in services]
        for _ in range(times):
            asking.ask([port for port in ports if not (port.is_settled or port.is_closed)])
        return _those(ports, Answer.SEEN)

    def _witness(
        self, before: frozenset[int], during: frozenset[int], after: frozenset[int], once: frozenset[int], *, mute: bool
    ) -> Witness:
        """Each of `once` must have answered before, during and after: if answers get lost, silence proves nothing.

        Where no undeclared port is `mute` each gave its own word, and nothing can have been lost in the sweep itself.
        """
        each_time = sorted(before & during & after if mute else before & after)
        when = "before, during and after the sweep" if mute else "before and after the sweep"
        if not each_time and mute and (away := sorted(before & after)):
            what = f"the declared {_named(away)} did not answer during the sweep, so silence in it proves nothing"
            return condition(what, holds=False)
        if not each_time:
            what = f"no declared UDP service answered {when}, so silence proves nothing"
            return condition(what, holds=False)
        if mute and (lost := sorted(once - set(each_time))):
            what = f"the declared {_named(lost)} did not answer each time, so other answers may be lost as well"
            return condition(what, holds=False)
        answered = Witness(what=f"the declared {_named(each_time)} answered {when}", holds=True, asked=DATAGRAM)
        if not self.target.bench.forwarded:
            return answered
        reason = "ports are forwarded to the device, so only the mapped ports could be probed"
        return all_of([answered, condition(reason, holds=False)])


def _clear_fact(name: str, ports: Iterable[UdpPort]) -> Fact:
    """Join the ports on which a service that must not be open was asked for."""
    asked = [port for port in ports if any(question.clear == name for question in port.questions)]
    found = [(port.port, reply) for port in asked for reply in port.replies if reply.clear == name]
    if found:
        words = "; ".join(f"udp/{port}: {printable(reply.data, SHOWN)}" for port, reply in found)
        return Fact(about=name, answer=Answer.SEEN, detail=words)
    refused = bool(asked) and all(port.answer is Answer.REFUSED for port in asked)
    detail = "; ".join(f"udp/{port.port}: {port.fact().detail}" for port in asked) or "not probed"
    return Fact(about=name, answer=Answer.REFUSED if refused else Answer.SILENT, detail=detail)


def _named(ports: Iterable[int]) -> str:
    return ", ".join(f"udp/{port}" for port in ports)


def _those(ports: Iterable[UdpPort], answer: Answer) -> frozenset[int]:
    return frozenset(port.port for port in ports if port.answer is answer)
