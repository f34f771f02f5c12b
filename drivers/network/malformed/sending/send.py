"""The probe that sends one service malformed messages, and looks whether the service is still what it was.

The pass through the messages is in `round.py`, what counts as damage in `watch.py`.
"""

from dataclasses import dataclass
from functools import partial

from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.sending.delivery import Reaction, deliver
from drivers.network.malformed.sending.evidence import keep_all, keep_culprit
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import Carrier, MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.probe import Recorder

TOGETHER = 6
"""Messages on their way at the same time: a device that serves fewer connections gets the others alone."""


@dataclass(frozen=True)
class SendMalformed:
    """Send malformed messages of one layer to one service, with a healthy request after every few.

    Witness: the service answered before, and after each message.
    """

    target: Target
    service: Service
    way: DeliveryWay
    series: MessageSeries
    revival: Revival
    together: int = TOGETHER

    @property
    def name(self) -> str:
        """One observation a layer of a service."""
        return f"malformed.{self.service.id}-{self.series.layer}"

    def run(self, record: Recorder) -> MalformedInput:
        """Send them all, or until damage is proved; BenchError where this machine cannot send."""
        keep_all(record, self.service, self.way, self.series.messages)
        liveness = Liveness(self.target, self.service)
        carrier = Carrier(self._deliver, self.together, together=True)
        keep = partial(keep_culprit, record, self.service, self.way)
        with Watch(liveness, self.revival, record.note) as watch:
            return Round(watch.about, self.series, carrier, keep, watch, record).run()

    def _deliver(self, message: Message) -> Reaction:
        return deliver(self.target, self.service.port, self.way, message.data)
