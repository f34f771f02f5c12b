import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.network import conversation
from drivers.network.conversation import Conversation, ConversationEnd
from drivers.network.logins import mqtt
from drivers.network.logins.mqtt import AskBrokers, Control, GuessUndeclaredBroker, MqttDoor, brokers_of
from drivers.network.logins.mqtt_packets import V5, V311, BrokerAnswers, answers, connect
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from tests.drivers.network.logins.mqtt_broker import Broker
from tests.drivers.network.loopback_servers import closed_port, require_client, tcp_server
from tests.drivers.network.tls.tls_servers import rsa_certificate
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.probe import Answer, Observation

TARGET = Target(NetworkBench(address="127.0.0.1"))
PAIRS = (Pair("admin", "admin", "general"), Pair("root", "", "general"), Pair("admin", "1234", "general"))
Handler = Callable[[socket.socket], None]


def ask(handler: Handler, control: tuple[str, str] | None = None) -> Observation:
    with tcp_server(handler) as port, tcp_server(lambda client: None) as canary:
        broker = mqtt.Broker(port, tls=False)
        valid = Control(MqttDoor(TARGET, broker, "events"), *control) if control else None
        return AskBrokers(TARGET, (broker,), canary, valid).run(MemoryRecorder())


def attempt(handler: Handler, user: str = "admin", password: str = "admin") -> LoginAttempt:
    with tcp_server(handler) as port:
        return MqttDoor(TARGET, mqtt.Broker(port, tls=False), "events").attempt(user, password)


@pytest.mark.parametrize("level", [V311, V5])
@pytest.mark.parametrize("retained", [False, True])
def test_a_subscription_without_a_login_is_seen(level: int, retained: bool) -> None:
    seen = ask(Broker(anonymous=True, level=level, retained=retained))
    (fact,) = seen.facts
    assert fact.answer is Answer.SEEN
    assert ("which delivered a/b" in fact.detail) is retained


def test_a_message_is_proof_where_no_suback_comes() -> None:
    (fact,) = ask(Broker(anonymous=True, retained=True, grant=None)).facts
    assert fact.answer is Answer.SEEN


@pytest.mark.parametrize("level", [V311, V5])
def test_a_broker_that_asks_for_a_login_refuses_in_its_own_bytes(level: int) -> None:
    refused = ask(Broker({"ops": "secret"}, level=level), ("ops", "secret"))
    assert refused.refused and refused.conclusive
    assert "not authorized" in refused.facts[0].detail


@pytest.mark.parametrize("grant", [0x80, 0x87])
def test_a_session_that_may_not_subscribe_is_refused(grant: int) -> None:
    refused = ask(Broker(anonymous=True, grant=grant))
    assert refused.refused and refused.conclusive


def test_a_session_without_an_answer_to_its_subscription_leaves_the_question_open() -> None:
    left = ask(Broker(anonymous=True, grant=None))
    assert left.silent and not left.conclusive


def test_a_refusal_counts_only_while_the_valid_login_gets_in() -> None:
    assert not ask(Broker({"ops": "secret"}), ("ops", "changed")).conclusive


def test_a_busy_broker_leaves_the_question_open() -> None:
    busy = ask(Broker(refusal=3))
    assert busy.silent and not busy.conclusive


@pytest.mark.parametrize(("unanswered", "answer"), [(1, Answer.SEEN), (mqtt.ATTEMPTS, Answer.SILENT)])
def test_a_declared_broker_that_lets_the_time_run_out_is_asked_again_and_its_silence_stays_open(
    unanswered: int, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, left = Broker({"ops": "secret"}, anonymous=True), [None] * unanswered
    waits, converse = iter([0.3] * unanswered), conversation.converse

    def briefly(*arguments: Any) -> Conversation:
        monkeypatch.setattr(conversation, "READ_SECONDS", next(waits, 10.0))  # an answer ends the longer ones
        return converse(*arguments)

    monkeypatch.setattr(mqtt, "converse", briefly)

    def late(client: socket.socket) -> None:
        if not left:
            broker(client)
            return
        client.settimeout(5)
        if client.recv(4096):  # a sweep of another test, which comes by and says nothing, is not one of these attempts
            left.pop()
            while client.recv(4096):
                pass

    asked = ask(late, ("ops", "secret"))
    assert asked.facts[0].answer is answer
    assert asked.conclusive is (answer is Answer.SEEN)


def test_a_closed_port_and_one_that_speaks_something_else_are_told_apart() -> None:
    with tcp_server(lambda client: client.sendall(b"SSH-2.0-x\r\n")) as other:
        brokers = (mqtt.Broker(closed_port(), tls=False), mqtt.Broker(other, tls=False))
        asked = AskBrokers(TARGET, brokers, other).run(MemoryRecorder())
    assert [fact.answer for fact in asked.facts] == [Answer.REFUSED, Answer.REFUSED]
    assert [fact.detail for fact in asked.facts] == [
        "connection refused",
        "something other than MQTT answered: SSH-2.0-x\\r\\n",
    ]
    assert asked.conclusive


@pytest.mark.parametrize("first", [b"\x20", b"\xe0\x02", b"\xf0\x01"])
def test_the_beginning_of_an_answer_in_mqtt_refuses_nothing(first: bytes) -> None:
    with tcp_server(lambda client: client.sendall(first)) as cut:
        asked = AskBrokers(TARGET, (mqtt.Broker(cut, tls=False),), cut).run(MemoryRecorder())
    assert [fact.answer for fact in asked.facts] == [Answer.SILENT]
    assert not asked.conclusive


def test_a_broker_that_is_not_there_says_nothing_to_a_login() -> None:
    refused = mqtt.MqttDoor(TARGET, mqtt.Broker(closed_port(), tls=False), "broker").attempt("admin", "right")
    assert (refused.answer, refused.unanswered) == (Answer.REFUSED, True)


@pytest.mark.parametrize("level", [V311, V5])
def test_a_login_is_told_from_a_refusal_in_both_versions(level: int) -> None:
    assert attempt(Broker({"admin": "admin"}, level=level)).answer is Answer.SEEN
    assert attempt(Broker({"admin": "other"}, level=level)).answer is Answer.REFUSED


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (1, Answer.SILENT),
        (2, Answer.SILENT),
        (3, Answer.SILENT),
        (4, Answer.REFUSED),
        (5, Answer.REFUSED),
        (0x86, Answer.REFUSED),
        (0x87, Answer.REFUSED),
        (0x8A, Answer.SILENT),
        (0x9F, Answer.SILENT),
        (0xFE, Answer.SILENT),
    ],
)
def test_only_codes_about_the_login_refuse_it(code: int, answer: Answer) -> None:
    assert attempt(Broker(refusal=code)).answer is answer


@pytest.mark.parametrize("say", [b"", b"\x20", b"\x20\x02\x05\0", b"\x20\xff\xff\xff\xff\xff"])
def test_what_is_no_connack_proves_nothing(say: bytes) -> None:
    assert attempt(lambda client: client.sendall(say)).answer is Answer.SILENT


def test_a_port_that_sends_everything_back_lets_nobody_in() -> None:
    assert attempt(lambda client: client.sendall(client.recv(4096))).answer is Answer.REFUSED


def test_a_broker_inside_tls_is_asked_there() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rsa_certificate().configure_cert(context)
    broker = Broker({"admin": "admin"})

    def serve(client: socket.socket) -> None:
        require_client(client)
        with context.wrap_socket(client, server_side=True) as inside:
            broker(_Buffered(inside))  # type: ignore[arg-type]

    with tcp_server(serve) as port:
        door = MqttDoor(TARGET, mqtt.Broker(port, tls=True), "events")
        assert door.attempt("admin", "admin").answer is Answer.SEEN
        assert door.attempt("admin", "wrong").answer is Answer.REFUSED


class _Buffered:
    """A TLS socket that reads as many octets as are asked for."""

    def __init__(self, inside: ssl.SSLSocket) -> None:
        self._inside = inside

    def recv(self, size: int, _flags: int = 0) -> bytes:
        data = b""
        while len(data) < size and (more := self._inside.recv(size - len(data))):
            data += more
        return data

    def sendall(self, data: bytes) -> None:
        self._inside.sendall(data)

    def settimeout(self, seconds: float) -> None:
        self._inside.settimeout(seconds)


def test_the_door_serves_the_guesses_of_every_interface() -> None:
    with tcp_server(Broker({"ops": "secret", "admin": "admin"})) as port:
        door = MqttDoor(TARGET, mqtt.Broker(port, tls=False), "events")
        guesses = GuessLogins(door, PAIRS, "ops", "secret").run(MemoryRecorder())
    assert guesses.seen == {"admin:admin"}
    assert guesses.refused == {"root:", "admin:1234"}
    assert guesses.conclusive


def undeclared(*ports: int, canary: int | None = None) -> Guesses:
    brokers = tuple(mqtt.Broker(port, tls=False) for port in ports)
    return GuessUndeclaredBroker(TARGET, PAIRS, canary, brokers).run(MemoryRecorder())


def test_an_undeclared_broker_is_guessed_at() -> None:
    with tcp_server(Broker({"admin": "admin"})) as port:
        guesses = undeclared(closed_port(), port)
    assert guesses.seen == {"admin:admin"}
    assert guesses.conclusive


def test_an_undeclared_broker_that_takes_anything_is_shown_by_one_guess_a_user() -> None:
    with tcp_server(Broker(anybody=True)) as port:
        guesses = undeclared(port)
    assert guesses.accepts_anything
    assert guesses.seen == {"root:", "admin:1234"}


def test_an_undeclared_broker_that_falls_silent_proves_nothing() -> None:
    broker, served = Broker(), []

    def serve(client: socket.socket) -> None:
        served.append(client)
        if len(served) < 3:
            broker(client)

    with tcp_server(serve) as port:
        assert not undeclared(port).conclusive


def test_a_broker_that_closes_its_port_after_the_first_guess_refuses_no_password() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                Broker()(connection)

        served = threading.Thread(target=serve)
        served.start()
        guesses = undeclared(listener.getsockname()[1])
        served.join(10)
    assert guesses.silent == {"admin:admin", "root:", "admin:1234"}
    assert not guesses.conclusive


def test_without_any_broker_every_guess_is_refused_by_the_closed_ports() -> None:
    with tcp_server(lambda client: None) as canary:
        guesses = undeclared(closed_port(), closed_port(), canary=canary)
    assert guesses.refused == {"admin:admin", "root:", "admin:1234"}
    assert guesses.conclusive


def test_a_canary_is_no_witness_for_an_open_port_that_says_nothing() -> None:
    with tcp_server(lambda client: None) as port:
        assert not undeclared(port, canary=port).conclusive


def test_what_one_broker_refuses_proves_nothing_about_an_open_port_that_says_nothing() -> None:
    with tcp_server(Broker()) as refusing, tcp_server(lambda client: None) as mute:
        guesses = undeclared(refusing, mute, canary=refusing)
    assert guesses.silent == {"admin:admin", "root:", "admin:1234"}
    assert not guesses.conclusive
    assert f"an MQTT session at tcp/{mute}" in guesses.unproven


def test_a_password_that_one_broker_accepts_is_seen_next_to_an_open_port_that_says_nothing() -> None:
    with tcp_server(Broker({"admin": "admin"})) as port, tcp_server(lambda client: None) as mute:
        guesses = undeclared(mute, port, canary=port)
    assert guesses.seen == {"admin:admin"}
    assert guesses.silent == {"root:", "admin:1234"}


def test_what_one_broker_refuses_proves_nothing_about_a_port_that_the_bench_does_not_forward() -> None:
    with tcp_server(Broker()) as port:
        target = Target(NetworkBench(address="127.0.0.1", port_map={f"tcp/{port}": port}))
        brokers = (mqtt.Broker(port, tls=False), mqtt.Broker(8883, tls=True))
        guesses = GuessUndeclaredBroker(target, PAIRS, port, brokers).run(MemoryRecorder())
    assert not guesses.conclusive
    assert "the bench forwards no tcp/8883 to the device" in guesses.unproven


@pytest.mark.parametrize("known", [False, True])
def test_a_port_that_accepts_no_connection_needs_the_canary_next_to_a_broker(
    known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tcp_server(Broker()) as port:
        filtered = closed_port()
        talk = conversation.converse

        def converse(target: Target, at: int, *arguments: object) -> Conversation:
            if at == filtered:
                return Conversation(Answer.SILENT, ConversationEnd.NOT_OPENED)
            return talk(target, at, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(mqtt, "converse", converse)
        guesses = undeclared(filtered, port, canary=port if known else None)
    assert guesses.refused == {"admin:admin", "root:", "admin:1234"}
    assert guesses.conclusive is known


def test_an_open_port_that_speaks_something_else_refuses_every_guess() -> None:
    with tcp_server(lambda client: client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")) as port:
        guesses = undeclared(port, canary=port)
    assert guesses.refused == {"admin:admin", "root:", "admin:1234"}
    assert guesses.conclusive


def test_declared_brokers_stand_in_for_the_usual_port() -> None:
    events = Service(id="events", transport=Transport.TCP, port=8883, protocol="mqtt", tls=True, purpose="to tell")
    more = Service(id="more", transport=Transport.TCP, port=9001, protocol="mqtt", purpose="to tell more")
    assert [one.about for one in brokers_of([events, more])] == ["tcp/8883", "tcp/9001", "tcp/1883"]


@pytest.mark.parametrize("level", [V311, V5])
def test_answers_cut_anywhere_are_understood_as_far_as_they_go(level: int) -> None:
    properties = b"" if level == V311 else b"\0"
    connack = b"\x20" + bytes([2 + len(properties)]) + b"\0\0" + properties
    suback = b"\x90" + bytes([3 + len(properties)]) + b"\0\1" + properties + b"\0"
    for end in range(len(connack)):
        assert answers(connack[:end], level) == BrokerAnswers()
    assert answers(connack + suback[:-1], level) == BrokerAnswers(0)
    assert answers(connack + suback, level) == BrokerAnswers(0, True)


def test_a_long_password_takes_two_octets_of_length() -> None:
    packet = connect(V311, "u", "p" * 200)
    assert packet[1] & 0x80 and len(packet) == 3 + (packet[1] & 0x7F | packet[2] << 7)
