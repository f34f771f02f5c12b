"""The probe that sends one service malformed messages, and looks whether the service is still what it was.

The pass through the messages is in `round.py`, what counts as damage in `watch.py`.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from drivers.network.datagram import group_of
from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.sending.carrier import Carrier
from drivers.network.malformed.sending.delivery import Reaction, deliver
from drivers.network.malformed.sending.evidence import keep_all, keep_culprit
from drivers.network.malformed.sending.group_frames import GroupWire
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.probe import Recorder, Witness, condition

TOGETHER = 6
"""Messages on their way at the same time: a device that serves fewer connections gets the others alone."""

AT_GROUP = "the service listens at its multicast group only, and nothing shows that our own frames reach it there"


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
        keep = partial(keep_culprit, record, self.service, self.way)
        with _Delivery(liveness, self.way) as delivery, Watch(liveness, self.revival, record.note) as watch:
            carrier = Carrier(
                delivery.deliver,
                self.together,
                together=True,
                healthy=liveness.healthy,
                barred=delivery.barred,
                reached=delivery.reached if self._may_be_at_group else None,
            )
            return Round(watch.about, self.series, carrier, keep, watch, record).run()

    @property
    def _may_be_at_group(self) -> bool:
        return self.way is DeliveryWay.UDP and group_of(self.service.port) is not None


class _Delivery:
    """Brings messages to a service: at its port, or in frames to its group if it answered there only."""

    def __init__(self, liveness: Liveness, way: DeliveryWay) -> None:
        self._liveness, self._way = liveness, way
        self._held = ExitStack()
        self._wire: GroupWire | None = None

    def __enter__(self) -> "_Delivery":
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def barred(self) -> str:
        """Return why no message can be sent; empty if it can."""
        if not self._liveness.at_group:
            return ""
        wire = GroupWire.open(self._liveness)
        if isinstance(wire, str):
            return f"{AT_GROUP}: {wire}"
        self._wire = self._held.enter_context(wire)
        return "" if wire.answers() else f"{AT_GROUP}: a healthy request in them got no answer"

    def deliver(self, message: Message) -> Reaction:
        """Send one message."""
        if self._wire is not None:
            return self._wire.send(message.data)
        return deliver(self._liveness.target, self._liveness.service.port, self._way, message.data)

    def reached(self) -> Witness:
        """State by which way the messages reached the service."""
        if self._wire is None:
            return condition("the messages were sent to its port", holds=True)
        held = self._wire.answers()
        words = "was answered before and after" if held else "was answered before, but not after"
        return condition(f"a healthy request to the group in our own frames {words}", holds=held)
