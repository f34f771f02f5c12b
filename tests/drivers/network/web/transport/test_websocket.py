"""A WebSocket to listen at, with wsproto as the server that parses the handshake and frames, and builds them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Pong, Request, TextMessage

from drivers.network.target import Target
from drivers.network.web.transport.client import WebClient
from drivers.network.web.transport.websocket import FRAME_LIMIT, Listener, NotOpened, refused_as_an_upgrade
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server
from trustprobe.probe import Answer

SECONDS = 10.0


class Server:
    """One connection: what wsproto made of what the client said, and a way to say events or octets."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self.peer = connection, WSConnection(ConnectionType.SERVER)

    def heard(self) -> Event:
        """Return the next event."""
        while True:
            for event in self.peer.events():
                return event
            self.peer.receive_data(self.socket.recv(4_096) or None)

    def say(self, *events: Event) -> None:
        for event in events:
            self.socket.sendall(self.peer.send(event))


@contextmanager
def listening(talk: Callable[[Server], object]) -> Iterator[WebClient]:
    """Serve WebSockets by `talk`, which is called once the handshake is made."""

    def serve(connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        server = Server(connection)
        assert isinstance(server.heard(), Request)
        server.say(AcceptConnection())
        talk(server)
        connection.recv(1)

    with tcp_server(serve) as port:
        web = {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "tls": False, "purpose": "x"}
        yield WebClient(Target(NetworkBench(address="127.0.0.1")), Service.model_validate(web))


def opened(client: WebClient, say: str | None = None) -> Listener:
    listener = Listener.ask(client, "/events", say=say)
    assert not isinstance(listener, NotOpened), listener
    return listener


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=300), min_size=1, max_size=5))
def test_texts_that_wsproto_builds_are_heard(texts: list[str]) -> None:
    with listening(lambda server: server.say(*map(TextMessage, texts))) as client:
        listener = opened(client)
        listener.wait(lambda heard: len(heard) == len(texts), SECONDS)
        listener.close()
    assert list(listener.texts()) == texts


@pytest.mark.parametrize("size", [0, 125, 126, 127, 65_535])
def test_a_message_of_any_length_is_heard(size: int) -> None:
    with listening(lambda server: server.say(BytesMessage(b"x" * size))) as client:
        listener = opened(client)
        assert listener.heard(lambda message: len(message) == size, SECONDS) is not None
        listener.close()


def test_the_parts_of_a_message_are_one_and_a_ping_between_them_is_answered() -> None:
    answered: list[Event] = []

    def talk(server: Server) -> None:
        server.say(TextMessage("one, ", message_finished=False), Ping(b"there?"), TextMessage("two"))
        answered.append(server.heard())

    with listening(talk) as client:
        listener = opened(client)
        assert listener.heard("one, two".__eq__, SECONDS) == "one, two"
        listener.close()
    assert answered == [Pong(b"there?")]


@pytest.mark.parametrize("said", ["", "subscribe", "ü" * 100, "x" * 1_000], ids=len)
def test_wsproto_parses_what_is_said_first(said: str) -> None:
    heard: list[Event] = []
    with listening(lambda server: heard.append(server.heard())) as client:
        opened(client, say=said).close()
    assert heard == [TextMessage(said)]


def test_a_close_is_told_with_its_code_and_reason() -> None:
    with listening(lambda server: server.say(CloseConnection(1008, "log in"))) as client:
        listener = opened(client)
        listener.wait(lambda _: False, SECONDS)
        listener.close()
    assert listener.goodbye == "Close 1008 log in"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x81\x7e\x00\x05state", "state"),
        (b"\x81\x7f" + bytes(7) + b"\x05state", "state"),
        (b"\x81\x05caf\xe9!", "caf\ufffd!"),
        (b"\x88\x02\x03\xed", None),
    ],
    ids=["length in two octets", "length in eight octets", "Latin-1", "a close that is reserved"],
)
def test_what_wsproto_refuses_is_heard_from_a_careless_device(octets: bytes, text: str | None) -> None:
    """What a device sends to anonymous clients is seen, however it is framed: this is why wsproto does not parse it."""
    with listening(lambda server: server.socket.sendall(octets)) as client:
        listener = opened(client)
        listener.wait(bool, SECONDS)
        listener.close()
    assert listener.texts() == (() if text is None else (text,))
    assert listener.goodbye == (None if text else "Close 1005")
    strict = Connection(ConnectionType.CLIENT)
    strict.receive_data(octets)
    (event,) = strict.events()
    assert isinstance(event, CloseConnection) and event.code in {1002, 1007}, "by its own parser it ends here"


def test_a_frame_beyond_the_limit_ends_the_listening() -> None:
    with listening(lambda server: server.say(BytesMessage(b"x" * (FRAME_LIMIT + 1)), TextMessage("after"))) as client:
        listener = opened(client)
        listener.wait(bool, SECONDS)
        listener.close()
    assert listener.messages() == ()


@pytest.mark.parametrize(("answers_pages", "expected"), [(True, Answer.REFUSED), (False, Answer.SILENT)])
def test_a_close_after_an_upgrade_is_a_refusal_if_the_same_path_is_answered(
    answers_pages: bool, expected: Answer
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        head = connection.recv(4_096)
        if answers_pages and b"Upgrade: websocket" not in head:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with tcp_server(serve) as port:
        web = {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "tls": False, "purpose": "x"}
        client = WebClient(Target(NetworkBench(address="127.0.0.1")), Service.model_validate(web))
        opened = Listener.ask(client, "/ws")
        assert isinstance(opened, NotOpened) and opened.answer is Answer.SILENT
        assert refused_as_an_upgrade(client, "/ws", opened).answer is expected


@pytest.mark.parametrize(("page", "expected"), [(200, Answer.REFUSED), (404, Answer.REFUSED), (501, Answer.SILENT)])
def test_an_upgrade_that_is_not_implemented_is_a_refusal_if_the_page_is(page: int, expected: Answer) -> None:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        status = 501 if b"Upgrade: websocket" in connection.recv(4_096) else page
        connection.sendall(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)

    with tcp_server(serve) as port:
        web = {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "tls": False, "purpose": "x"}
        client = WebClient(Target(NetworkBench(address="127.0.0.1")), Service.model_validate(web))
        opened = Listener.ask(client, "/ws")
        assert isinstance(opened, NotOpened) and opened.answer is Answer.SILENT
        assert refused_as_an_upgrade(client, "/ws", opened).answer is expected


def test_what_is_answered_otherwise_stays_as_it_is() -> None:
    opened = NotOpened(Answer.SILENT, "TimeoutError: timed out")
    web = {"id": "web", "transport": "tcp", "port": 1, "protocol": "http", "tls": False, "purpose": "x"}
    client = WebClient(Target(NetworkBench(address="127.0.0.1")), Service.model_validate(web))
    assert refused_as_an_upgrade(client, "/ws", opened) is opened
