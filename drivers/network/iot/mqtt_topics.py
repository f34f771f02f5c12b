"""Who may publish and subscribe to what on a broker: topics of the declaration, and one that nobody uses.

A broker of 3.1.1 acknowledges what it drops, and some grant subscriptions that they never serve: only a message that is
delivered shows that somebody may publish, or hear. Whether an answer is a failure is said by the cases.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drivers.network.logins.mqtt import SESSION, Broker
from drivers.network.logins.mqtt_packets import V5, messages
from drivers.network.logins.mqtt_session import NOBODY, MqttSession, NoSessionError, Who, session
from drivers.network.sweep.canary import Canary, asked_at
from drivers.network.target import Target
from lab_config.base import Role
from lab_config.interfaces import MqttTopic
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

_DELIVERED = "a delivered message"

DELIVERY_SECONDS = 1.5
"""How long the delivery of a message is awaited from somebody who may have no right to it."""
CONTROL_SECONDS = 6.0
"""The same for an authorised one."""
SLOWER = 3.0
"""So many times as long as a control took is awaited, if that is more than DELIVERY_SECONDS."""
STATISTICS = "$SYS/#"
"""What a broker tells of itself; `#` does not cover it (clause 4.7.2)."""
_REFUSAL = 0x80
_SHOWN = 120
Outcome = tuple[Answer, str]


class Act(StrEnum):
    """What is tried."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"

    def at(self, broker: Broker) -> str:
        """Return the name of the question to a port: `publish tcp/1883`."""
        return f"{self} {broker.about}"


@dataclass(frozen=True)
class TopicAsk:
    """One act on one declared topic by a client without the right. Without a role, the client is anonymous."""

    act: Act
    topic: MqttTopic
    role: Role | None = None

    @property
    def about(self) -> str:
        """The name of this question: `viewer publish hub/heating`."""
        return f"{self.role or 'anonymous'} {self.act} {self.topic.topic}"


def topic_asks(topics: Sequence[MqttTopic], roles: Sequence[Role]) -> tuple[TopicAsk, ...]:
    """Return what is tried: anonymously, and with each of these roles if the declaration does not grant it."""
    asks = []
    for topic in topics:
        for role in (None, *roles):
            if role is None or role not in topic.read:
                asks.append(TopicAsk(Act.SUBSCRIBE, topic, role))
            if topic.harmless is not None and (role is None or role not in topic.write):
                asks.append(TopicAsk(Act.PUBLISH, topic, role))
    return tuple(asks)


@dataclass(frozen=True)
class AnyTopic:
    """On each broker, without a user: publish to a topic that nobody uses, and subscribe to what it tells of itself.

    SEEN is a message that is delivered, or acknowledged with success in MQTT 5; REFUSED a CONNACK or PUBACK that says
    so, or an RST. The canary is the witness for ports that accept no connection.
    """

    target: Target
    brokers: tuple[Broker, ...]
    canary: int | None

    @property
    def name(self) -> str:
        """One observation a target."""
        return "mqtt_any_topic"

    def run(self, record: Recorder) -> Observation:
        """Ask each; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        facts: list[Fact] = []
        left_open: dict[str, str] = {}
        for broker in self.brokers:
            for fact in self._ask(broker, left_open):
                facts.append(fact)
                record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
                if fact.answer is Answer.SILENT and fact.detail.startswith("a session"):
                    left_open[fact.about] = fact.detail
        return Observation(
            question=f"Can anonymous clients publish or subscribe on one of {len(self.brokers)} MQTT ports?",
            facts=tuple(facts),
            witness=canary.witness(),
            left_open=left_open,
        )

    def _ask(self, broker: Broker, left_open: dict[str, str]) -> Iterator[Fact]:
        for act, ask in ((Act.PUBLISH, _to_nobody), (Act.SUBSCRIBE, _statistics)):
            connected = True
            try:
                with session(self.target, broker, NOBODY) as held:
                    answer, detail = ask(held)
            except NoSessionError as error:
                answer, detail, connected = error.attempt.answer, error.attempt.detail, error.attempt.connected
            except NotForwardedError as error:
                answer, detail = Answer.SILENT, error.words
                left_open[act.at(broker)] = error.words
            asked = asked_at(broker.about, SESSION, connected=connected)
            yield Fact(about=act.at(broker), answer=answer, detail=detail, asked=asked)


def _to_nobody(held: MqttSession) -> Outcome:
    """Publish to a new topic, in the hope to hear it back."""
    word = f"trustprobe/{secrets.token_hex(6)}"
    held.subscribe(word)
    code = held.publish(word, word.encode())
    if held.hears(word.encode(), DELIVERY_SECONDS if code is not None and code < _REFUSAL else 0.0):
        return Answer.SEEN, f"a message to {word} was published without a login and delivered"
    if code is not None and held.level == V5:
        if code < _REFUSAL:
            return Answer.SEEN, f"a message to {word} was published without a login and acknowledged with {code:#04x}"
        return Answer.REFUSED, f"PUBACK {code:#04x}"
    what = (
        "was acknowledged, but MQTT 3.1.1 also acknowledges dropped messages" if code is not None else "got no answer"
    )
    return Answer.SILENT, f"a session without a login; the published message {what}"


def _statistics(held: MqttSession) -> Outcome:
    """Subscribe to what a broker tells of itself; its topics are kept, so that they come at once."""
    granted = held.subscribe(STATISTICS)
    held.until(lambda heard: bool(messages(heard, held.level)), DELIVERY_SECONDS if granted else 0.0)
    if came := messages(held.heard, held.level):
        return Answer.SEEN, f"a subscription to {STATISTICS} without a login delivered {printable(came[0][0], _SHOWN)}"
    if granted is False:
        return Answer.REFUSED, f"the subscription to {STATISTICS} is refused"
    what = "was granted, but delivered nothing" if granted else "was not answered"
    return Answer.SILENT, f"a session without a login; the subscription to {STATISTICS} {what}"


@dataclass(frozen=True)
class TopicAccess:
    """Try acts that the declaration does not grant: each act on each topic, anonymously and with other roles.

    SEEN is a message that was delivered, REFUSED a CONNACK, SUBACK or PUBACK that says no. Witness: what somebody
    published who may was delivered to somebody who may read, before and after, on each topic.
    """

    target: Target
    broker: Broker
    service: str
    topics: tuple[MqttTopic, ...]
    logins: tuple[tuple[Role, Who], ...]

    @property
    def name(self) -> str:
        """One observation a broker."""
        return f"mqtt_topics.{self.service}"

    def run(self, record: Recorder) -> Observation:
        """Try; BenchError when this machine cannot send."""
        facts: list[Fact] = []
        witnesses: list[Witness] = []
        left_open: dict[str, str] = {}
        for topic in self.topics:
            before, took = self._control(topic, "before", record)
            seconds = max(DELIVERY_SECONDS, SLOWER * took)
            for ask in topic_asks((topic,), [role for role, _ in self.logins]):
                answer, detail, shape = self._try(ask, seconds)
                record.note(f"{ask.about} -> {answer}: {detail}")
                asked = self._asked(topic, shape)
                facts.append(Fact(about=ask.about, answer=answer, detail=detail, asked=asked))
                if answer is Answer.SILENT and topic.harmless is None:
                    left_open[ask.about] = f"{detail}; to test it, add `harmless: MESSAGE` to the topic"
            after, took = self._control(topic, "after", record)
            in_time = f"a message on {topic.topic} took {took:.1f} s after; others were awaited {seconds:.1f} s"
            witnesses += [before, after, *([] if took <= seconds else [condition(in_time, holds=False)])]
        question = (
            f"Who can publish and subscribe to {len(self.topics)} topics of {self.service} beyond the declaration?"
        )
        return Observation(question=question, facts=tuple(facts), witness=all_of(witnesses), left_open=left_open)

    def _who(self, roles: Sequence[Role]) -> Who | None:
        return next((who for role, who in self.logins if role in roles), None)

    def _message(self, topic: MqttTopic) -> bytes:
        return (topic.harmless or "").replace("{nonce}", secrets.token_hex(8)).encode()

    def _control(self, topic: MqttTopic, when: str, record: Recorder) -> tuple[Witness, float]:
        """Deliver a message with an authorised login. Also return how long that took in seconds.

        Without a harmless message, only subscribe.
        """
        reader, writer = self._who(topic.read), self._who(topic.write)
        if reader is None or (writer is None and topic.harmless is not None):
            missing = f"no login of this bench may read and write {topic.topic}: add one to `credentials`"
            return condition(missing, holds=False), 0.0
        took = 0.0
        try:
            if topic.harmless is None or writer is None:
                with session(self.target, self.broker, reader) as hearing:
                    holds = bool(hearing.subscribe(topic.topic))
                what = f"the subscription to {topic.topic} of {reader.user} {when}"
                return Witness(what=what, holds=holds, asked=self._asked(topic, "a subscription")), 0.0
            answer, detail, took = self._deliver(topic, writer, reader, CONTROL_SECONDS)
        except NoSessionError as error:
            answer, detail = error.attempt.answer, error.attempt.detail
        record.note(f"control {when}: {topic.topic} -> {answer}: {detail}")
        what = f"a message on {topic.topic} {when}: {detail}"
        witness = Witness(what=what, holds=answer is Answer.SEEN, asked=self._asked(topic, _DELIVERED))
        return witness, took

    def _asked(self, topic: MqttTopic, shape: str) -> Asked:
        return Asked(door=self.broker.about, shape=f"{shape} on {topic.topic}")

    def _try(self, ask: TopicAsk, seconds: float) -> tuple[Answer, str, str]:
        """Try one act, and await a delivery for so long. Also return the form of the question.

        Nothing is delivered without a session.
        """
        somebody = NOBODY if ask.role is None else self._who((ask.role,)) or NOBODY
        topic = ask.topic
        reader, writer = self._who(topic.read), self._who(topic.write)
        try:
            if ask.act is Act.PUBLISH:
                return *self._deliver(topic, somebody, reader or NOBODY, seconds)[:2], _DELIVERED
            if topic.harmless is not None and writer is not None:
                return *self._deliver(topic, writer, somebody, seconds)[:2], _DELIVERED
            with session(self.target, self.broker, somebody) as held:
                return *_kept(held, topic.topic, seconds), "a retained message"
        except NoSessionError as error:
            return error.attempt.answer, error.attempt.detail, SESSION

    def _deliver(self, topic: MqttTopic, writer: Who, reader: Who, seconds: float) -> tuple[Answer, str, float]:
        """Let one publish and another one listen for so long. Also return how many seconds the delivery took.

        NoSessionError where one of them gets no session.
        """
        message = self._message(topic)
        with session(self.target, self.broker, reader) as hearing:
            if hearing.subscribe(topic.topic) is False:
                return Answer.REFUSED, f"the subscription to {topic.topic} is refused", 0.0
            with session(self.target, self.broker, writer) as saying:
                began = time.monotonic()
                code = saying.publish(topic.topic, message)
                if code is not None and code >= _REFUSAL:
                    return Answer.REFUSED, f"PUBACK {code:#04x}", 0.0
                if hearing.hears(message, seconds):
                    by, to = (who.user or "an anonymous client" for who in (writer, reader))
                    return Answer.SEEN, f"published by {by}, delivered to {to}", time.monotonic() - began
        return Answer.SILENT, "nothing was delivered", 0.0


def _kept(held: MqttSession, topic: str, seconds: float) -> Outcome:
    granted = held.subscribe(topic)
    held.until(lambda heard: bool(messages(heard, held.level)), seconds if granted else 0.0)
    if messages(held.heard, held.level):
        return Answer.SEEN, f"the retained message on {topic} was delivered"
    return (Answer.REFUSED, "SUBACK: refused") if granted is False else (Answer.SILENT, "nothing was delivered")
