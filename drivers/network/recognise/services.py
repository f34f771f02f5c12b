"""Do the declared services speak what is declared: each is asked in its own protocol, and named where another speaks.

An open port is not yet a service: a fact is SEEN only when the protocol's own words came. What speaks on ports that
nobody declared is in `open_ports.py`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import get_args

from drivers.network.conversation import ConversationEnd
from drivers.network.questions import ServiceQuestion, tcp_questions, udp_questions
from drivers.network.recognise.speaker import PATIENCE, Depth, Patience, Recogniser, Spoken
from drivers.network.sweep.udp import UdpAsking, questions_for
from drivers.network.sweep.udp_port import UdpPort
from drivers.network.target import Target
from lab_config.component import Protocol, Service, Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, printable

DECLARED = Asked(door="the declared services", shape="a question in the declared protocol")
"""The question of a sweep of the declared services. Another one that speaks is its witness, as in a port sweep."""

_AT_ONCE = 8
_SHOWN = 200
_NO_INTERFACE = (
    "such a service may answer multicast questions only, which are sent if the bench file names `network.interface`"
)
_NO_QUESTION = (
    "no answer: open or filtered. No known question makes this service answer, and the silence of a port has no "
    "witness but its own answer"
)
_NO_PROTOCOL = "other"
"""What a declaration calls a protocol that it has no name for, and the row of the question without meaning."""
_NAMES = frozenset(get_args(Protocol))


@dataclass(frozen=True)
class RecogniseServices:
    """Ask each declared service in its declared protocol; another declared service that spoke is the witness.

    A TCP service that took the connection and was silent is asked once more, alone: a small processor may be slow to
    answer several TLS handshakes at a time. One that does not speak the protocol is asked what else it speaks.
    A silent UDP service for which there is no question is left open: closed ports next to it are other doors.
    """

    target: Target
    services: tuple[Service, ...]
    patience: Patience = PATIENCE
    asks_on: bool = True
    """Whether to find out what speaks where the declared protocol does not, which takes longer."""

    @property
    def name(self) -> str:
        """One observation an address family."""
        return "declared_services6" if ":" in self.target.address else "declared_services"

    def run(self, record: Recorder) -> Observation:
        """Ask them all; BenchError when this machine cannot send."""
        reached = [one for one in self.services if self.target.reaches(one.transport, one.port)]
        udp = [service for service in reached if service.transport is Transport.UDP]
        tcp = [service for service in reached if service.transport is Transport.TCP]
        ports = self._ask_udp(udp, record)
        facts = {one: _udp_fact(one, port) for one, port in zip(udp, ports, strict=True)}
        left_open = {one.about: why for one, port in zip(udp, ports, strict=True) if (why := _doubt(one, port))}
        recogniser = Recogniser(self.target, self.patience)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            asked = pool.map(lambda service: recogniser.recognise(service.port, service, Depth.DECLARED), tcp)
            spoken = list(asked)
        for service, first in zip(tcp, spoken, strict=True):
            speaks = first
            if _is_mute(service, speaks):
                speaks = recogniser.recognise(service.port, service, Depth.DECLARED)
            is_there = speaks.talk.connected is Answer.SEEN
            if self.asks_on and is_there and tcp_fact(service, speaks).answer is not Answer.SEEN:
                speaks = _most_said(speaks, recogniser.recognise(service.port))
            record.keep(f"tcp-{service.port}.bin", speaks.talk.raw or speaks.talk.heard)
            facts[service] = tcp_fact(service, speaks)
        unasked = {one: NotForwardedError(one.transport, one.port).words for one in self.services if one not in reached}
        facts |= {one: Fact(about=one.about, answer=Answer.SILENT, detail=why) for one, why in unasked.items()}
        ordered = tuple(facts[service] for service in self.services)
        for fact in ordered:
            record.note(f"{fact.about} {fact.answer}: {fact.detail}")
        spoke = [one.about for one in self.services if facts[one].answer is Answer.SEEN]
        what = f"{', '.join(spoke)} answered" if spoke else "no declared service answered in its protocol"
        return Observation(
            question=f"Do {len(self.services)} declared services answer in the declared protocol?",
            facts=ordered,
            witness=Witness(what=what, holds=bool(spoke), asked=DECLARED),
            asked=DECLARED,
            left_open={service.about: why for service, why in unasked.items()} | left_open,
        )

    def _ask_udp(self, services: list[Service], record: Recorder) -> list[UdpPort]:
        table = udp_questions()
        ports = [UdpPort(service.port, questions_for(service, table)) for service in services]
        UdpAsking(self.target, record).ask(ports)
        return ports


def _is_mute(service: Service, spoken: Spoken) -> bool:
    return spoken.talk.connected is Answer.SEEN and tcp_fact(service, spoken).answer is Answer.SILENT


def _most_said(declared: Spoken, other: Spoken) -> Spoken:
    """Choose what tells more: the answer to the declared protocol, unless another one is known to speak."""
    return declared if other.answer is not Answer.SEEN or (declared.row and not other.row) else other


def _rows_of(service: Service) -> list[ServiceQuestion]:
    return [row for row in tcp_questions() if row.service == service.protocol]


def _is_unasked(port: UdpPort) -> bool:
    """Whether the service may listen at its multicast group only, and was not asked there."""
    return port.answer is Answer.REFUSED and port.has_group and not port.group


def _has_no_question(service: Service, port: UdpPort) -> bool:
    """Whether nothing is known that makes the declared service answer."""
    is_other = service.protocol == _NO_PROTOCOL and not service.tls
    return is_other or all(question.service == _NO_PROTOCOL for question in port.questions)


def _doubt(service: Service, port: UdpPort) -> str:
    """Return why the answer of a UDP port proves nothing; empty if it does."""
    if _is_unasked(port):
        return _NO_INTERFACE
    mute = port.answer is Answer.SILENT and not port.barred and _has_no_question(service, port)
    return _NO_QUESTION if mute else ""


def _udp_fact(service: Service, port: UdpPort) -> Fact:
    """A datagram that is no answer of the declared protocol shows that something else speaks there.

    If nothing is known of the protocol, any datagram is an answer.
    """
    fact = port.fact()
    if fact.answer is Answer.SEEN and _has_no_question(service, port):
        return fact.model_copy(update={"detail": f"a datagram: {printable(port.replies[0].data, _SHOWN)}"})
    if _is_unasked(port):
        return fact.model_copy(update={"answer": Answer.SILENT, "detail": f"{fact.detail}; {_NO_INTERFACE}"})
    if fact.answer is Answer.SEEN and not any(reply.expected for reply in port.replies):
        return fact.model_copy(update={"answer": Answer.REFUSED})
    return fact


def tcp_fact(service: Service, spoken: Spoken) -> Fact:
    """Say whether the declared protocol spoke on a port, and what did instead."""
    answer, detail = _judged(service, spoken)
    return Fact(about=service.about, answer=answer, detail=detail)


def _judged(service: Service, spoken: Spoken) -> tuple[Answer, str]:
    talk, rows = spoken.talk, _rows_of(service)
    shown = printable(talk.heard or talk.raw, _SHOWN)
    if talk.connected is not Answer.SEEN:
        return talk.connected, "connection refused" if talk.connected is Answer.REFUSED else "no answer to connect()"
    if spoken.speaks(service.protocol) and spoken.tls == service.tls:
        return Answer.SEEN, shown
    if spoken.echoes:
        return Answer.REFUSED, f"something other than {_name(service)} answered: {spoken.words}"
    if service.tls and not spoken.tls and (talk.raw or talk.heard):
        return Answer.REFUSED, f"something other than TLS answered: {spoken.words}"
    if spoken.row is not None and (rows or spoken.protocol in _NAMES or spoken.tls != service.tls):
        return Answer.REFUSED, f"something other than {_name(service)} answered: {spoken.words}"
    if spoken.tls and not service.tls:
        return Answer.REFUSED, f"something other than {_name(service)} answered: {spoken.words}"
    if not rows:
        return _without_row(service, spoken, shown)
    if spoken.tls and not talk.heard:
        # That our library could not finish is nothing that the device said.
        return Answer.SILENT, f"TLS answered, but no session was opened: {printable(talk.problem or talk.end, _SHOWN)}"
    beginning = talk.end is ConversationEnd.TIME and any(row.may_become_answered(talk.heard) for row in rows)
    if not talk.heard or beginning:
        return Answer.SILENT, f"connected, but no answer in {service.protocol}: {talk.end}; {spoken.words}"
    return Answer.REFUSED, f"something other than {_name(service)} answered: {spoken.words}"


def _name(service: Service) -> str:
    return f"{service.protocol} inside TLS" if service.tls else str(service.protocol)


def _without_row(service: Service, spoken: Spoken, shown: str) -> tuple[Answer, str]:
    """Of a protocol without a row, no more is asked than a TLS handshake record or an accepted connection."""
    talk = spoken.talk
    if not service.tls:
        return Answer.SEEN, f"connected; {shown}" if shown else "connected; it sends nothing first"
    if talk.is_handshake:
        return Answer.SEEN, "a TLS handshake record"
    return Answer.SILENT, f"no TLS handshake record: {talk.end}; {shown}"
