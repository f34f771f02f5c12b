"""What brings malformed messages to the device, and the healthy controls that go the same way before one is blamed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drivers.network.malformed.messages.message import Message
from drivers.network.malformed.sending.delivery import Reaction
from trustprobe.probe import Witness

HEALTHY = "a healthy request"
HALF = "half of a healthy request"


@dataclass(frozen=True)
class HealthyControl:
    """Something without a malformed part, sent and abandoned as the malformed messages were."""

    about: str
    """What is sent, in words: `half of a healthy request`."""
    send: Callable[[], Sequence[Reaction]]
    blocks_after: str = ""
    """What the service blocks after if this control blocks it: `half-sent request`. Empty for a whole request."""
    cut_off: bool = False
    """Whether the octets end too early: a service that this stops for good has failed, though no message is named."""


@dataclass(frozen=True)
class Carrier:
    """What brings messages to the device, and how many of them go to one look at it."""

    deliver: Callable[[Message], Reaction]
    batch: int = 1
    together: bool = False
    """Whether the messages of a batch are sent at the same time, each on its own connection."""
    deliver_all: Callable[[Sequence[Message]], list[Reaction]] | None = None
    """What brings a batch to the device at once, in place of `deliver`."""
    reached: Callable[[], Witness] | None = None
    """Adds to the witness what only the messages' own way shows."""
    healthy: bytes = b""
    """A healthy request, which `deliver` can carry. It is the control before a message is blamed. Empty for none."""
    barred: Callable[[], str] = str
    """Returns the reason why no message may be sent; empty if there is none. It is called after a healthy request."""
    shaped: Callable[[Sequence[Message]], Sequence[HealthyControl]] | None = None
    """Returns the controls for messages whose shape is not that of `healthy`, the most complete first."""
    release: Callable[[], bool] | None = None
    """Ends the connections that messages left open, and returns whether there were any. None if none is left open."""

    def carry(self, batch: Sequence[Message]) -> list[Reaction]:
        """Bring a batch to the device."""
        if self.deliver_all is not None:
            return self.deliver_all(batch)
        if not self.together:
            return [self.deliver(message) for message in batch]
        with ThreadPoolExecutor(len(batch)) as pool:
            return list(pool.map(self.deliver, batch))

    def batches(self, messages: tuple[Message, ...]) -> Iterator[tuple[Message, ...]]:
        """Divide messages into batches."""
        for start in range(0, len(messages), self.batch):
            yield messages[start : start + self.batch]

    def let_go(self) -> bool:
        """End what earlier messages left open, so that it does not count against the next one. True if any was open."""
        return self.release is not None and self.release()

    def controls(self, batch: Sequence[Message]) -> Sequence[HealthyControl]:
        """Return the controls of the same shape and number as the messages; none if nothing healthy is known."""
        if self.shaped is not None:
            return self.shaped(batch)

        def send(octets: bytes, about: str) -> list[Reaction]:
            control = Message("control", octets, about)
            return self.carry([control] * len(batch)) if len(batch) > 1 else [self.deliver(control)]

        whole, half = self.healthy, self.healthy[: len(self.healthy) // 2]
        found = [HealthyControl(HEALTHY, lambda: send(whole, HEALTHY))] if whole else []
        if half:
            found.append(HealthyControl(HALF, lambda: send(half, HALF), "half-sent request", cut_off=True))
        return found
