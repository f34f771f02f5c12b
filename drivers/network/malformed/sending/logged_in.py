"""The probe that sends malformed messages in a session that a valid login has opened: of MQTT, and of SSH."""

import contextlib
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import paramiko

from drivers.network.logins.mqtt_packets import V5, V311, answers, connect
from drivers.network.logins.ssh import SshDoor
from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.messages.mqtt import mqtt_publish
from drivers.network.malformed.sending.carrier import Carrier, HealthyControl
from drivers.network.malformed.sending.delivery import Reaction, deliver
from drivers.network.malformed.sending.evidence import keep_octets
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.target import Target
from lab_config.component import Service
from trustprobe.errors import BenchError
from trustprobe.probe import Recorder

BATCH = 8
_ABOUT_A_CHANNEL = range(93, 101)
"""Messages whose first field is the device's number of the channel (RFC 4254 clause 9): it is written in for zero."""
_PING = b"\xc0\x00"
"""PINGREQ (MQTT 3.1.1 clause 3.12)."""
_WINDOW = Message(
    "control", b"\x5d" + struct.pack("!II", 0, 1), "a window that grows by one octet (RFC 4254 clause 5.2)"
)
SETTLE_SECONDS = 0.02
"""How long a session is given to end after a message, before the next one is sent in it."""


class Session(Protocol):
    """What carries a message in a session. It is opened again if the device has ended it."""

    def deliver(self, message: Message) -> Reaction:
        """Send one message; not carried where the login did not get in."""

    def controls(self, batch: Sequence[Message]) -> Sequence[HealthyControl]:
        """Return healthy sessions that are abandoned as those of the messages are."""

    def close(self) -> bool:
        """End the session. True if one was open."""


@dataclass(frozen=True)
class SendInSession:
    """Send malformed messages in a session of a valid login. Witness: the login got in, and the service answered."""

    target: Target
    service: Service
    session: Session
    series: MessageSeries
    revival: Revival

    @property
    def name(self) -> str:
        """One observation a service."""
        return f"malformed.session-{self.service.id}"

    def run(self, record: Recorder) -> MalformedInput:
        """Send them all, or until damage is proved; BenchError where this machine cannot send."""
        keep = keep_octets(record, self.series.messages)
        liveness = Liveness(self.target, self.service)
        carrier = Carrier(self.session.deliver, BATCH, shaped=self.session.controls, release=self.session.close)
        with contextlib.closing(self.session), Watch(liveness, self.revival, record.note) as watch:
            return Round(f"{watch.about} after a login", self.series, carrier, keep, watch, record).run()


@dataclass
class LoggedInMqtt:
    """A connection for each message: an accepted CONNECT, and the message directly after it."""

    target: Target
    service: Service
    user: str
    password: str = field(repr=False)
    _level: int = V311

    def deliver(self, message: Message) -> Reaction:
        """Connect and send."""
        way = DeliveryWay.TLS if self.service.tls else DeliveryWay.TCP
        for level in dict.fromkeys((self._level, V311, V5)):
            octets = connect(level, self.user, self.password) + message.data
            reaction = deliver(self.target, self.service.port, way, octets)
            if answers(reaction.heard, level).code == 0:
                self._level = level
                return reaction
        return Reaction(False, reaction.heard, f"the login was not accepted: {reaction.words}")

    def controls(self, batch: Sequence[Message]) -> Sequence[HealthyControl]:
        """Return whole and half-sent packets after a login; every connection is closed after its packet."""

        def sending(octets: bytes) -> Callable[[], list[Reaction]]:
            return lambda: [self.deliver(Message("control", octets, "a control")) for _ in batch]

        published = mqtt_publish(b"tp/a")
        return (
            HealthyControl("a healthy packet after a login", sending(_PING)),
            HealthyControl(
                "half of a healthy packet after a login",
                sending(published[: len(published) // 2]),
                "half-sent packet",
                cut_off=True,
            ),
        )

    def close(self) -> bool:
        """Nothing is held open."""
        return False


@dataclass
class LoggedInSsh:
    """An SSH connection with an open session channel, kept while the device keeps it."""

    door: SshDoor
    user: str
    password: str = field(repr=False)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _channel: paramiko.Channel | None = None

    def deliver(self, message: Message) -> Reaction:
        """Send one payload, encrypted as any other."""
        try:
            channel = self._connected()
        except BenchError:
            raise
        except Exception as error:  # noqa: BLE001 - paramiko raises what its thread met: struct.error, ValueError ...
            self.close()
            return Reaction(False, b"", f"no session: {type(error).__name__}")
        transport, octets = channel.get_transport(), message.data
        if octets[0] in _ABOUT_A_CHANNEL and octets[1:5] == bytes(4):
            octets = octets[:1] + struct.pack("!I", channel.remote_chanid) + octets[5:]
        try:
            transport.packetizer.send_message(paramiko.Message(octets))
        except (OSError, EOFError, paramiko.SSHException) as error:
            self.close()
            return Reaction(True, b"", f"the device closed the connection while it was sent ({type(error).__name__})")
        end = time.monotonic() + SETTLE_SECONDS
        while transport.is_active() and time.monotonic() < end:
            transport.join(0.005)
        if transport.is_active():
            return Reaction(True, b"", "the session continues")
        self.close()
        return Reaction(True, b"", "the session was ended")

    def controls(self, batch: Sequence[Message]) -> Sequence[HealthyControl]:
        """Return sessions with a healthy message: one that is left open, and some that are closed."""

        def left_open() -> list[Reaction]:
            return [self.deliver(_WINDOW) for _ in batch]

        def closed() -> list[Reaction]:
            reactions = []
            for _ in batch:
                reactions.append(self.deliver(_WINDOW))
                self.close()
            return reactions

        return (
            HealthyControl("a healthy session that is left open", left_open, "session that is left open"),
            HealthyControl("a healthy session that is closed", closed, "session that is closed"),
        )

    def close(self) -> bool:
        """End the connection. True if one was open."""
        was_open, self._channel = self._channel is not None, None
        with contextlib.suppress(Exception):  # whatever paramiko met, the socket is closed
            self._open.close()
        return was_open

    def _connected(self) -> paramiko.Channel:
        """Return a channel of a session that stands; one that was closed by a message takes a new session."""
        if self._channel is None or self._channel.closed or not self._channel.get_transport().is_active():
            self.close()
            self._channel = self._open.enter_context(self.door.session(self.user, self.password))
        return self._channel
