"""The probe that sends one service malformed messages, and looks whether the service is still what it was.

The pass through the messages is in `round.py`, what counts as damage in `watch.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from drivers.network.malformed.messages.message import Message, Way
from drivers.network.malformed.sending.delivery import Reaction, deliver
from drivers.network.malformed.sending.evidence import keep_all, keep_culprit
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Starts, Watch
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.probe import Recorder

TOGETHER = 6
"""Messages on their way at the same time: a device that serves fewer connections gets the others alone."""


@dataclass(frozen=True)
class SendMalformed:
    """Send malformed messages of one layer to one service, a healthy request behind every few.

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
    starts: Starts | None = None
    revive: Callable[[], None] | None = None
    together: int = TOGETHER

    @property
    def name(self) -> str:
        """One observation a layer of a service."""
        return f"malformed.{self.service.id}-{self.layer}"

    def run(self, record: Recorder) -> MalformedInput:
        """Send them all, or until damage is proved; BenchError where this machine cannot send."""
        keep_all(record, self.service, self.way, self.messages)
        liveness = Liveness(self.target, self.service)
        with Watch(liveness, self.others, self.comes_back, self.starts, self.revive, record.note) as watch:
            return Round(
                watch.about,
                self.layer,
                self.messages,
                self.seed,
                self._deliver,
                partial(keep_culprit, record, self.service, self.way),
                watch,
                record,
                self.together,
                together=True,
            ).run()

    def _deliver(self, message: Message) -> Reaction:
        return deliver(self.target, self.service.port, self.way, message.data)
