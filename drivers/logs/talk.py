"""The collector as a server that talks: what the device's log does when it hears something where silence is due."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.logs.collector import Collector
from drivers.network.malformed.messages.answers_small import RAW
from drivers.network.malformed.messages.message import Message
from drivers.network.malformed.sending.delivery import Reaction
from trustprobe.errors import DeviceLostError


@dataclass
class TalkingCollector:
    """Implements `drivers.network.malformed.sending.answers.Peer`. `cause` makes the device log something."""

    collector: Collector
    cause: Callable[[], None]
    seconds: float
    """The longest time from an event to its record."""

    @property
    def about(self) -> str:
        """What the device sends there."""
        return "the client of the log collector"

    def answer(self, messages: Sequence[Message]) -> list[Reaction]:
        """Say one message after the other, each on a connection that stands."""
        return [self._say(message) for message in messages]

    def misses(self) -> str | None:
        """Cause a record, and wait for it; DeviceLostError where the device does not answer what causes it."""
        mark = self.collector.mark()
        self.cause()
        if self.collector.wait_for(lambda _: True, self.seconds, mark) is not None:
            return None
        return f"no record arrived at the collector within {self.seconds:g} s of an event"

    def _say(self, message: Message) -> Reaction:
        raw = message.name.startswith(RAW)
        if not self.collector.say(message.data, beside_tls=raw) and (missing := self._connected(message, raw)):
            return Reaction(False, b"", missing)
        return Reaction(True, b"", "sent on the connection of the log")

    def _connected(self, message: Message, raw: bool) -> str | None:
        """Wait for a connection, or cause an event to get one, and send the message on it."""
        before = len(self.collector.contacts())
        agreed = lambda: any(one.outcome == "agreed" for one in self.collector.contacts()[before:])  # noqa: E731
        if not self.collector.wait_for_any(agreed, min(1.0, self.seconds)):
            try:
                self.cause()
            except DeviceLostError as error:
                return f"the log has no connection: {error.what}"
            self.collector.wait_for_any(agreed, self.seconds)
        return None if self.collector.say(message.data, beside_tls=raw) else "the log has no connection"
