"""Messages of a component over MQTT: published as the user or with the certificate that was paired, or otherwise.

A broker of 3.1.1 acknowledges what it drops: only a message that is delivered, or shows elsewhere, was taken.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drivers.network.iot.unpaired import MessageReply, Stranger, UnreadableError, alike
from drivers.network.logins.mqtt import Broker
from drivers.network.logins.mqtt_packets import messages
from drivers.network.logins.mqtt_session import NOBODY, MqttSession, NoSessionError, Who, session
from drivers.network.peer_certificate import foreign
from drivers.network.target import Target
from trustprobe.probe import Answer

_REFUSAL = 0x80
_LOOK_SECONDS = 0.02
"""What was delivered already is read within this."""


@dataclass(frozen=True)
class MqttTalker:
    """Publishes on a topic."""

    target: Target
    broker: Broker
    topic: str
    who: Who

    def paired(self, payload: bytes) -> MessageReply:
        """Publish as the component."""
        return self._say(self.who, payload)

    def strangers(self, folder: Path) -> tuple[Stranger, ...]:
        """Return who names no user, a made-up one, or the component's with another password or certificate."""
        who = self.who
        made_up = Who(alike(who.user or "sensor"), alike(who.password or "0" * 16))
        others = {"without a user": NOBODY, "a made-up user": made_up}
        if who.user is not None and who.certificate is None:
            others["the paired user with another password"] = Who(who.user, alike(who.password))
        if who.certificate is not None:
            password = "" if who.user is None else alike(who.password)
            made = foreign(who.certificate, folder)
            others["a certificate of another CA with the paired name"] = Who(who.user, password, made)
        return tuple(Stranger(label, partial(self._say, one)) for label, one in others.items())

    def _say(self, who: Who, payload: bytes) -> MessageReply:
        try:
            with session(self.target, self.broker, who) as held:
                code = held.publish(self.topic, payload)
        except NoSessionError as error:
            return MessageReply(error.attempt.answer, error.attempt.detail)
        if code is None:
            return MessageReply(Answer.SILENT, "no PUBACK arrived")
        return MessageReply(Answer.REFUSED if code >= _REFUSAL else Answer.SILENT, f"PUBACK {code:#04x}")


@dataclass(frozen=True)
class MqttWindow:
    """A topic that somebody may hear."""

    target: Target
    broker: Broker
    topic: str
    who: Who
    reader: str

    @property
    def name(self) -> str:
        """Its name in observations."""
        return f"{self.topic} of {self.reader}"

    def close(self) -> None:
        """Hold nothing: each look has a session of its own."""

    @contextmanager
    def watch(self) -> Iterator["_Subscription"]:
        """Subscribe; UnreadableError where the broker does not let."""
        try:
            with session(self.target, self.broker, self.who) as held:
                if not held.subscribe(self.topic):
                    raise UnreadableError(f"the subscription to {self.name} was not granted")
                yield _Subscription(held)
        except NoSessionError as error:
            raise UnreadableError(f"{self.reader} cannot open a session: {error.attempt.detail}") from error


@dataclass(frozen=True)
class _Subscription:
    held: MqttSession

    def shows(self, reading: re.Pattern[str], seconds: float) -> bool:
        level = self.held.level

        def came(heard: bytes) -> bool:
            return any(reading.search(body.decode("utf-8", "replace")) for _, body in messages(heard, level))

        if self.held.until(came, max(seconds, _LOOK_SECONDS)):
            return True
        if self.held.over:
            raise UnreadableError("the reader's session ended, or received too much data")
        return False
