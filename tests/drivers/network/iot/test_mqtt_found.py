"""MQTT on ports that nobody declared, with wsproto as the server of WebSockets and a broker of the tests behind it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, Request

from drivers.network.iot.mqtt_found import AskFoundBrokers
from drivers.network.logins.mqtt import Broker as Port
from drivers.network.logins.mqtt_packets import V5
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.logins.mqtt_broker import Broker
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Fact

TARGET = Target(NetworkBench(address="127.0.0.1"))


@contextmanager
def over_websocket(
    broker: Broker | None, path: str = "/mqtt", chosen: str | None = "mqtt", status: int = 404
) -> Iterator[int]:
    """Serve a broker over WebSocket on one path; without a broker, nothing is said there."""

    def serve(connection: socket.socket) -> None:
        connection.settimeout(5)
        peer = WSConnection(ConnectionType.SERVER)
        peer.receive_data(connection.recv(4_096))
        request = next(iter(peer.events()))
        assert isinstance(request, Request)
        if request.target != path:
            connection.sendall(peer.send(RejectConnection(status_code=status)))
            return
        assert "mqtt" in request.subprotocols
        connection.sendall(peer.send(AcceptConnection(subprotocol=chosen)))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if broker is not None:
                threading.Thread(target=talk, args=(broker, theirs), daemon=True).start()
                threading.Thread(target=forward, args=(ours, connection, peer), daemon=True).start()
            with suppress(OSError):
                while data := connection.recv(4_096):
                    peer.receive_data(data)
                    for event in peer.events():
                        if isinstance(event, BytesMessage):
                            ours.sendall(event.data)

    with tcp_server(serve) as port:
        yield port


def talk(broker: Broker, client: socket.socket) -> None:
    with suppress(OSError):
        broker(client)
        client.shutdown(socket.SHUT_RDWR)


def forward(ours: socket.socket, connection: socket.socket, peer: WSConnection) -> None:
    with suppress(OSError):
        while data := ours.recv(4_096):
            connection.sendall(peer.send(BytesMessage(data)))
        connection.sendall(peer.send(CloseConnection(code=1000)))


def ask(port: int) -> Fact:
    return AskFoundBrokers(TARGET, (), (Port(port, tls=False),)).run(MemoryRecorder()).facts[0]


@pytest.mark.parametrize("level", [4, V5])
@pytest.mark.parametrize("path", ["/", "/mqtt", "/ws"])
def test_a_broker_over_websocket_that_lets_anybody_in_is_seen(path: str, level: int) -> None:
    with over_websocket(Broker(anonymous=True, level=level), path) as port:
        fact = ask(port)
    assert fact.answer is Answer.SEEN
    assert fact.detail == f"over WebSocket {path}: a subscription to # without a login was granted"


def test_a_broker_over_websocket_that_requires_a_login_refuses() -> None:
    with over_websocket(Broker(accounts={"admin": "x"})) as port:
        assert ask(port).answer is Answer.REFUSED


def test_a_websocket_of_another_protocol_is_no_broker() -> None:
    with over_websocket(None, chosen=None) as port:
        assert ask(port).answer is Answer.REFUSED


def test_a_websocket_that_agrees_to_mqtt_and_says_nothing_leaves_the_question_open() -> None:
    with over_websocket(None) as port:
        fact = ask(port)
    assert fact.answer is Answer.SILENT
    assert "no CONNACK arrived" in fact.detail


@pytest.mark.parametrize(("status", "answer"), [(200, "refused"), (404, "refused"), (501, "refused"), (503, "silent")])
def test_a_web_server_without_websockets_refuses(status: int, answer: str) -> None:
    with over_websocket(None, "/nowhere", status=status) as port:
        fact = ask(port)
    assert fact.answer == answer
    assert str(status) in fact.detail


@pytest.mark.parametrize(("anonymous", "answer"), [(True, Answer.SEEN), (False, Answer.REFUSED)])
def test_a_broker_on_an_unusual_port_is_asked_over_tcp(anonymous: bool, answer: Answer) -> None:
    with tcp_server(Broker(anonymous=anonymous, accounts={"admin": "x"})) as port:
        seen = AskFoundBrokers(TARGET, (Port(port, tls=False),), ()).run(MemoryRecorder())
    assert [fact.answer for fact in seen.facts] == [answer]
