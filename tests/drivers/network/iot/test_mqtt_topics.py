import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from drivers.network.iot import mqtt_topics
from drivers.network.iot.mqtt_topics import AnyTopic, TopicAccess
from drivers.network.logins import mqtt_session
from drivers.network.logins.mqtt import Broker
from drivers.network.logins.mqtt_packets import V5, V311
from drivers.network.logins.mqtt_session import Who
from drivers.network.target import Target
from lab_config.base import Role
from lab_config.bench import NetworkBench
from lab_config.interfaces import MqttTopic
from tests.drivers.network.logins.mqtt_broker import read, text
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation

TARGET = Target(NetworkBench(address="127.0.0.1"))
ADMIN, VIEWER = Role.ADMINISTRATOR, Role.VIEWER
HEATING = MqttTopic(service="hub", topic="hub/heating", read=(ADMIN, VIEWER), write=(ADMIN,), harmless="{nonce}")
ALARM = MqttTopic(service="hub", topic="hub/alarm", read=(ADMIN,), write=(ADMIN,), harmless="{nonce}")
LOGINS = ((ADMIN, Who("admin", "secret")), (VIEWER, Who("viewer", "looking")))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes its time to answer."""
    monkeypatch.setattr(mqtt_session, "SECONDS", 5.0)


@dataclass
class Hub:
    """A broker that delivers. `reads` and `writes` hold who may do what: the user, or an empty name for nobody."""

    reads: set[tuple[str, str]] = field(default_factory=set)
    writes: set[tuple[str, str]] = field(default_factory=set)
    anonymous: bool = False
    level: int = V5
    grants: bool = False
    """Every subscription is granted, and served only where it may be (mosquitto)."""
    statistics: bool = False
    delays: float = 0.0
    """Seconds from a message to its delivery."""
    ignores: bool = False
    """A client without a login gets no CONNACK at all."""
    sessions: list[tuple[socket.socket, str, str]] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        kind, body = read(client)
        if kind != 0x10:
            return
        more = b"\0" if self.level == V5 else b""
        if body[6] != self.level:
            client.sendall(b"\x20\x02\0\1")
            return
        _, rest = text(body[10 + len(more) :])
        user = text(rest)[0] if body[7] & 0x80 else ""
        password = text(text(rest)[1])[0] if user else ""
        known = (user, password) in {("admin", "secret"), ("viewer", "looking")} if user else self.anonymous
        if self.ignores and not known:
            return
        client.sendall(b"\x20" + bytes([2 + len(more), 0, 0 if known else (0x87 if more else 5)]) + more)
        while known and (packet := read(client))[0]:
            self.take(client, user, packet[0], packet[1], more)

    def take(self, client: socket.socket, user: str, kind: int, body: bytes, more: bytes) -> None:
        if kind == 0x82:
            topic = text(body[2 + len(more) :])[0]
            may = (user, topic) in self.reads
            granted = may or self.grants
            if may:  # before it says so: who has read it may publish at once
                self.sessions.append((client, user, topic))
            client.sendall(b"\x90" + bytes([3 + len(more)]) + body[:2] + more + (b"\0" if granted else b"\x87"))
            if topic == "$SYS/#" and self.statistics:
                client.sendall(b"\x31" + bytes([8 + len(more)]) + b"\0\x05$SYS/" + more + b"1")
        elif kind == 0x32:
            name, rest = text(body)
            may = (user, name) in self.writes
            code = b"" if not more else (b"\0" if may else b"\x87")
            packet = body[: 2 + len(name)] + more + rest[2 + len(more) :]
            if not self.delays:  # before it says so: who has read it may stop listening soon
                self.deliver(name, packet, may)
            client.sendall(b"\x40" + bytes([2 + len(code)]) + rest[:2] + code)
            if self.delays:
                threading.Event().wait(self.delays)
                self.deliver(name, packet, may)

    def deliver(self, name: str, packet: bytes, may: bool) -> None:
        for other, _, topic in self.sessions:
            if may and topic == name:
                with suppress(OSError):  # some have gone
                    other.sendall(b"\x30" + bytes([len(packet)]) + packet)


@contextmanager
def serving(hub: Hub) -> Iterator[Broker]:
    """Serve each client in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def one(client: socket.socket) -> None:
            with client:
                try:
                    hub(client)
                except OSError:
                    return

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Broker(listener.getsockname()[1], tls=False)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def good(**more: object) -> Hub:
    """A broker that does what is declared."""
    return Hub(
        reads={("admin", "hub/heating"), ("viewer", "hub/heating"), ("admin", "hub/alarm")},
        writes={("admin", "hub/heating"), ("admin", "hub/alarm")},
        **more,  # type: ignore[arg-type]
    )


def ask(hub: Hub, *topics: MqttTopic) -> Observation:
    with serving(hub) as broker:
        return TopicAccess(TARGET, broker, "hub", topics or (HEATING, ALARM), LOGINS).run(MemoryRecorder())


def anybody(hub: Hub) -> Observation:
    with serving(hub) as broker, tcp_server(lambda client: None) as canary:
        seen = AnyTopic(TARGET, (broker,), canary).run(MemoryRecorder())
        renamed = [fact.model_copy(update={"about": fact.about.split(" ")[0]}) for fact in seen.facts]
        left_open = {about.split(" ")[0]: why for about, why in seen.left_open.items()}
        return seen.model_copy(update={"facts": tuple(renamed), "left_open": left_open})


@pytest.mark.parametrize("level", [V311, V5])
def test_a_hardened_broker_lets_nobody_beyond_the_declaration(level: int) -> None:
    seen = ask(good(level=level))
    assert not seen.seen
    assert seen.conclusive, seen.witness
    assert {"anonymous publish hub/heating", "anonymous subscribe hub/alarm"} <= seen.refused
    assert "viewer subscribe hub/alarm" in seen.refused


def test_a_slow_broker_is_given_as_much_time_as_it_takes_to_deliver_what_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt_topics, "DELIVERY_SECONDS", 0.05)
    hub = good(delays=0.5)
    hub.writes.add(("viewer", "hub/heating"))
    seen = ask(hub)
    assert "viewer publish hub/heating" in seen.seen
    assert seen.conclusive, seen.witness


def test_a_broker_that_becomes_slow_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_topics, "DELIVERY_SECONDS", 0.0)
    monkeypatch.setattr(mqtt_topics, "SLOWER", 0.0)
    seen = ask(good(level=V311))
    assert not seen.conclusive
    assert "others were awaited 0.0 s" in seen.unproven


@pytest.mark.parametrize("level", [V311, V5])
def test_a_viewer_who_may_write_is_seen_by_what_is_delivered(level: int) -> None:
    hub = good(level=level)
    hub.writes.add(("viewer", "hub/heating"))
    assert ask(hub).seen == {"viewer publish hub/heating"}


def test_a_viewer_who_hears_too_much_is_seen() -> None:
    hub = good()
    hub.reads.add(("viewer", "hub/alarm"))
    assert ask(hub).seen == {"viewer subscribe hub/alarm"}


def test_a_subscription_that_is_granted_and_never_served_is_no_access() -> None:
    seen = ask(good(grants=True))
    assert "viewer subscribe hub/alarm" in seen.silent
    assert seen.conclusive


def test_a_client_that_gets_no_session_is_not_proven_by_messages_that_are_delivered() -> None:
    seen = ask(good(ignores=True))
    assert "anonymous publish hub/heating" in seen.silent
    assert seen.witness and seen.witness.holds
    assert "No witness answered an MQTT session on hub/heating" in seen.unproven


def test_a_topic_that_authority_cannot_use_either_proves_nothing() -> None:
    hub = good()
    hub.writes.clear()
    assert not ask(hub).conclusive


def test_without_a_harmless_message_nothing_is_published_and_a_granted_subscription_stays_open() -> None:
    quiet = ALARM.model_copy(update={"harmless": None})
    seen = ask(good(grants=True), quiet)
    assert {fact.about for fact in seen.facts} == {"anonymous subscribe hub/alarm", "viewer subscribe hub/alarm"}
    assert not seen.about("viewer subscribe hub/alarm").conclusive
    assert seen.about("anonymous subscribe hub/alarm").conclusive


def test_a_broker_that_takes_messages_of_whoever_comes_is_seen_by_its_acknowledgement_in_version_5() -> None:
    class Everything(set[tuple[str, str]]):
        def __contains__(self, _: object) -> bool:
            return True

    seen = anybody(Hub(writes=Everything(), anonymous=True))
    assert seen.seen == {"publish"}
    assert "subscribe" in seen.refused


def test_an_acknowledgement_of_version_3_proves_nothing_and_a_delivery_does() -> None:
    class Everything(set[tuple[str, str]]):
        def __contains__(self, _: object) -> bool:
            return True

    dropped = anybody(Hub(anonymous=True, level=V311))
    assert "publish" in dropped.silent and not dropped.about("publish").conclusive
    delivered = anybody(Hub(Everything(), Everything(), anonymous=True, level=V311))
    assert "publish" in delivered.seen


def test_a_puback_that_says_no_is_a_refusal() -> None:
    assert anybody(Hub(anonymous=True)).refused == {"publish", "subscribe"}


def test_what_a_broker_tells_of_itself_is_seen_when_it_comes() -> None:
    seen = anybody(Hub(anonymous=True, grants=True, statistics=True))
    assert "subscribe" in seen.seen
    assert not anybody(Hub(anonymous=True, grants=True)).about("subscribe").conclusive


def test_a_broker_that_asks_for_a_login_and_a_closed_port_refuse() -> None:
    assert anybody(Hub()).refused == {"publish", "subscribe"}
    with tcp_server(lambda client: None) as canary:
        closed = AnyTopic(TARGET, (Broker(closed_port(), tls=False),), canary).run(MemoryRecorder())
    assert len(closed.refused) == 2


def test_a_port_that_sends_without_end_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_session, "READ_LIMIT", 10_000)
    with (
        tcp_server(lambda client: client.sendall(b"\x30\x7f" * 100_000)) as port,
        tcp_server(lambda client: None) as canary,
    ):
        seen = AnyTopic(TARGET, (Broker(port, tls=False),), canary).run(MemoryRecorder())
    assert len(seen.silent) == 2
