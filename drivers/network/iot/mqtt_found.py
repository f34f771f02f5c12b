"""MQTT brokers that the sweep found on other ports than the declared and the usual ones, over WebSocket as well.

MQTT over WebSocket is in clause 6 of MQTT 5 and MQTT 3.1.1: binary messages of the subprotocol `mqtt`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from drivers.network.logins.mqtt import Broker, MqttDoor, told
from drivers.network.logins.mqtt_packets import V5, V311, BrokerAnswers, answers, connect, subscribe
from drivers.network.target import Target
from drivers.network.web.transport.client import WebClient
from drivers.network.web.transport.websocket import Listener, NotOpened, refused_as_an_upgrade
from lab_config.component import Service, Transport
from trustprobe.probe import Answer, Fact, Observation, Recorder, printable

PATHS = ("/", "/mqtt", "/ws")
"""The paths at which mosquitto, EMQX, HiveMQ, RabbitMQ and VerneMQ serve MQTT."""
SUBPROTOCOLS = ("mqtt", "mqttv3.1")
SECONDS = 3.0
_NOT_SUPPORTED = re.compile(r"HTTP/1\.[01] 50[015]")
"""A server that fails at the upgrade (RFC 9110 clauses 15.6.1, 15.6.2, 15.6.6). Others may succeed later."""
_VERSIONS = {1, 0x84}
_SHOWN = 80
Outcome = tuple[Answer, str]


@dataclass(frozen=True)
class AskFoundBrokers:
    """Connect without a user to brokers, and to WebSockets that may carry MQTT; subscribe to `#`.

    Facts are about `tcp/N`. SEEN is a session that was granted, REFUSED a CONNACK that asks for a login, and a server
    that opens no WebSocket of MQTT.
    """

    target: Target
    brokers: tuple[Broker, ...]
    servers: tuple[Broker, ...]
    """Ports that speak HTTP, which a WebSocket opens with."""

    @property
    def name(self) -> str:
        """One observation a target."""
        return "mqtt6_found" if ":" in self.target.address else "mqtt_found"

    def run(self, record: Recorder) -> Observation:
        """Ask each; BenchError when this machine cannot send."""
        outcomes = {one.about: self._over_tcp(one) for one in self.brokers}
        outcomes |= {one.about: self._over_websocket(one, record) for one in self.servers}
        facts = [Fact(about=about, answer=answer, detail=detail) for about, (answer, detail) in outcomes.items()]
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        return Observation(
            question=f"Does one of {len(facts)} open ports carry MQTT for anonymous clients?", facts=tuple(facts)
        )

    def _over_tcp(self, broker: Broker) -> Outcome:
        talk, came = MqttDoor(self.target, broker, broker.about).connect(None)
        return granted(came) or (Answer.SILENT, f"no CONNACK arrived: {printable(talk.heard, _SHOWN) or talk.end}")

    def _over_websocket(self, server: Broker, record: Recorder) -> Outcome:
        outcomes = []
        for path in PATHS:
            answer, detail = ask_over_websocket(self.target, server, path)
            record.note(f"{server.about} {path} -> {answer}: {detail}")
            outcomes.append((answer, f"over WebSocket {path}: {detail}"))
        order = (Answer.SEEN, Answer.SILENT, Answer.REFUSED)
        return min(outcomes, key=lambda outcome: order.index(outcome[0]))


def ask_over_websocket(target: Target, server: Broker, path: str) -> Outcome:
    """Open a WebSocket of MQTT without a user, in 3.1.1 and where a broker wants it in 5."""
    code: int | None = None
    for level in (V311, V5):
        outcome, code = _connected(target, server, path, level)
        if code not in _VERSIONS:
            break
    return outcome


def _connected(target: Target, server: Broker, path: str, level: int) -> tuple[Outcome, int | None]:
    fields = {"id": "broker", "transport": Transport.TCP, "port": server.port, "protocol": "http", "tls": server.tls}
    client = WebClient(target, Service.model_validate(fields | {"purpose": "MQTT over WebSocket"}))
    listener = Listener.ask(client, path, {"Sec-WebSocket-Protocol": ", ".join(SUBPROTOCOLS)})
    if isinstance(listener, NotOpened):
        refused = _NOT_SUPPORTED.match(listener.detail) is not None
        if not refused:
            listener = refused_as_an_upgrade(client, path, listener)
            refused = listener.answer is Answer.REFUSED
        return (Answer.REFUSED if refused else Answer.SILENT, f"no WebSocket: {listener.detail}"), None
    try:
        listener.say_binary(connect(level, None))
        heard, came = _heard(listener, level, lambda one: one.code is not None)
        if came.code == 0:
            listener.say_binary(subscribe(level))
            heard, came = _heard(listener, level, lambda one: one.subscribed is not None)
        if (outcome := granted(came)) is not None:
            return outcome, came.code
        if listener.subprotocol not in SUBPROTOCOLS:
            return (Answer.REFUSED, "a WebSocket that does not agree to the subprotocol mqtt"), None
        if (goodbye := listener.goodbye) is not None:
            return (Answer.REFUSED, goodbye), None
        return (Answer.SILENT, f"no CONNACK arrived: {printable(heard, _SHOWN) or 'nothing'}"), None
    finally:
        listener.close()


def _heard(listener: Listener, level: int, enough: Callable[[BrokerAnswers], bool]) -> tuple[bytes, BrokerAnswers]:
    def octets() -> bytes:
        return "".join(listener.messages()).encode("latin-1", "replace")

    listener.wait(lambda _: enough(answers(octets(), level)), SECONDS)
    return octets(), answers(octets(), level)


def granted(came: BrokerAnswers) -> Outcome | None:
    """Say what a broker granted to a client without a user; None if it sent no CONNACK."""
    if came.code is None:
        return None
    if came.code != 0:
        attempt = told(came.code)
        return attempt.answer, attempt.detail
    if came.subscribed or came.topic is not None:
        return Answer.SEEN, "a subscription to # without a login was granted"
    if came.subscribed is False:
        return Answer.REFUSED, "a session without a login, but the subscription to # is refused"
    return Answer.SILENT, "a session without a login, but no SUBACK arrived"
