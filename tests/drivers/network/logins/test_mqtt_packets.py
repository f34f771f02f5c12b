"""MQTT packets of our own, with paho as the peer: what it builds for the same session is the same, and is parsed."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import select

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from drivers.network.logins.mqtt_packets import V5, V311, acknowledged, connect, messages, publish, subscribe

LEVELS = (V311, V5)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=40)
TOPICS = st.text("abcdefghijklmnopqrstuvwxyz/$_-", min_size=1, max_size=60)
CONNACK = {V311: b"\x20\x02\x00\x00", V5: b"\x20\x03\x00\x00\x00"}


class Peer:
    """A client of paho, and the broker's end of its connection."""

    def __init__(self, level: int, client: Client, broker: socket.socket) -> None:
        self.level, self.client, self.broker = level, client, broker
        self.got: list[MQTTMessage] = []
        client.on_message = lambda _client, _data, message: self.got.append(message)

    def said(self, enough: Callable[[bytes], object]) -> bytes:
        """Return what the client sends, until it is enough."""
        heard = b""
        while not enough(heard):
            more = self.broker.recv(65_536)
            assert more, f"paho hung up after {heard!r}"
            heard += more
        return heard

    def says(self, octets: bytes) -> bool:
        """Whether the client sends these octets next."""
        return self.said(lambda heard: len(heard) >= len(octets)) == octets

    def hear(self, octets: bytes) -> None:
        """Let the client parse what a broker says."""
        self.broker.sendall(octets)
        own = self.client.socket()
        assert own is not None and select([own], [], [], 10)[0]
        self.client.loop_read()


@contextmanager
def peer(level: int, identity: bytes = b"tp", user: str | None = None, password: str = "") -> Iterator[Peer]:
    client = Client(
        CallbackAPIVersion.VERSION2, identity.decode(), protocol=MQTTProtocolVersion(level), reconnect_on_failure=False
    )
    client.max_inflight_messages_set(0)  # without a limit: what it publishes is not acknowledged here
    if user is not None:
        client.username_pw_set(user, password)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client.connect("127.0.0.1", listener.getsockname()[1], keepalive=30)
        broker, _ = listener.accept()
    with broker:
        broker.settimeout(10)
        try:
            yield Peer(level, client, broker)
        finally:
            client.disconnect()


@pytest.fixture(scope="module", params=LEVELS)
def connected(request: pytest.FixtureRequest) -> Iterator[Peer]:
    with peer(request.param) as one:
        assert one.said(len)
        one.hear(CONNACK[one.level])
        yield one


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(LEVELS), st.one_of(st.none(), TEXTS), TEXTS)
def test_paho_connects_by_the_same_packet(level: int, user: str | None, password: str) -> None:
    own = connect(level, user, password)
    identity = own[own.index(b"\x00\x12tp") + 2 :][:18]
    with peer(level, identity, user, password) as one:
        assert one.says(own)


@settings(max_examples=20, deadline=None)
@given(topic=TOPICS, message=st.binary(max_size=300))
def test_paho_publishes_what_is_parsed_and_parses_what_is_published(
    connected: Peer, topic: str, message: bytes
) -> None:
    def delivered(heard: bytes) -> list[tuple[bytes, bytes]]:
        return messages(heard, connected.level)

    for quality in (0, 1):
        connected.client.publish(topic, message, qos=quality)
        assert delivered(connected.said(delivered)) == [(topic.encode(), message)]
    own = publish(connected.level, topic, message)
    connected.got.clear()
    connected.hear(own)
    assert [(one.topic, one.payload, one.qos, one.retain) for one in connected.got] == [(topic, message, 1, False)]
    connected.said(lambda heard: acknowledged(heard, connected.level) == 0)


@pytest.mark.parametrize("topic", ["#", "$SYS/#", "home/+/state"])
def test_paho_subscribes_by_the_same_packet(topic: str) -> None:
    for level in LEVELS:
        with peer(level) as one:
            assert one.said(len)
            one.hear(CONNACK[level])
            one.client.subscribe(topic)
            assert one.says(subscribe(level, topic))
