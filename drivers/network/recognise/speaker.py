"""What speaks on one TCP port: heard first, then asked one question after the other, each on a connection of its own.

The questions, and how answers are known, are rows of `drivers/data/tcp_services.yaml`. The number of a port never says
what speaks there; it only says which questions come first, and where others are better left unasked.
"""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

from drivers.network.conversation import READ_SECONDS, Conversation, ConversationEnd, converse, converse_tls
from drivers.network.questions import ServiceQuestion, tcp_questions
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.probe import Answer, printable

PRINTERS = frozenset({515, *range(9100, 9108)})
"""Whatever is sent to these ports may be printed: they are heard, and asked nothing."""
_SHOWN = 200
_PAUSES = (0.2, 0.5, 1.0)
"""Seconds before a port is tried again that took a connection before: many devices bear one at a time."""
_AT_ONCE_CLOSED = 3
"""So many connections that are closed before anything was said are enough to believe that all of them will be."""


@dataclass(frozen=True)
class Patience:
    """Seconds of silence that are waited out, and the most that one port gets in all."""

    greeting: float = 0.5
    line: float = 1.0
    """Between the lines of a greeting."""
    first: float = 3.0
    """For what is declared or usual there: a small processor may be slow to answer."""
    likely: float = 1.5
    """For TLS and HTTP, which are asked of all others."""
    other: float = 0.5
    talk: float = READ_SECONDS
    """The most that one connection gets, however much comes."""
    port: float = 20.0


PATIENCE = Patience()


class Depth(StrEnum):
    """How much is asked of a port."""

    DECLARED = "what is declared; for lack of a question for that, TLS and HTTP"
    FULL = "until a protocol is known, or nothing is left to ask"


@dataclass(frozen=True)
class ConnectionQuestion:
    """One connection: what is said there. Without a row it is only heard; with `tls`, inside TLS."""

    row: ServiceQuestion | None
    tls: bool
    pause: float

    @property
    def words(self) -> str:
        """What was asked for, as a transcript shows it."""
        name = self.row.service if self.row else "nothing"
        return f"{name} inside TLS" if self.tls else name


@dataclass(frozen=True)
class Spoken:
    """What was found out of one port."""

    port: int
    talk: Conversation
    """The conversation that showed it; of a port where nothing is known, the one in which most was heard."""
    row: ServiceQuestion | None = None
    """The row that was answered; None where no known protocol spoke."""
    tls: bool = False
    """Whether TLS spoke: `row` is then what speaks inside."""
    further: tuple[ServiceQuestion, ...] = ()
    """Rows that were answered on top of `row`: Docker is found on HTTP."""
    asked: int = 0
    ended: str = ""
    """Why not everything was asked; empty where it was."""
    echoes: bool = False
    """Whether the port sends back what it is sent."""

    @property
    def _rows(self) -> tuple[ServiceQuestion, ...]:
        return (self.row, *self.further) if self.row else ()

    @property
    def protocols(self) -> tuple[str, ...]:
        """The services that spoke, be it in TLS, or under another one."""
        return tuple(dict.fromkeys(row.service for row in self._rows))

    def speaks(self, protocol: str) -> bool:
        """Whether this protocol spoke, be it in TLS, or under another one."""
        return protocol in self.protocols

    @property
    def protocol(self) -> str:
        """The service that spoke, the most special one; empty where none is known."""
        return self.further[-1].service if self.further else self.row.service if self.row else ""

    @property
    def clear(self) -> frozenset[str]:
        """The rows of `services.forbidden` that spoke in clear."""
        return frozenset(row.clear for row in self._rows if row.clear and not self.tls)

    @property
    def answer(self) -> Answer:
        """SEEN where something spoke, whatever it was."""
        if self.talk.connected is not Answer.SEEN:
            return self.talk.connected
        known = self.row or self.tls or self.echoes
        return Answer.SEEN if known or self.talk.heard or self.talk.raw else Answer.SILENT

    @property
    def is_mute(self) -> bool:
        """Whether the port accepted connections and said nothing."""
        return self.talk.connected is Answer.SEEN and self.answer is Answer.SILENT

    @property
    def words(self) -> str:
        """Say what speaks there, ready to print."""
        if self.talk.connected is not Answer.SEEN:
            return "RST" if self.talk.connected is Answer.REFUSED else "no answer to connect()"
        shown = printable(self.talk.heard or (b"" if self.tls else self.talk.raw), _SHOWN)
        if self.echoes:
            return "echo: it returns the data that it receives"
        if self.tls and self.row is None:
            if self.talk.problem:
                return f"TLS, but no session was opened: {printable(self.talk.problem, _SHOWN)}"
            inside = f"an unknown protocol: {shown}" if shown else "an unknown protocol"
            return f"TLS, and inside it {inside}{self._why}"
        if self.row is None:
            questions = f"{self.asked} questions" if self.asked != 1 else "one question"
            return f"an unknown protocol: {shown}" if shown else f"it does not answer {questions}{self._why}"
        name = f"{self.protocol} inside TLS" if self.tls else self.protocol
        open_to_all = any(_matches(row.open_to_all, self.talk.heard) for row in self._rows)
        return f"{name}{', open to everybody' if open_to_all else ''}: {shown}"

    @property
    def _why(self) -> str:
        return f" ({self.ended})" if self.ended else ""


@dataclass
class _Course:
    """How far the questions to one port are."""

    deadline: float
    talk: Conversation | None = None
    asked: set[tuple[str, bool]] = field(default_factory=set)
    connections: int = 0
    greeting: bytes = b""
    listened: int = 0
    closed_unasked: int = 0
    tls: Conversation | None = None
    doubted: Spoken | None = None
    ended: str = ""
    echoes: bool = False

    def enter(self, ask: ConnectionQuestion, said: bytes, talk: Conversation) -> None:
        """Enter a conversation that showed no known protocol."""
        if talk.connected is not Answer.SEEN:
            if self.talk is not None or self.tls is not None:
                often = f"{self.connections - 1} questions"
                self.ended = f"it accepted no more connections after {often}. The next question was {ask.words}"
            self.talk = self.talk or talk
            return
        heard = _without_echo(said, talk.heard)
        self.echoes = self.echoes or (bool(said) and not ask.tls and talk.heard == said)
        if ask.tls and talk.is_tls:
            self.tls = talk if self.tls is None or talk.heard else self.tls
        elif self.talk is None or len(heard) > len(self.talk.heard):
            self.talk = replace(talk, heard=heard)
        if ask.row is None:
            self.greeting = self.greeting or talk.heard
            self.listened += 1
            self.closed_unasked += talk.end is ConversationEnd.CLOSED and not talk.heard

    @property
    def closes_at_once(self) -> bool:
        """Whether every connection on which nothing was said was closed."""
        return 0 < self.listened == self.closed_unasked


class Recogniser:
    """Finds out what speaks on ports of one device. May be used by several threads, for a port each."""

    def __init__(self, target: Target, patience: Patience = PATIENCE) -> None:
        self._target, self._patience = target, patience
        self._host = f"[{target.address}]" if ":" in target.address else target.address

    def recognise(self, port: int, declared: Service | None = None, depth: Depth = Depth.FULL) -> Spoken:
        """Ask until a protocol is known or the questions are at an end; what is declared there is asked first.

        Raises BenchError when this machine cannot send.
        """
        course = _Course(time.monotonic() + self._patience.port)
        for ask in self._plan(port, declared, course, depth):
            say = ask.row.payload(self._host) if ask.row else b""
            course.connections += 1
            course.asked.add(_key(ask.row, ask.tls))
            talk = self._talk(port, ask, say, _PAUSES if course.connections > 1 else ())
            found = self._found(port, ask, say, talk)
            if found and self._is_doubtful(found, course):
                course.doubted = found
            elif found:
                found = replace(self._confirmed(ask, found), asked=course.connections)
                return self._with_further(found, declared, depth)
            else:
                course.enter(ask, say, talk)
            if time.monotonic() > course.deadline:
                course.ended = course.ended or f"the probe of this port ended after {self._patience.port:g} s"
            if course.ended or course.echoes or talk.connected is not Answer.SEEN:
                break
        return self._unknown(port, course, depth)

    def ask(self, port: int, row: ServiceQuestion) -> Spoken:
        """Ask for one protocol alone, in clear."""
        say, ask = row.payload(self._host), ConnectionQuestion(row, False, self._patience.first)
        talk = self._talk(port, ask, say)
        return self._found(port, ask, say, talk) or Spoken(port, talk, asked=1)

    def _plan(self, port: int, declared: Service | None, course: _Course, depth: Depth) -> Iterator[ConnectionQuestion]:
        """Return the questions one by one, those to come chosen by what was heard so far."""
        patience, table, is_tls = self._patience, tcp_questions(), declared is not None and declared.tls
        expected = [row for row in table if declared and row.service == declared.protocol]
        for row in expected or (_http() if is_tls else ()):
            if not (row.over or row.after):
                yield ConnectionQuestion(row, is_tls, patience.first)
        if depth is Depth.DECLARED and (expected or course.tls):
            yield from (ConnectionQuestion(row, True, patience.first) for row in _http() if course.doubted)
            return
        if depth is Depth.FULL and port not in PRINTERS and not course.tls:
            usual = [row for row in _client_first() if port in row.ports and _key(row, False) not in course.asked]
            yield from (ConnectionQuestion(row, False, patience.first) for row in usual)
        if not course.tls:
            yield ConnectionQuestion(None, False, patience.greeting)
        if course.greeting:
            yield from (
                ConnectionQuestion(row, False, patience.first) for row in table if _matches(row.after, course.greeting)
            )
            return
        while course.closes_at_once:
            if course.listened >= _AT_ONCE_CLOSED:
                course.ended = "it closes each connection before any data is sent"
                return
            yield ConnectionQuestion(None, False, patience.greeting)
        if port in PRINTERS:
            course.ended = "no data was sent to it, because a printer prints what it receives"
            return
        yield from self._questions(port, expected, course, depth)

    def _questions(
        self, port: int, expected: list[ServiceQuestion], course: _Course, depth: Depth
    ) -> Iterator[ConnectionQuestion]:
        """Return what is said to a port that says nothing unasked, where nothing usual for it was answered."""
        table = _client_first()
        is_full = depth is Depth.FULL and not any(row.fragile and port in row.ports for row in table)
        others = [row for row in table if is_full and (row.anywhere or row in expected)]
        asks = [ConnectionQuestion(row, tls, self._patience.likely) for row in _http() for tls in (False, True)]
        asks += [ConnectionQuestion(row, False, self._patience.other) for row in others]
        for ask in asks:
            if course.tls:
                yield from self._inside(course) if depth is Depth.FULL else ()
                return
            if _key(ask.row, ask.tls) not in course.asked:
                yield ask
            if course.doubted and ask.tls:
                return

    def _inside(self, course: _Course) -> Iterator[ConnectionQuestion]:
        """Return what is said inside TLS."""
        for row in tcp_questions():
            if row.inside_tls and _key(row, True) not in course.asked:
                yield ConnectionQuestion(row, True, self._patience.other)

    def _talk(self, port: int, ask: ConnectionQuestion, say: bytes, pauses: tuple[float, ...] = ()) -> Conversation:
        """Have one conversation. One that is refused is tried again after each of these pauses, in seconds."""
        after = ask.row.after if ask.row else ""
        # a greeting is known already where something on top of it is asked for
        known = [ask.row] if ask.row and ask.row.over and after else _candidates(ask)

        def enough(heard: bytes) -> bool:
            return any(row.is_answered_by(_without_echo(say, heard)) for row in known)

        for seconds in (0.0, *pauses):
            threading.Event().wait(seconds)
            if ask.tls:
                talk = converse_tls(self._target, port, say, enough, pause=ask.pause, seconds=self._patience.talk)
            else:
                ready = partial(_matches, after) if after else None
                talk = converse(
                    self._target,
                    port,
                    say,
                    enough,
                    pause=ask.pause,
                    lull=0.0 if ask.row else self._patience.line,
                    seconds=self._patience.talk,
                    after=ready,
                )
            if talk.connected is not Answer.REFUSED:
                break
        return talk

    def _found(self, port: int, ask: ConnectionQuestion, say: bytes, talk: Conversation) -> Spoken | None:
        """Return what spoke in this conversation, if that is known."""
        in_clear = ask.tls and bool(talk.raw) and not talk.is_tls
        heard = talk.raw if in_clear else _without_echo(say, talk.heard)
        candidates = _candidates(replace(ask, row=None) if in_clear else ask)
        row = next((row for row in candidates if row.is_answered_by(heard)), None)
        return Spoken(port, talk, row, tls=ask.tls and not in_clear) if row else None

    def _confirmed(self, ask: ConnectionQuestion, found: Spoken) -> Spoken:
        """Ask what was known by its answer to another question in its own words: that shows more."""
        row = found.row
        if row is None or row is ask.row or row.speaks_first or found.tls:
            return found
        again = self.ask(found.port, row)
        return again if again.row is row else found

    def _is_doubtful(self, found: Spoken, course: _Course) -> bool:
        """Whether TLS is to be asked first: its servers answer to HTTP in clear by 400."""
        assert found.row is not None
        asked_tls = any(tls for _, tls in course.asked)
        return not found.tls and not asked_tls and _matches(found.row.doubt, found.talk.heard)

    def _with_further(self, found: Spoken, declared: Service | None, depth: Depth) -> Spoken:
        """Ask for what is found on top of the protocol that spoke; inside TLS there is no service in clear."""
        if found.row is None:
            return found
        rows = [row for row in tcp_questions() if row.over == found.row.service]
        others = [row for row in rows if row.anywhere and depth is Depth.FULL and not found.tls]
        asked = [row for row in rows if row in others or (declared and row.service == declared.protocol)]
        further = []
        for row in asked:
            talk = self._talk(
                found.port, ConnectionQuestion(row, found.tls, self._patience.first), row.payload(self._host)
            )
            if row.is_answered_by(talk.heard):
                further.append(row)
                found = replace(found, talk=talk)
        return replace(found, further=tuple(further), asked=found.asked + len(asked))

    def _unknown(self, port: int, course: _Course, depth: Depth) -> Spoken:
        if course.doubted and course.tls is None:
            return self._with_further(replace(course.doubted, asked=course.connections), None, depth)
        talk = course.tls or course.talk or Conversation(Answer.SILENT, ConversationEnd.NOT_OPENED)
        tls = course.tls is not None
        return Spoken(port, talk, None, tls, asked=course.connections, ended=course.ended, echoes=course.echoes)


def _client_first() -> list[ServiceQuestion]:
    return [row for row in tcp_questions() if not (row.speaks_first or row.after or row.over)]


def _http() -> tuple[ServiceQuestion, ...]:
    return tuple(row for row in tcp_questions() if row.service == "http")


def _key(row: ServiceQuestion | None, tls: bool) -> tuple[str, bool]:
    return (row.origin if row else "", tls)


def _candidates(ask: ConnectionQuestion) -> list[ServiceQuestion]:
    """Return the rows that an answer is compared with: the asked one, those that send first, those in clear."""
    asked = [ask.row] if ask.row else []
    plain = [row for row in tcp_questions() if row.in_any_answer and row is not ask.row]
    return asked + plain + [row for row in tcp_questions() if row.speaks_first and row is not ask.row]


def _without_echo(said: bytes, heard: bytes) -> bytes:
    """Return what was said beyond our own words: a terminal sends them back before it answers."""
    if said and said.startswith(heard):
        return b""
    return heard[len(said) :] if said and heard.startswith(said) else heard


def _matches(pattern: str, data: bytes) -> bool:
    return bool(pattern) and re.search(pattern.encode("latin-1"), data, re.DOTALL) is not None
