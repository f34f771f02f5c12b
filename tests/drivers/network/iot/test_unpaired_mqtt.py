import re
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from drivers.network.iot import unpaired_mqtt
from drivers.network.iot.unpaired import AskUnpaired, UnreadableError
from drivers.network.iot.unpaired_mqtt import MqttTalker, MqttWindow
from drivers.network.logins import mqtt_session
from drivers.network.logins.mqtt import Broker
from drivers.network.logins.mqtt_packets import V5, V311
from drivers.network.logins.mqtt_session import Who
from drivers.network.peer_certificate import ClientCertificate
from tests.drivers.network.iot.test_mqtt_topics import TARGET, Hub, serving
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation

TOPIC = "hub/door"
SENSOR, READER = Who("admin", "secret"), Who("viewer", "looking")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes its time to answer."""
    monkeypatch.setattr(mqtt_session, "SECONDS", 5.0)


def good(**more: object) -> Hub:
    """A broker that lets its sensor publish, and a viewer hear it."""
    return Hub(reads={("viewer", TOPIC)}, writes={("admin", TOPIC)}, **more)  # type: ignore[arg-type]


def ask(broker: Broker, sensor: Who = SENSOR, reader: Who = READER) -> Observation:
    talker, window = MqttTalker(TARGET, broker, TOPIC, sensor), MqttWindow(TARGET, broker, TOPIC, reader, "viewer")
    return AskUnpaired("door", '{"open": "{nonce}"}', talker, window, 0.1).run(MemoryRecorder())


@pytest.mark.parametrize("level", [V311, V5])
def test_a_broker_that_knows_its_users_takes_nobody_elses_message(level: int) -> None:
    with serving(good(level=level)) as broker:
        seen = ask(broker)
    assert seen.conclusive, seen.witness
    assert len(seen.refused) == 3


@pytest.mark.parametrize("level", [V311, V5])
def test_a_message_without_a_user_that_is_delivered_was_taken(level: int) -> None:
    hub = good(level=level, anonymous=True)
    hub.writes.add(("", TOPIC))
    with serving(hub) as broker:
        seen = ask(broker)
    assert seen.seen == {"door: without a user"}


def test_an_acknowledgement_of_a_message_that_is_dropped_shows_nothing() -> None:
    with serving(good(level=V311, anonymous=True)) as broker:
        seen = ask(broker)
    assert seen.silent == {"door: without a user"} and seen.conclusive


def test_a_reader_who_may_not_hear_leaves_the_question_open() -> None:
    with serving(Hub(writes={("admin", TOPIC)})) as broker:
        seen = ask(broker)
    assert len(seen.silent) == 3 and not seen.conclusive


def test_a_reader_whose_session_ends_cannot_tell_what_shows() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(UnreadableError, match="session ended"):
            unpaired_mqtt._Subscription(mqtt_session.MqttSession(here, V311)).shows(re.compile("x"), 5.0)


class Whole:
    """A TLS socket that reads as many octets as are asked for, which recv() of one does not know."""

    def __init__(self, inside: ssl.SSLSocket) -> None:
        self.inside, self.sendall = inside, inside.sendall

    def recv(self, size: int, _flags: int = 0) -> bytes:
        data = b""
        while len(data) < size and (more := self.inside.recv(size - len(data))):
            data += more
        return data


class Inside:
    """A broker inside TLS that asks for a client certificate, and takes its name for the user."""

    def __init__(self, hub: Hub, context: ssl.SSLContext) -> None:
        self.hub, self.context = hub, context

    def __call__(self, client: socket.socket) -> None:
        inside = self.context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        with inside:
            try:
                inside.do_handshake()
            except ssl.SSLError:
                with suppress(OSError):
                    socket.socket.recv(inside, 65_536)  # what is unread would make an RST of the end
                return
            self.hub(Whole(inside))  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_another_ca_and_none_at_all_are_refused_by_an_alert(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ca.issue_cert("sensor.example").private_key_and_cert_chain_pem.write_to_path(tmp_path / "peer.pem")
    own = ClientCertificate(tmp_path / "peer.pem", tmp_path / "peer.pem")
    with serving(Inside(good(), context)) as clear:  # type: ignore[arg-type]
        broker = Broker(clear.port, tls=True)
        seen = ask(broker, Who("admin", "secret", own), Who("viewer", "looking", own))
    assert seen.conclusive, seen.witness
    assert len(seen.refused) == 3, seen.facts
    assert "ALERT" in seen.detail("door: a certificate of another CA with the paired name")


def test_a_broker_that_looks_at_no_certificate_is_seen(tmp_path: Path) -> None:
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.issue_cert("sensor.example").private_key_and_cert_chain_pem.write_to_path(tmp_path / "peer.pem")
    own = ClientCertificate(tmp_path / "peer.pem", tmp_path / "peer.pem")
    hub = good(anonymous=True)
    hub.writes.add(("", TOPIC))
    with serving(Inside(hub, context)) as clear:  # type: ignore[arg-type]
        seen = ask(Broker(clear.port, tls=True), Who(None, "", own), READER)
    assert seen.seen == {"door: without a user", "door: a certificate of another CA with the paired name"}
