"""MQTT brokers on the device: whether one accepts anonymous clients, or a well-known credential.

Over TCP or TLS, in 3.1.1 and where a broker wants it in 5. The packets are in `mqtt_packets.py`.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from drivers.guessing.attempt import DERIVED, LoginAttempt, Pair
from drivers.guessing.logins import Guesses
from drivers.network.conversation import Conversation, ConversationEnd, converse, converse_tls
from drivers.network.logins.mqtt_packets import CODES, V5, V311, BrokerAnswers, answers, connect, subscribe
from drivers.network.logins.undeclared import Knock
from drivers.network.sweep.canary import Canary, asked_at
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

ATTEMPTS = 3
"""How often a declared broker is asked that lets the time run out: it may be busy."""
SESSION = "an MQTT session"
"""The shape of the question that a CONNECT asks."""
_SHOWN = 200
_FIRST = {b"\x20", b"\xe0", b"\xf0"}
"""The first octet that a server may send: CONNACK (clause 3.2), or in MQTT 5 DISCONNECT and AUTH (3.14, 3.15)."""
_REFUSALS = {4, 5, 0x86, 0x87, 0x8C}
_VERSIONS = {1, 0x84}


@dataclass(frozen=True)
class Broker:
    """A TCP port on which a broker is declared, or lives by custom."""

    port: int
    tls: bool

    @property
    def about(self) -> str:
        """The name of this port in observations: `tcp/8883`."""
        return f"tcp/{self.port}"


USUAL_BROKERS = (Broker(1883, tls=False), Broker(8883, tls=True))
"""The ports of IANA's registry: mqtt and secure-mqtt."""


def brokers_of(services: Iterable[Service]) -> tuple[Broker, ...]:
    """Return the declared brokers, and the usual ports of MQTT."""
    declared = {one.port: Broker(one.port, one.tls) for one in services if one.protocol == "mqtt"}
    return (*declared.values(), *(broker for broker in USUAL_BROKERS if broker.port not in declared))


@dataclass
class MqttDoor:
    """Logins on a broker; `interface` is the declared service. Implements `drivers.guessing.logins.Door`."""

    target: Target
    broker: Broker
    interface: str
    _level: int = field(default=V311, init=False)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once: SEEN is a CONNACK that accepts, REFUSED one that names user, password or authorization.

        A server that is busy, a ban and a time-out are SILENT. Raises BenchError only where this machine cannot send.
        """
        return _attempt(*self.connect(user, password))

    def knock(self) -> Knock:
        """See whether a broker answers CONNECT here."""
        talk, came = self.connect("admin", secrets.token_urlsafe(12))
        attempt = _attempt(talk, came)
        answered = came.code is not None
        kind = Answer.SEEN if answered else attempt.answer
        return Knock(kind, attempt.detail, connected=attempt.connected, answered=answered)

    def connect(self, user: str | None, password: str = "") -> tuple[Conversation, BrokerAnswers]:
        """Connect once, with this user or without one, and subscribe to `#`; again in MQTT 5 where that is wanted."""
        talk, came = self._connect(user, password)
        if came.code in _VERSIONS and self._level == V311:
            self._level = V5
            talk, came = self._connect(user, password)
        return talk, came

    def _connect(self, user: str | None, password: str) -> tuple[Conversation, BrokerAnswers]:
        level = self._level

        def enough(heard: bytes) -> bool:
            came = answers(heard, level)
            return came.code is not None and (came.code != 0 or came.subscribed is not None)

        speak = converse_tls if self.broker.tls else converse
        talk = speak(self.target, self.broker.port, connect(level, user, password) + subscribe(level), enough)
        return talk, answers(talk.heard, level)


def told(code: int) -> LoginAttempt:
    """Say what the code of a CONNACK means."""
    if code == 0:
        return LoginAttempt(Answer.SEEN, "CONNACK: accepted")
    words = f"CONNACK: {CODES.get(code, 'code')} ({code:#04x})"
    return LoginAttempt(Answer.REFUSED if code in _REFUSALS else Answer.SILENT, words)


def _attempt(talk: Conversation, came: BrokerAnswers) -> LoginAttempt:
    if came.code is not None:
        return told(came.code)
    if talk.connected is not Answer.SEEN:
        detail = "connection refused" if talk.connected is Answer.REFUSED else "no answer to connect()"
        return LoginAttempt(talk.connected, detail, unanswered=True, connected=False)
    if "CERTIFICATE_REQUIRED" in talk.problem.upper():
        return LoginAttempt(Answer.REFUSED, "TLS alert: a client certificate is required")
    if talk.heard[:1] and talk.heard[:1] not in _FIRST:
        return LoginAttempt(Answer.REFUSED, f"something other than MQTT answered: {printable(talk.heard, _SHOWN)}")
    shown = printable(talk.problem or talk.heard, _SHOWN) or "nothing"
    return LoginAttempt(Answer.SILENT, f"no CONNACK arrived: {shown} ({talk.end})", unanswered=not talk.heard)


@dataclass(frozen=True)
class Control:
    """A valid login of a declared broker."""

    door: MqttDoor
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class AskBrokers:
    """Connect to each broker without a user, and subscribe to `#`; facts are about `tcp/N`.

    SEEN is a granted subscription, REFUSED a CONNACK that asks for a login, a SUBACK that says no, or an RST. Witness:
    the canary connected before and after; where a broker is declared, the valid login got in, and the time did not run
    out without it. Whether a session may publish is asked in `mqtt_topics.py`.
    """

    target: Target
    brokers: tuple[Broker, ...]
    canary: int | None
    control: Control | None = None

    @property
    def name(self) -> str:
        """One observation a target."""
        return "mqtt_anonymous"

    def run(self, record: Recorder) -> Observation:
        """Ask each; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        facts, witnesses, left_open = [], list[Witness](), dict[str, str]()
        for broker in self.brokers:
            try:
                fact, doubt = self._ask(broker, record)
            except NotForwardedError as error:
                fact, doubt = Fact(about=broker.about, answer=Answer.SILENT, detail=error.words), error.words
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
            facts.append(fact)
            left_open |= {fact.about: doubt} if doubt else {}
        if self.control is not None:
            witnesses.append(self._control(self.control, record))
        witnesses.append(canary.witness())
        return Observation(
            question=f"Does one of {len(facts)} MQTT ports accept anonymous clients?",
            facts=tuple(facts),
            witness=all_of(witnesses),
            left_open=left_open,
        )

    def _ask(self, broker: Broker, record: Recorder) -> tuple[Fact, str]:
        """Probe one broker. Also return the reason that leaves the fact open."""
        declared = self.control is not None and self.control.door.broker == broker
        for left in reversed(range(ATTEMPTS if declared else 1)):
            talk, came = MqttDoor(self.target, broker, broker.about).connect(None)
            if talk.heard or talk.end != ConversationEnd.TIME:
                break
            record.note(f"{broker.about}: no answer, {left} attempts are left")
        if talk.heard:
            record.keep(f"tcp-{broker.port}.bin", talk.heard)
        if came.code != 0:
            attempt = _attempt(talk, came)
            open_ = came.code is not None or (declared and talk.end == ConversationEnd.TIME)
            doubt = attempt.detail if open_ and attempt.answer is Answer.SILENT else ""
            asked = asked_at(broker.about, SESSION, connected=attempt.connected)
            return Fact(about=broker.about, answer=attempt.answer, detail=attempt.detail, asked=asked), doubt
        if came.subscribed or came.topic is not None:
            topic = f", which delivered {printable(came.topic, _SHOWN)}" if came.topic is not None else ""
            return Fact(
                about=broker.about, answer=Answer.SEEN, detail=f"a subscription to # without a login was granted{topic}"
            ), ""
        if came.subscribed is False:
            detail = "a session without a login, but the subscription to # is refused"
            return Fact(about=broker.about, answer=Answer.REFUSED, detail=detail), ""
        detail = "a session without a login, but no SUBACK arrived"
        return Fact(about=broker.about, answer=Answer.SILENT, detail=detail), detail

    def _control(self, control: Control, record: Recorder) -> Witness:
        try:
            attempt = control.door.attempt(control.user, control.password)
        except NotForwardedError as error:
            return condition(error.words, holds=False)
        record.note(f"control: the valid login of {control.user} -> {attempt.answer}: {attempt.detail}")
        holds = attempt.answer is Answer.SEEN
        words = "succeeded" if holds else f"did not succeed ({attempt.answer}: {attempt.detail})"
        what = f"the valid login of {control.user} on {control.door.interface} {words}"
        return Witness(what=what, holds=holds, asked=Asked(door=control.door.broker.about, shape=SESSION))


@dataclass(frozen=True)
class _Knock:
    """What a port said to a nonsense password. Nothing was sent if it is not forwarded."""

    door: MqttDoor
    nonsense: LoginAttempt
    forwarded: bool

    @property
    def is_broker(self) -> bool:
        """Whether a broker answered."""
        return self.nonsense.detail.startswith("CONNACK")


@dataclass(frozen=True)
class GuessUndeclaredBroker:
    """Try each pair on brokers that nobody declared, so that no valid login is known.

    A port that refuses the connection refuses every pair. Where a broker answers, each pair needs its own CONNACK: its
    silence proves nothing. The refusals of one broker prove nothing about another port that is open and silent. The
    canary is the witness for ports that accept no connection.
    """

    target: Target
    pairs: tuple[Pair, ...]
    canary: int | None
    brokers: tuple[Broker, ...] = USUAL_BROKERS

    @property
    def name(self) -> str:
        """One observation a target."""
        return "guess_logins.mqtt"

    def run(self, record: Recorder) -> Guesses:
        """Guess; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        knocks = [self._knock(broker, record) for broker in self.brokers]
        found = [knock.door for knock in knocks if knock.is_broker]
        silent = [knock for knock in knocks if not knock.is_broker and knock.nonsense.answer is Answer.SILENT]
        mute = next((knock.door for knock in silent if knock.nonsense.connected), None)
        unasked = [condition(knock.nonsense.detail, holds=False) for knock in silent if not knock.forwarded]
        anything = any(knock.is_broker and knock.nonsense.answer is Answer.SEEN for knock in knocks)
        asked = asked_at(mute.interface if mute else "", SESSION, connected=mute is not None)
        words = "; ".join(f"{knock.door.interface}: {knock.nonsense.detail}" for knock in knocks)
        answer = Answer.SILENT if silent else Answer.REFUSED
        facts = [Fact(about=pair.about, answer=answer, detail=words, asked=asked) for pair in self.pairs]
        if found:
            guessed = self._guess_all(found, anything, record)
            # a port that says nothing is a door as well: what another one refuses proves nothing about it
            facts = [
                known if one.answer is Answer.REFUSED and mute else one
                for one, known in zip(guessed, facts, strict=True)
            ]
        witnesses = [canary.witness(), *unasked] if silent or not found else []
        return Guesses(
            question=f"Does an MQTT broker accept one of {len(self.pairs)} well-known credentials?",
            facts=tuple(facts),
            witness=all_of(witnesses) if witnesses else None,
            interface="mqtt",
            accepts_anything=anything,
            derived=tuple(pair.about for pair in self.pairs if pair.origin == DERIVED),
        )

    def _knock(self, broker: Broker, record: Recorder) -> "_Knock":
        """Try a password that nobody can know."""
        door, forwarded = MqttDoor(self.target, broker, broker.about), True
        try:
            nonsense = door.attempt("admin", secrets.token_urlsafe(12))
        except NotForwardedError as error:
            nonsense, forwarded = LoginAttempt(Answer.SILENT, error.words, connected=False), False
        record.note(f"{broker.about}: a nonsense password -> {nonsense.answer}: {nonsense.detail}")
        return _Knock(door, nonsense, forwarded)

    def _guess_all(self, doors: Sequence[MqttDoor], anything: bool, record: Recorder) -> list[Fact]:
        """Try each pair on each broker; where one takes anything, one pair of each user shows it."""
        shown = {pair.user: pair for pair in self.pairs} if anything else {}
        facts = []
        for done, pair in enumerate(self.pairs):
            record.progress(done, len(self.pairs), f"mqtt: {pair.user}")
            if shown and shown[pair.user] is not pair:
                detail = "not tested: the broker accepts any password"
                facts.append(Fact(about=pair.about, answer=Answer.SILENT, detail=detail))
                continue
            attempts = [door.attempt(pair.user, pair.password) for door in doors]
            order = (Answer.SEEN, Answer.SILENT, Answer.REFUSED)
            attempt = min(attempts, key=lambda one: order.index(one.judged))
            record.note(f"{pair.about} -> {attempt.judged}: {attempt.detail}")
            facts.append(Fact(about=pair.about, answer=attempt.judged, detail=attempt.detail))
        return facts
