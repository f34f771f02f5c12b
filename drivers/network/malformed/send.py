"""The probe that sends one service malformed messages, and looks after each whether the service is still what it was.

What shows a crash: nobody listens, the id of the start has changed, a held connection that is closed or a silence that
comes again when the message is sent again. Being turned away, and one slow moment, are none of these.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.network.malformed.delivery import deliver
from drivers.network.malformed.evidence import keep_all, keep_culprit
from drivers.network.malformed.liveness import Liveness
from drivers.network.malformed.message import Message, Way
from drivers.network.malformed.watch import Damage, Kind, Watch
from drivers.network.target import Target
from drivers.probe import Answer, Fact, Observation, Recorder, Witness, printable
from lab_config.models import Service

ROUND_SECONDS = 600.0
"""A device that takes longer for its messages does not get all of them."""
LATE = 3
"""Messages before the one behind which damage shows that are sent again as well."""
_SHARE = 0.5
"""The share of messages that must have reached the service."""


class MalformedInput(Observation):
    """A fact for each message: SEEN is damage behind it, REFUSED a healthy answer, SILENT what was not sent."""

    seed: int
    """The messages follow from it: the same seed, the same octets."""
    sent: int
    """Messages that reached the service."""
    culprit: str = ""
    """The file of the evidence that holds the message behind which the damage was seen; empty without damage."""
    repeated: bool = False
    """Whether the damage came again when that message was sent alone."""


@dataclass(frozen=True)
class SendMalformed:
    """Send malformed messages of one layer to one service, each followed by a healthy request.

    `starts` reads the id of the device's start; None where the declaration or the bench has no way to. `revive` brings
    a device back that does not come back by itself. Witness: the service answered before, and behind each message.
    """

    target: Target
    service: Service
    layer: str
    way: Way
    messages: tuple[Message, ...]
    seed: int
    comes_back: float
    """Seconds that a device may take to start."""
    others: tuple[Service, ...] = ()
    """Further services: what they answer shows that the bench is alive."""
    starts: Callable[[], str | None] | None = None
    revive: Callable[[], None] | None = None

    @property
    def name(self) -> str:
        """One observation a layer of a service."""
        return f"malformed.{self.service.id}-{self.layer}"

    def run(self, record: Recorder) -> MalformedInput:
        """Send them all, or until damage is proved; BenchError where this machine cannot send."""
        keep_all(record, self.service, self.way, self.messages)
        liveness = Liveness(self.target, self.service)
        with Watch(liveness, self.others, self.comes_back, self.starts, self.revive, record.note) as watch:
            return _Round(self, watch, record).run()


@dataclass
class _Round:
    """One pass through the messages."""

    probe: SendMalformed
    watch: Watch
    record: Recorder
    facts: dict[str, Fact] = field(default_factory=dict)
    sent: int = 0
    culprit: str = ""
    repeated: bool = False
    latest: list[Message] = field(default_factory=list)
    """What was sent last: a crash may show one message late."""
    unclear: str = ""
    """Why the round ended without proof of anything."""

    def run(self) -> MalformedInput:
        """Send, look, and tell."""
        if not self.watch.begin():
            self.unclear = f"{self._about} did not answer a healthy request before"
            return self._observed()
        end = time.monotonic() + ROUND_SECONDS
        for number, message in enumerate(self.probe.messages):
            if time.monotonic() > end:
                self.record.note(f"{ROUND_SECONDS:g} s are over: the rest is not sent")
                break
            self.record.progress(number, len(self.probe.messages), message.name)
            damage = self._send(message)
            if damage is not None and self._examine(message, damage):
                return self._observed()
            self.latest = [*self.latest, message][-LATE:]
        if damage := self.watch.restarted():
            self._search(damage)
        return self._observed()

    @property
    def _about(self) -> str:
        return f"{self.probe.service.about} ({self.probe.service.protocol})"

    def _send(self, message: Message, *, again: bool = False) -> Damage | None:
        reaction = deliver(self.probe.target, self.probe.service.port, self.probe.way, message.data)
        self.sent += reaction.carried
        damage = self.watch.look(again=again)
        answer = Answer.REFUSED if reaction.carried else Answer.SILENT
        self._enter(message, answer, f"a healthy request was answered as before; the message: {reaction.words}")
        words = damage.words if damage else "healthy"
        self.record.note(f"{message.name}: {len(message.data)} octets, {reaction.words}; {words}")
        return damage

    def _examine(self, message: Message, damage: Damage) -> bool:
        """Send the message once more, alone; True where damage is proved, or where nothing more can be."""
        damage = self.watch.settle(damage)
        again = self._again(message, damage)
        for earlier in reversed(self.latest if again is None and not self.watch.gone else []):
            if again := self._again(earlier, damage):
                message = earlier
                break
        if Kind.TURNED_AWAY in (damage.kind, again.kind if again else None) and damage.kind is not Kind.ENDED:
            self.unclear = f"{(again or damage).words}: it protects itself, or it is damaged"
            self._enter(message, Answer.SILENT, self.unclear)
            return True
        if (
            damage.kind is Kind.CLOSED
            and again is not None
            and again.kind is Kind.CLOSED
            and self.watch.closes_anyway()
        ):
            again = None
        if again is None and damage.kind in (Kind.CLOSED, Kind.HUNG):
            self._enter(message, Answer.REFUSED, f"once {damage.words}, and not when the message was sent again")
            return False
        if damage.kind is Kind.GONE and not self.watch.bench_lives:
            self.unclear = f"{damage.words}, and nothing shows that the bench is alive"
            self._enter(message, Answer.SILENT, self.unclear)
            return True
        self._convict(message, damage, again)
        return True

    def _again(self, message: Message, damage: Damage) -> Damage | None:
        """Send a message once more, alone, and bring the service back."""
        if self.watch.gone:
            return None
        self.record.note(f"{message.name}: sent again, alone")
        again = self._send(message, again=damage.kind is Kind.GONE)
        return self.watch.settle(again) if again else None

    def _convict(self, message: Message, damage: Damage, again: Damage | None) -> None:
        self.culprit = keep_culprit(self.record, self.probe.service, self.probe.way, message)
        self.repeated = again is not None
        second = f"again when it was sent alone: {again.words}" if again else "not again when it was sent alone"
        words = f"{damage.words}; {second}; {len(message.data)} octets, kept as {self.culprit} ({message.origin})"
        self._enter(message, Answer.SEEN, words)

    def _search(self, damage: Damage) -> None:
        """Find the message behind which a device starts again so fast that no request fell into the gap."""
        self.record.note(f"{damage.words}: the messages are sent again, with a look at the id of the start behind each")
        for message in self.probe.messages:
            seen = self._send(message)
            found = self.watch.settle(seen) if seen else self.watch.restarted()
            if found is not None and found.kind is Kind.ENDED:
                self._convict(message, damage, found)
                return
            if self.watch.gone:
                break
        words = f"{damage.words} within {len(self.probe.messages)} messages, and not when they were sent again"
        self._enter(self.probe.messages[-1], Answer.SEEN, words)

    def _enter(self, message: Message, answer: Answer, detail: str) -> None:
        self.facts[message.name] = Fact(about=message.name, answer=answer, detail=printable(detail))

    def _witness(self) -> Witness:
        """Say that each message was followed by a healthy answer, or why that says nothing."""
        reached = sum(fact.answer is not Answer.SILENT for fact in self.facts.values())
        if self.unclear:
            return Witness(what=self.unclear, holds=False)
        if reached < _SHARE * len(self.probe.messages) and not self.culprit:
            what = f"{reached} of {len(self.probe.messages)} messages reached {self._about}"
            return Witness(what=what, holds=False)
        what = f"{self._about} answered a healthy request before the first message, and behind {self.sent}"
        return Witness(what=f"{what}; {self.watch.words}", holds=True)

    def _observed(self) -> MalformedInput:
        messages = self.probe.messages
        return MalformedInput(
            question=f"Does {self._about} stand {len(messages)} malformed messages ({self.probe.layer})?",
            facts=tuple(
                self.facts.get(one.name) or Fact(about=one.name, answer=Answer.SILENT, detail="not sent")
                for one in messages
            ),
            witness=self._witness(),
            seed=self.probe.seed,
            sent=self.sent,
            culprit=self.culprit,
            repeated=self.repeated,
        )
