"""An SNMP agent and the well-known names that open it: communities of v1 and v2c, users of v3 without authentication.

An agent answers nothing to a wrong community (RFC 3584 clause 5.2.1), so silence needs a witness here more than ever.
"""

import itertools
import secrets
import select
import socket
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.network.logins.snmp_message import (
    INTERNET,
    SYS_DESCR,
    Engine,
    SnmpAnswer,
    Version,
    discovery,
    parse,
    request,
    request_v3,
)
from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, condition, printable

PORT = 161
DISCOVERY_ROUNDS, ROUNDS = 3, 2
ROUND_SECONDS = 0.4
START_SECONDS = 10.0
"""How long a declared agent may take to tell its engine: it may be starting, or busy with what else is asked."""
BATCH = 10
"""Requests that are on their way at once; small agents lose more."""
READ_LIMIT = 4_096
_SHOWN = 200
_ERRORS = {2: "noSuchName", 5: "genErr", 6: "noAccess", 16: "authorizationError"}


@dataclass(frozen=True)
class Name:
    """A well-known community, or user of v3, to try with one version."""

    version: Version
    name: str

    @property
    def about(self) -> str:
        """The name of this guess in an observation: `v2c:public`."""
        return f"{self.version}:{self.name}"


def names(communities: Iterable[str], users: Iterable[str]) -> tuple[Name, ...]:
    """Return each community with v1 and v2c, and each user with v3."""
    communities = tuple(communities)
    named = [Name(version, one) for version in (Version.V1, Version.V2C) for one in communities]
    return (*named, *(Name(Version.V3, user) for user in users))


NO_CREDENTIAL = ("", "trustprobe-nobody")
"""Names that nobody gave out: an agent that takes an empty one, or any, asks for nothing (CVE-2017-5135)."""


def nameless() -> tuple[Name, ...]:
    """Return the names that are no credential, with each version."""
    return names(NO_CREDENTIAL, NO_CREDENTIAL)


class SnmpGuesses(Observation):
    """What each name came to; `about()` takes `version:name`."""

    engine: str = ""
    """The engine of the v3 agent in hexadecimal digits, where one told it."""

    def of_version(self, version: str) -> "SnmpGuesses":
        """Narrow to the well-known names that were tried with one version."""
        return self.about(*(name for name in self._of(version) if name.split(":", 1)[1] not in NO_CREDENTIAL))

    def without_credential(self, version: str) -> "SnmpGuesses":
        """Narrow to the names that are no credential."""
        return self.about(*(name for name in self._of(version) if name.split(":", 1)[1] in NO_CREDENTIAL))

    def _of(self, version: str) -> list[str]:
        return [fact.about for fact in self.facts if fact.about.split(":", 1)[0] == version]


@dataclass(frozen=True)
class GuessCommunities:
    """Read sysDescr.0 with each name, and where that shows nothing what follows 1.3.6.1.

    SEEN is a response with a value, REFUSED a report or an error of the agent, or ICMP from its port. Witness: the
    agent showed its v3 engine before, after each batch, and at the end, or it read the community of the bench. Answers
    count from whatever port and address they leave: a request is recognised by its number. Another UDP service is no
    witness, since an agent does not answer a wrong community.
    """

    target: Target
    names: tuple[Name, ...]
    port: int = PORT
    declared: bool = False
    valid: tuple[str, ...] = field(default=(), repr=False)
    """Communities of the bench, that of an account declared on the agent."""

    @property
    def name(self) -> str:
        """One agent a target."""
        return "snmp6_communities" if ":" in self.target.address else "snmp_communities"

    def run(self, record: Recorder) -> SnmpGuesses:
        """Ask; BenchError when this machine cannot send."""
        with _sockets(self.target, self.port) as (sock, beside):
            agent = _Agent(sock, beside, record)
            before = agent.engine(START_SECONDS if self.declared else 0.0)
            read_before = not agent.closed and self._reads(agent)
            if not agent.closed:
                self._ask_all(agent, before)
            read_after = read_before and self._reads(agent)
            after = None if agent.closed else agent.engine(START_SECONDS, waits=before is not None)
        facts = tuple(self._fact(name, agent) for name in self.names)
        gone = agent.closed and (before is not None or agent.answers)
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        return SnmpGuesses(
            question=f"Does an SNMP agent on udp/{self.port} accept one of {len(self.names)} well-known names?",
            facts=facts,
            witness=None if agent.closed and not gone else self._witness(before, after, agent, read_after),
            asked=self._asked,
            engine=before.name.hex() if before else "",
        )

    @property
    def _asked(self) -> Asked:
        family = " over IPv6" if ":" in self.target.address else ""
        return Asked(door=f"udp/{self.port}{family}", shape="an SNMP request")

    def _ask_all(self, agent: "_Agent", engine: Engine | None) -> None:
        asked = [one for one in self.names if one.version is not Version.V3 or engine is not None]
        agent.ask(asked, engine)
        valueless = [one for one in asked if (answer := agent.answers.get(one)) and _is_empty(answer)]
        agent.ask(valueless, engine, following=True)

    def _reads(self, agent: "_Agent") -> bool:
        """Whether the agent answers the community of the bench. It is asked with a number of its own."""
        wanted = [Name(version, one) for one in self.valid for version in (Version.V2C, Version.V1)]
        agent.ask(wanted, None)
        answers = [agent.answers.pop(one, None) for one in wanted]
        return any(answer is not None and answer.value is not None for answer in answers)

    def _fact(self, name: Name, agent: "_Agent") -> Fact:
        answer = agent.answers.get(name)
        if answer is None and agent.closed:
            return Fact(about=name.about, answer=Answer.REFUSED, detail="ICMP port unreachable")
        if answer is None:
            untold = name.version is Version.V3 and agent.told is None
            detail = "the agent showed no v3 engine, so no user was tried" if untold else "no answer"
            return Fact(about=name.about, answer=Answer.SILENT, detail=detail)
        if answer.value is not None:
            moved = f" (the answer came from {origin})" if (origin := agent.origins.get(name)) else ""
            shown = f"reads {printable(answer.value, _SHOWN)}{moved}"
            return Fact(about=name.about, answer=Answer.SEEN, detail=shown)
        words = answer.report or _ERRORS.get(
            answer.error, f"error {answer.error}" if answer.error else "no such object"
        )
        return Fact(about=name.about, answer=Answer.REFUSED, detail=f"the agent answers {words}")

    def _witness(self, before: Engine | None, after: Engine | None, agent: "_Agent", read: bool) -> Witness:
        if read:
            what = f"the agent on udp/{self.port} read the bench's community before and after"
            return Witness(what=what, holds=True, asked=self._asked)
        if before and after and agent.unread:
            return condition(
                f"udp/{self.port} showed its v3 engine after some requests but not after others", holds=False
            )
        if before and after:
            what = f"the agent on udp/{self.port} showed its v3 engine before and after"
            return Witness(what=what, holds=True, asked=self._asked)
        when = "before but not after" if before else "after but not before" if after else "neither before nor after"
        return condition(f"udp/{self.port} showed a v3 engine {when}, so its silence proves nothing", holds=False)


def _is_empty(answer: SnmpAnswer) -> bool:
    """Whether the name is known and the object is not: a response without a value, or noSuchName."""
    return answer.value is None and not answer.report and answer.error in (0, 2)


@contextmanager
def _sockets(target: Target, port: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Open a connected socket, which receives ICMP errors, and one on the same port for what comes from elsewhere."""
    with target.datagram(port) as connected, socket.socket(connected.family, socket.SOCK_DGRAM) as beside:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        beside.bind(connected.getsockname())
        for sock in (connected, beside):
            sock.setblocking(False)
        yield connected, beside


@dataclass
class _Agent:
    """A connected socket to the agent's port, and what came from there."""

    sock: socket.socket
    beside: socket.socket
    """Hears what comes from another port or address: some agents, and address translation, answer from there."""
    record: Recorder
    answers: dict[Name, SnmpAnswer] = field(default_factory=dict)
    origins: dict[Name, str] = field(default_factory=dict)
    """Where an answer came from, if that is not where the request went to."""
    told: Engine | None = None
    closed: bool = False
    unread: bool = False
    """Whether it showed no engine after some requests, so it may not have read them."""
    _from: dict[int, str] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(secrets.randbelow(1 << 30) + 1))

    def engine(self, seconds: float, *, waits: bool = True) -> Engine | None:
        """Ask a v3 agent for its engine, for some rounds and at least so long. None if it shows none.

        A port that is closed may open soon if this `waits`. Otherwise, it ends the questions.
        """
        deadline = time.monotonic() + seconds
        asked: dict[int, Version] = {}
        while len(asked) < DISCOVERY_ROUNDS or time.monotonic() < deadline:
            asked[number := next(self._numbers)] = Version.V3
            self._send(discovery(number))
            answer = next(iter(self._collect(asked, enough=1).values()), None)
            if answer is not None and answer.engine is not None and answer.engine.name:
                self.told = answer.engine
                return answer.engine
            if self.closed and (not waits or time.monotonic() + ROUND_SECONDS > deadline):
                return None
            if self.closed:
                time.sleep(ROUND_SECONDS)  # a port that opens gives no event
                self.closed = False
        return None

    def ask(self, wanted: Iterable[Name], engine: Engine | None, *, following: bool = False) -> None:
        """Send each request, again where nothing came, and enter the answers.

        If the agent shows its engine, it is asked for it after the requests of each round. If it answers that,
        a slow agent has read them as well.
        """
        asked = list(wanted)
        for start in range(0, len(asked), BATCH):
            left, numbered, read = asked[start : start + BATCH], dict[int, Name](), engine is None
            for _ in range(ROUNDS):
                if not left or self.closed:
                    break
                for one in left:
                    numbered[number := next(self._numbers)] = one
                    self._send(_message(number, one, engine, following))
                versions = {number: one.version for number, one in numbered.items()}
                answers = self._collect(versions, len(left))
                if engine is not None:
                    behind, late = self._behind(versions)
                    read, answers = read or behind, late | answers
                self.answers.update({numbered[number]: answer for number, answer in answers.items()})
                self.origins |= {numbered[n]: self._from[n] for n in answers if n in self._from}
                left = [one for one in left if one not in self.answers]
            self.unread |= bool(left) and not read and not self.closed

    def _behind(self, asked: Mapping[int, Version]) -> tuple[bool, dict[int, SnmpAnswer]]:
        """Ask for the engine: whether it was told, and what else was answered until then."""
        answers: dict[int, SnmpAnswer] = {}
        deadline = time.monotonic() + START_SECONDS
        last = dict[int, Version]()
        while not last.keys() & answers.keys() and not self.closed and time.monotonic() < deadline:
            last[number := next(self._numbers)] = Version.V3
            self._send(discovery(number))
            answers |= self._collect({**asked, **last}, until=last)
        return bool(last.keys() & answers.keys()), {one: answers[one] for one in answers.keys() - last.keys()}

    def _send(self, message: bytes) -> None:
        # A pending ICMP error is handed to the first call that comes, which then has not sent anything.
        try:
            self.sock.send(message)
        except OSError as error:
            self.closed |= answer_of(error) is Answer.REFUSED

    def _receive(self, seconds: float) -> tuple[bytes, str] | None:
        """Return the next datagram and, if it is not the address that was asked, its origin. None if none comes."""
        ready, _, _ = select.select([self.sock, self.beside], [], [], seconds)
        for sock in ready:
            try:
                data, source = sock.recvfrom(READ_LIMIT)
            except OSError as error:
                self.closed |= sock is self.sock and answer_of(error) is Answer.REFUSED
                continue
            return data, f"{source[0]} port {source[1]}" if sock is self.beside else ""
        return None

    def _collect(
        self, wanted: Mapping[int, Version], enough: int = 0, until: Container[int] = ()
    ) -> dict[int, SnmpAnswer]:
        """Return the answers by number: until `enough`, all or one of `until` are there, or the round is over."""
        answers: dict[int, SnmpAnswer] = {}
        deadline = time.monotonic() + ROUND_SECONDS
        while len(answers) < (enough or len(wanted)) and not self.closed and (left := deadline - time.monotonic()) > 0:
            if (came := self._receive(left)) is None:
                continue
            data, origin = came
            answer = parse(data)
            if answer is not None and wanted.get(answer.number) is answer.version and answer.number not in answers:
                answers[answer.number] = answer
                self._from |= {answer.number: origin} if origin else {}
                self.record.keep(f"snmp-{answer.number}.bin", data)
                if answer.number in until:
                    break
        return answers


def _message(number: int, name: Name, engine: Engine | None, following: bool) -> bytes:
    read = INTERNET if following else SYS_DESCR
    if name.version is Version.V3:
        return request_v3(number, engine or Engine(), name.name, read, following=following)
    return request(name.version, number, name.name, read, following=following)
