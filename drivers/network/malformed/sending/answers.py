"""The probe that answers the device's own questions with what breaks the rules, and looks whether it goes on asking.

Who is asked is a server of this bench: for the time, for names, in place of the cloud. Each message is an answer.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from drivers.network.malformed.messages.message import Message, MessageSeries, bounded
from drivers.network.malformed.sending.carrier import Carrier
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.evidence import keep_octets
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.servers.datagram import DatagramServer
from drivers.network.servers.ntp import NtpServer
from drivers.network.servers.tls import ContactOutcome, TlsClientServer
from drivers.network.servers.wrong_answer import WrongAnswer
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.probe import Recorder

SENT_ONLY = "sent as an answer"


class AskedServer(Protocol):
    """A server that the device asks."""

    @property
    def about(self) -> str:
        """What the device asks there, in words."""

    def answer(self, messages: Sequence[Message]) -> list[Reaction]:
        """Answer with these as soon as the device asks; what nobody asked for was not carried."""

    def misses(self) -> str | None:
        """Wait for the device's next question, and answer it well; words where none comes in time."""


Generator = Callable[[Random], Iterator[Message]]


def answers_of(layer: str, named: Generator, more: Generator, seed: int, count: int) -> tuple[Message, ...]:
    """Return so many answers; the same seed gives the same ones."""
    random = Random(f"{seed}/{layer}")
    return bounded(named(random), more(random), count)


@dataclass(frozen=True)
class AnswerMalformed:
    """Answer the device's requests with malformed messages. Witness: it asked before, and again after each batch.

    A device that asks no more, while its own services answer, has failed as one has that starts again.
    """

    target: Target
    service: Service
    """Its healthy answers show that the device lives."""
    peer: AskedServer
    series: MessageSeries
    batch: int
    """Answers between two looks at the device."""
    revival: Revival

    @property
    def name(self) -> str:
        """One observation a server."""
        return f"malformed.answers-{self.series.layer}"

    def run(self, record: Recorder) -> MalformedInput:
        """Answer with them all, or until damage is proved; BenchError where this machine cannot send."""
        keep = keep_octets(record, self.series.messages)
        liveness = Liveness(self.target, self.service)
        carrier = Carrier(self._answer_one, self.batch, deliver_all=self.peer.answer)
        with Watch(liveness, self.revival, record.note, self.peer.misses) as watch:
            return Round(self.peer.about, self.series, carrier, keep, watch, record).run()

    def _answer_one(self, message: Message) -> Reaction:
        return self.peer.answer([message])[0]


@dataclass
class AskedForTime:
    """The bench's time server. A batch goes before the good answer to one question: clients wait for a good one."""

    server: NtpServer
    seconds: float
    """The longest time between two questions."""

    @property
    def about(self) -> str:
        """What the device asks there."""
        return "the client of the time server"

    def answer(self, messages: Sequence[Message]) -> list[Reaction]:
        """Put the messages before the next good answer."""
        before = self.server.count
        self.server.precede([message.data for message in messages])
        asked = self.server.wait_for_question(before, self.seconds)
        self.server.precede(())
        return [_reaction(asked)] * len(messages)

    def misses(self) -> str | None:
        """Wait for one more question."""
        if self.server.wait_for_question(self.server.count, self.seconds):
            return None
        return f"the device did not request the time within {self.seconds:g} s"


@dataclass
class AskedForNames:
    """The bench's resolver, or its DHCP server."""

    server: DatagramServer
    what: str
    seconds: float
    """The longest time between two questions."""
    nudge: Callable[[], None] | None = None
    """Makes a device ask that has no reason to, say by a start; used before the first message and never later, as what
    starts it again then is to have been a message."""

    @property
    def about(self) -> str:
        """What the device asks there."""
        return f"the client that requests {self.what}"

    def answer(self, messages: Sequence[Message]) -> list[Reaction]:
        """Put the messages before the next good answer."""
        before, self.nudge = self.server.count, None
        self.server.precede([message.data for message in messages])
        asked = self.server.wait_for_question(before, self.seconds)
        self.server.precede(())
        return [_reaction(asked)] * len(messages)

    def misses(self) -> str | None:
        """Wait for one more question."""
        before, nudge, self.nudge = self.server.count, self.nudge, None
        if nudge is not None:
            nudge()
        if self.server.wait_for_question(before, self.seconds):
            return None
        return f"the device did not request {self.what} within {self.seconds:g} s"


@dataclass
class AskedCloud:
    """The stand-in for the product's cloud. Each message is the answer on a connection of its own."""

    server: TlsClientServer
    seconds: float
    """The longest time from a lost connection to the next."""
    in_place_of_tls: bool = False

    @property
    def about(self) -> str:
        """What the device asks there."""
        return "the client of the cloud"

    def answer(self, messages: Sequence[Message]) -> list[Reaction]:
        """Give one question after the other one of the messages for an answer."""
        wrong = (WrongAnswer(message.data, self.in_place_of_tls) for message in messages)
        return [_reaction(self.server.answer_once(one, self.seconds)) for one in wrong]

    def misses(self) -> str | None:
        """Drop the connection that is open, and wait until the device speaks on a new one, which is answered well."""
        mark = self.server.present(self.server.good)
        if self.server.wait_for(lambda one: one.outcome is ContactOutcome.SPOKE, self.seconds, mark) is not None:
            return None
        return f"the device sent nothing to its cloud within {self.seconds:g} s of a lost connection"


def _reaction(asked: bool) -> Reaction:
    return Reaction(asked, b"", SENT_ONLY if asked else "the device sent no request in time")
