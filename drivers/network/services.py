"""Which protocol speaks on a port: do the declared services speak what is declared, do forbidden ones speak at all.

An open port is not yet a service: a fact is SEEN only when the protocol's own words came.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drivers.errors import ConfigurationError
from drivers.network.conversation import Conversation, End, converse, converse_tls
from drivers.network.questions import Question, clear_services, declared_services, udp_questions
from drivers.network.sweep import is_reached
from drivers.network.target import Target, answer_of
from drivers.network.udp import UdpAsking, UdpPort, questions_for
from drivers.probe import Answer, Fact, Observation, Recorder, Witness, all_of, printable
from lab_config.models import Service, Transport

_AT_ONCE = 8
_SHOWN = 200


@dataclass(frozen=True)
class RecogniseServices:
    """Ask each declared service in its declared protocol; another declared service that spoke is the witness.

    A TCP service that took the connection and was silent is asked once more, alone: a small processor may be slow to
    answer several TLS handshakes at a time.
    """

    target: Target
    services: tuple[Service, ...]

    @property
    def name(self) -> str:
        """One observation a target."""
        return "declared_services"

    def run(self, record: Recorder) -> Observation:
        """Ask them all; BenchError when this machine cannot send."""
        udp = [service for service in self.services if service.transport is Transport.UDP]
        tcp = [service for service in self.services if service.transport is Transport.TCP]
        facts = dict(zip(udp, self._ask_udp(udp, record), strict=True))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            conversations = list(pool.map(self._converse, tcp))
        for service, first in zip(tcp, conversations, strict=True):
            conversation = self._converse(service) if _was_silent(service, first) else first
            record.keep(f"tcp-{service.port}.bin", conversation.raw or conversation.heard)
            facts[service] = tcp_fact(service, conversation)
        ordered = tuple(facts[service] for service in self.services)
        for fact in ordered:
            record.note(f"{fact.about} {fact.answer}: {fact.detail}")
        spoke = [fact.about for fact in ordered if fact.answer is Answer.SEEN]
        what = f"{', '.join(spoke)} spoke" if spoke else "no declared service spoke its protocol"
        return Observation(
            question=f"Do {len(self.services)} declared services speak the declared protocol?",
            facts=ordered,
            witness=Witness(what=what, holds=bool(spoke)),
        )

    def _converse(self, service: Service) -> Conversation:
        question = _question_of(service)
        say = question.payload(_host(self.target)) if question else b""
        speak = converse_tls if service.tls else converse
        if question is None:
            return speak(self.target, service.port, b"", lambda heard: service.tls or bool(heard))
        return speak(self.target, service.port, say, question.is_answered_by)

    def _ask_udp(self, services: list[Service], record: Recorder) -> list[Fact]:
        table = udp_questions()
        ports = [UdpPort(service.port, questions_for(service, table)) for service in services]
        UdpAsking(self.target, record).ask(ports)
        return [_udp_fact(port) for port in ports]


def _was_silent(service: Service, talk: Conversation) -> bool:
    return talk.connected is Answer.SEEN and tcp_fact(service, talk).answer is Answer.SILENT


def _question_of(service: Service) -> Question | None:
    return next((row for row in declared_services() if row.service == service.protocol), None)


def _host(target: Target) -> str:
    return f"[{target.address}]" if ":" in target.address else target.address


def _udp_fact(port: UdpPort) -> Fact:
    """A datagram that is no answer of the declared protocol shows that something else speaks there."""
    fact = port.fact()
    if fact.answer is Answer.SEEN and not any(reply.expected for reply in port.replies):
        return fact.model_copy(update={"answer": Answer.REFUSED})
    return fact


def tcp_fact(service: Service, talk: Conversation) -> Fact:
    """Say whether the declared protocol spoke in this conversation, and what came instead."""
    if talk.connected is not Answer.SEEN:
        detail = "connection refused" if talk.connected is Answer.REFUSED else "no answer to connect()"
        return Fact(about=service.about, answer=talk.connected, detail=detail)
    question = _question_of(service)
    shown = printable(talk.heard or talk.raw, _SHOWN)
    if service.tls and talk.raw and not talk.is_tls:
        return Fact(about=service.about, answer=Answer.REFUSED, detail=f"something else than TLS spoke: {shown}")
    if question is None:
        return _unknown_protocol(service, talk, shown)
    if question.is_answered_by(talk.heard):
        return Fact(about=service.about, answer=Answer.SEEN, detail=shown)
    if talk.problem:
        # That our library could not finish is nothing that the device said.
        detail = f"{'TLS spoke, but ' if talk.is_tls else ''}no session came about: {printable(talk.problem, _SHOWN)}"
        return Fact(about=service.about, answer=Answer.SILENT, detail=detail)
    if not talk.heard or (talk.end is End.TIME and question.may_become_answered(talk.heard)):
        detail = f"connected, but {service.protocol} did not speak: {talk.end}; {shown}"
        return Fact(about=service.about, answer=Answer.SILENT, detail=detail)
    detail = f"something else than {service.protocol} spoke: {shown}"
    return Fact(about=service.about, answer=Answer.REFUSED, detail=detail)


def _unknown_protocol(service: Service, talk: Conversation, shown: str) -> Fact:
    """Of a protocol without a row, no more is asked than a TLS handshake record or an accepted connection."""
    if not service.tls:
        detail = f"connected; {shown}" if shown else "connected; it says nothing unasked"
        return Fact(about=service.about, answer=Answer.SEEN, detail=detail)
    if talk.is_handshake:
        return Fact(about=service.about, answer=Answer.SEEN, detail="a TLS handshake record")
    return Fact(about=service.about, answer=Answer.SILENT, detail=f"no TLS handshake record: {talk.end}; {shown}")


@dataclass(frozen=True)
class ForbiddenServices:
    """Ask for services that carry everything in clear, each on its usual ports; the canary connects before and after.

    `wanted` are rows of `clear_services.yaml`; another name is a ConfigurationError.
    """

    target: Target
    wanted: tuple[str, ...]
    canary: int

    @property
    def name(self) -> str:
        """One observation a target."""
        return "forbidden_services"

    def run(self, record: Recorder) -> Observation:
        """Ask on every port of every service; BenchError when this machine cannot send."""
        rows = self._rows()
        before = self._canary_connects()
        asked = [(row, port) for row in rows for port in row.ports if is_reached(self.target, Transport.TCP, port)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            talks = dict(zip(asked, pool.map(self._converse, asked), strict=True))
        for (row, port), talk in talks.items():
            if talk.heard:
                record.keep(f"tcp-{port}-{row.service}.bin", talk.heard)
        facts = tuple(
            _forbidden_fact(row, {port: talks[row, port] for port in row.ports if (row, port) in talks}) for row in rows
        )
        for fact in facts:
            record.note(f"{fact.about} {fact.answer}: {fact.detail}")
        all_reached = len(asked) == sum(len(row.ports) for row in rows)
        return Observation(
            question=f"Does one of {len(rows)} services speak in clear?",
            facts=facts,
            witness=self._witness(before, self._canary_connects(), all_reached),
        )

    def _rows(self) -> tuple[Question, ...]:
        table = {row.service: row for row in clear_services()}
        if unknown := sorted(set(self.wanted) - set(table)):
            raise ConfigurationError(
                f"there is no clear-text service {', '.join(unknown)}.",
                f"Choose among {', '.join(sorted(table))}, or add it to drivers/data/clear_services.yaml.",
            )
        return tuple(table[name] for name in self.wanted)

    def _converse(self, asked: tuple[Question, int]) -> Conversation:
        row, port = asked
        return converse(self.target, port, row.payload(_host(self.target)), row.is_answered_by)

    def _canary_connects(self) -> bool:
        try:
            self.target.connect(self.canary).close()
        except OSError as error:
            answer_of(error)
            return False
        return True

    def _witness(self, before: bool, after: bool, all_reached: bool) -> Witness:
        moments = {"before": before, "after": after}
        words = " and ".join(f"{'connected' if held else 'did not connect'} {when}" for when, held in moments.items())
        connected = Witness(what=f"canary tcp/{self.canary} {words}", holds=before and after)
        if all_reached:
            return connected
        reason = "forwarding stands before the device: only the mapped ports could be asked"
        return all_of([connected, Witness(what=reason, holds=False)])


def _forbidden_fact(row: Question, talks: dict[int, Conversation]) -> Fact:
    """Join a service's ports: SEEN when it spoke on one of them, REFUSED only when all of them answered RST."""
    spoke = [f"tcp/{port}: {printable(talk.heard, _SHOWN)}" for port, talk in talks.items() if _spoke(row, talk)]
    if spoke:
        return Fact(about=row.service, answer=Answer.SEEN, detail="; ".join(spoke))
    open_questions = list(_unclear(row, talks))
    if open_questions:
        return Fact(about=row.service, answer=Answer.SILENT, detail="; ".join(open_questions))
    ports = ", ".join(f"tcp/{port}" for port in talks)
    return Fact(about=row.service, answer=Answer.REFUSED, detail=f"RST from {ports}")


def _spoke(row: Question, talk: Conversation) -> bool:
    return talk.connected is Answer.SEEN and row.is_answered_by(talk.heard)


def _unclear(row: Question, talks: dict[int, Conversation]) -> Iterable[str]:
    for port in row.ports:
        talk = talks.get(port)
        if talk is None:
            yield f"tcp/{port}: not forwarded"
        elif talk.connected is Answer.SILENT:
            yield f"tcp/{port}: no answer"
        elif talk.connected is Answer.SEEN:
            what = printable(talk.heard, _SHOWN) if talk.heard else f"nothing ({talk.end})"
            yield f"tcp/{port}: open, but it did not speak {row.service}: {what}"
