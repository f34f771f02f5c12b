"""One pass through malformed messages, whatever carries them: send some, check, and find the one that did damage.

Signs of a crash: no process listens, the id of the start has changed, a held connection is closed, or the device is
silent. A message is to blame if this happens again when it is sent alone, and does not happen after a healthy message
of the same shape that is abandoned in the same way. What does not happen again leaves the question open. A refusal and
one slow moment are not signs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.network.malformed.messages.message import Message, MessageSeries
from drivers.network.malformed.sending.carrier import Carrier, HealthyControl
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.watch import Damage, DamageKind, Watch
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, condition, printable

ROUND_SECONDS = 600.0
"""A device that needs longer for its messages does not get all of them."""
LATE = 3
"""Messages before the one after which damage shows that are sent again as well."""
_SHARE = 0.5
"""The share of messages that must have reached the service."""
_NAMED = 8
HALF_SENT = "any half-sent request"


class MalformedInput(Observation):
    """A fact for each message: SEEN is damage after it, REFUSED a healthy answer, SILENT a message not sent."""

    seed: int
    """The messages follow from it: the same seed, the same octets."""
    sent: int
    """Messages that reached the service."""
    culprit: str = ""
    """The evidence file with the message after which the damage was seen. It is empty without damage."""
    repeated: bool = False
    """Whether the damage came again when that message was sent alone."""


@dataclass
class Findings:
    """What is known of each message of a series; it becomes the observation."""

    about: str
    series: MessageSeries
    facts: dict[str, Fact] = field(default_factory=dict)
    sent: int = 0
    """Messages that reached the service."""
    culprit: str = ""
    repeated: bool = False
    unclear: str = ""
    """Why not all of it is proved: what happened once, or why the round ended."""
    further: list[Fact] = field(default_factory=list)
    """What is to blame, where it is not one message."""

    def enter(self, message: Message, answer: Answer, detail: str) -> None:
        """Set what is known of one message."""
        self.facts[message.name] = Fact(about=message.name, answer=answer, detail=printable(detail))

    def carried(self, message: Message, reaction: Reaction) -> None:
        """Count a message that was sent. Its fact states that all is well until damage is found after it."""
        self.sent += reaction.carried
        answer = Answer.REFUSED if reaction.carried else Answer.SILENT
        self.enter(message, answer, f"the device answered a healthy request as before. The message: {reaction.words}")

    def leave_open(self, message: Message, why: str) -> None:
        """End with a message after which nothing can be proved."""
        self.unclear = why
        self.enter(message, Answer.SILENT, why)

    def blame(self, message: Message, damage: Damage, again: Damage | None, file: str) -> None:
        """Name the message after which the damage is, and its file in the evidence."""
        self.culprit, self.repeated = file, again is not None
        lost = "it was not sent again, because the service did not come back"
        second = f"when it was sent alone, again {again.words}" if again else lost
        words = f"{damage.words}; {second}; {len(message.data)} octets, stored as {file} ({message.origin})"
        self.enter(message, Answer.SEEN, words)

    def blame_others(self, about: str, words: str, files: Sequence[str], *, repeated: bool) -> None:
        """Name what is to blame instead of one message: several of them, or every half-sent request."""
        self.culprit, self.repeated = files[-1], repeated
        self.further.append(Fact(about=about, answer=Answer.SEEN, detail=printable(words)))

    def observation(self, watch: Watch, reached: Callable[[], Witness] | None) -> MalformedInput:
        """Return what was observed; a message without a fact was not sent."""
        messages = self.series.messages
        return MalformedInput(
            question=f"Does {self.about} withstand {len(messages)} malformed messages ({self.series.layer})?",
            facts=tuple(
                self.facts.get(one.name) or Fact(about=one.name, answer=Answer.SILENT, detail="not sent")
                for one in messages
            )
            + tuple(self.further),
            witness=self._witness(watch, reached),
            asked=self._asked,
            seed=self.series.seed,
            sent=self.sent,
            culprit=self.culprit,
            repeated=self.repeated,
        )

    @property
    def _asked(self) -> Asked:
        return Asked(door=self.about, shape="a healthy request after a malformed message")

    def _witness(self, watch: Watch, reached: Callable[[], Witness] | None) -> Witness:
        """State that a healthy answer followed each message, or why this proves nothing."""
        count = len(self.series.messages)
        known = sum(fact.answer is not Answer.SILENT for fact in self.facts.values())
        if self.unclear and not self.culprit:
            return condition(self.unclear, holds=False)
        if known < _SHARE * count and not self.culprit:
            return condition(f"{known} of {count} messages reached {self.about}", holds=False)
        what = f"{watch.about} answered a healthy request before the first message and after {self.sent}"
        own = Witness(what=f"{what}; {watch.words}", holds=True, asked=self._asked)
        if reached is None or self.culprit:
            return own
        more = reached()
        return own.model_copy(update={"what": f"{own.what}; {more.what}"}) if more.holds else more


@dataclass
class Round:
    """Sends messages in batches and checks after each. On trouble, each message of the batch is sent again, alone.

    One by one and not by halves: a look costs milliseconds, a crash a start of the device, and some give up.
    `about` says what the messages are for, `keep` stores one and names its file. Witness: what is watched was well
    before, and after each batch.
    """

    about: str
    series: MessageSeries
    carrier: Carrier
    keep: Callable[[Message], str]
    watch: Watch
    record: Recorder
    findings: Findings = field(init=False)
    latest: list[Message] = field(default_factory=list, init=False)
    """What was sent last: a crash may show one message late."""

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        self.findings = Findings(self.about, self.series)

    def run(self) -> MalformedInput:
        """Send, look, and tell."""
        if not self.watch.begin():
            self.findings.unclear = self.watch.missing
            return self._observed()
        if barred := self.carrier.barred():
            self.findings.unclear = barred
            return self._observed()
        messages, end, done = self.series.messages, time.monotonic() + ROUND_SECONDS, 0
        for batch in self.carrier.batches(messages):
            if time.monotonic() > end:
                self.record.note(f"{ROUND_SECONDS:g} s have passed, so the remaining messages are not sent")
                break
            self.record.progress(done, len(messages), batch[0].name)
            if self._send_batch(batch):
                return self._observed()
            done += len(batch)
        if damage := self.watch.restarted():
            self._search(damage)
        return self._observed()

    def _send_batch(self, batch: Sequence[Message]) -> bool:
        """Send some messages and check once after them. True if the round ends."""
        if len(batch) == 1:
            return self._send_one(batch[0])
        reactions = self.carrier.carry(batch)
        damage = self._look()
        if damage is not None:
            return self._examine_batch(batch, damage)
        alone = []
        for message, reaction in zip(batch, reactions, strict=True):
            self._note(message, reaction, None)
            if not reaction.carried:
                alone.append(message)  # several at once may be more than it serves
        self.latest = [*self.latest, *batch][-LATE:]
        return any(self._send_one(message) for message in alone)

    def _examine_batch(self, batch: Sequence[Message], damage: Damage) -> bool:
        """Send each message of a batch again, alone; True where damage is proved, or where nothing more can be."""
        damage = self.watch.settle(damage)
        names = f"{len(batch)} messages ({', '.join(one.name for one in batch[:_NAMED])})"
        self.record.note(f"after one of {names}: {damage.words}; each is sent again, alone")
        if damage.kind is DamageKind.TURNED_AWAY:
            self.findings.leave_open(batch[-1], f"{damage.words}: the device protects itself, or it is damaged")
            return True
        if not self.watch.gone and any(self._send_one(message, damage) for message in batch):
            return True
        if damage.kind is DamageKind.GONE and not self.watch.bench_lives:
            self.findings.leave_open(batch[-1], f"{damage.words}, but nothing shows that the bench works")
            return True
        if damage.kind not in (DamageKind.ENDED, DamageKind.GONE):
            return False
        return self._blame_batch(batch, damage, names)

    def _blame_batch(self, batch: Sequence[Message], damage: Damage, names: str) -> bool:
        """Send a batch once more at the same time, and as many healthy requests. True where the round ends."""
        second = "they were not sent again, because the service did not come back"
        if not self.watch.gone:
            self.record.note(f"{names}: sent again, together")
            self.carrier.let_go()
            self.carrier.carry(batch)
            again = self._look()
            if again is None:
                self._happened_once(batch[-1], damage, f"{names} were sent again, each alone and together")
                return False
            second = f"when they were sent together again, again {self.watch.settle(again).words}"
            if not self.watch.gone and (guilty := self._control(batch)):
                return self._blame_control(batch[-1], damage, guilty)
        files = [self.keep(message) for message in batch]
        words = f"{damage.words}; not after one of them alone; {second}; stored as {', '.join(files)}"
        self.findings.blame_others(f"{names} together", words, files, repeated="again" in second)
        return True

    def _happened_once(self, message: Message, damage: Damage, when: str) -> None:
        """Leave open what happened once. The round goes on: another message may do damage each time."""
        words = f"once {damage.words}, but not when {when}. What does not happen again has other causes"
        self.record.note(f"{message.name}: {words}")
        self.findings.leave_open(message, words)

    def _control(self, batch: Sequence[Message]) -> tuple[HealthyControl, Damage] | None:
        """Send something healthy of the same shape, in the same way. Return the control that does damage too."""
        for control in self.carrier.controls(batch):
            if self.watch.gone:
                break
            self.carrier.let_go()
            reactions = control.send()
            damage = self._look()
            words = damage.words if damage else "healthy"
            self.record.note(f"control, {control.about}, {len(reactions)} times: {reactions[-1].words}; {words}")
            if damage is not None:
                return control, self.watch.settle(damage)
        return None

    def _blame_control(self, message: Message, damage: Damage, guilty: tuple[HealthyControl, Damage]) -> bool:
        """Say that no malformed message is to blame, since something else does the same. The round ends."""
        control, same = guilty
        if control.cut_off and same.kind in (DamageKind.ENDED, DamageKind.GONE):
            words = f"{damage.words}. Half of a healthy request does the same, so no malformed message is the cause"
            self.findings.enter(message, Answer.REFUSED, f"no more than {HALF_SENT}: {words}")
            self.findings.blame_others(HALF_SENT, words, [self.keep(message)], repeated=True)
            return True
        blocks = f": the service blocks after any {control.blocks_after}, and" if control.blocks_after else ":"
        words = f"{damage.words}, and so after {control.about} that was sent in the same way{blocks}"
        self.findings.leave_open(message, f"{words} no message is to blame")
        return True

    def _look(self, *, again: bool = False) -> Damage | None:
        """Look at the service. What a message left open is ended before a service is given up for it."""
        if not self.watch.holds:
            self.carrier.let_go()  # it serves one connection at a time, whatever was sent on it
        damage = self.watch.look(again=again)
        if damage is None or not self.watch.gone or not self.carrier.let_go():
            return damage
        return self.watch.look_after_release(damage)

    def _send_one(self, message: Message, before: Damage | None = None) -> bool:
        """Send a message alone. True if the round ends after it. `before` is what was seen after its batch."""
        if before is not None:
            self.carrier.let_go()
        damage = self._send(message)
        if damage is not None and before is not None and DamageKind.ENDED in (before.kind, damage.kind):
            self._blame(message, before, self.watch.settle(damage))  # twice, and the second time alone
            return True  # what is to blame is known
        if damage is not None and self._examine(message, damage):
            return True
        self.latest = [*self.latest, message][-LATE:]
        return False

    def _send(self, message: Message, *, again: bool = False) -> Damage | None:
        reaction = self.carrier.deliver(message)
        damage = self._look(again=again)
        self._note(message, reaction, damage)
        return damage

    def _note(self, message: Message, reaction: Reaction, damage: Damage | None) -> None:
        self.findings.carried(message, reaction)
        words = damage.words if damage else "healthy"
        self.record.note(f"{message.name}: {len(message.data)} octets, {reaction.words}; {words}")

    def _examine(self, message: Message, damage: Damage) -> bool:
        """Send the message once more, alone; True where damage is proved, or where nothing more can be."""
        damage = self.watch.settle(damage)
        again = self._again(message, damage)
        for earlier in reversed(self.latest if again is None and not self.watch.gone else []):
            if again := self._again(earlier, damage):
                message = earlier
                break
        if (
            DamageKind.TURNED_AWAY in (damage.kind, again.kind if again else None)
            and damage.kind is not DamageKind.ENDED
        ):
            self.findings.leave_open(
                message, f"{(again or damage).words}: the device protects itself, or it is damaged"
            )
            return True
        if (
            damage.kind is DamageKind.CLOSED
            and again is not None
            and again.kind is DamageKind.CLOSED
            and self.watch.closes_anyway()
        ):
            again = None
        if again is None and damage.kind in (DamageKind.CLOSED, DamageKind.HUNG):
            words = f"once {damage.words}, but not when the message was sent again"
            self.findings.enter(message, Answer.REFUSED, words)
            return False
        if again is None and not self.watch.gone:
            self._happened_once(message, damage, "the message was sent again, alone")
            return False
        if damage.kind is DamageKind.GONE and not self.watch.bench_lives:
            self.findings.leave_open(message, f"{damage.words}, but nothing shows that the bench works")
            return True
        self._blame(message, damage, again)
        return True

    def _again(self, message: Message, damage: Damage) -> Damage | None:
        """Send a message once more, alone, and bring the service back."""
        if self.watch.gone:
            return None
        self.record.note(f"{message.name}: sent again, alone")
        self.carrier.let_go()
        again = self._send(message, again=damage.kind is DamageKind.GONE)
        return self.watch.settle(again) if again else None

    def _search(self, damage: Damage) -> None:
        """Find the message after which a device starts again so fast that no request fell into the gap."""
        self.record.note(f"{damage.words}: the messages are sent again, and the id of the start is read after each")
        for message in self.series.messages:
            seen = self._send(message)
            found = self.watch.settle(seen) if seen else self.watch.restarted()
            if found is not None and found.kind is DamageKind.ENDED:
                self._blame(message, damage, found)
                return
            if self.watch.gone:
                break
        last, count = self.series.messages[-1], len(self.series.messages)
        if self.watch.gone:
            self.findings.leave_open(last, f"{damage.words} within {count} messages, and did not come back")
        else:
            self._happened_once(last, damage, f"all {count} messages were sent again")

    def _blame(self, message: Message, damage: Damage, again: Damage | None) -> None:
        if again is not None and not self.watch.gone and (guilty := self._control([message])):
            self._blame_control(message, damage, guilty)
            return
        self.findings.blame(message, damage, again, self.keep(message))

    def _observed(self) -> MalformedInput:
        return self.findings.observation(self.watch, self.carrier.reached)
