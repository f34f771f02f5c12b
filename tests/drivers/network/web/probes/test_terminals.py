import base64
import json
import socket
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request, TextMessage

from drivers.network.target import Target
from drivers.network.web.probes import terminals
from drivers.network.web.probes.terminals import terminal_of
from drivers.network.web.transport.client import WebAnswer
from drivers.network.web.transport.server import WebServer, undeclared_service
from lab_config.bench import NetworkBench
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.pages import SERVICE, Asked, Said, serving
from trustprobe.probe import Answer

TTYD = WebAnswer(200, {}, b"<html><head><title>ttyd - Terminal</title>")
GOTTY = WebAnswer(200, {}, b'<title>sh@box</title><script src="./js/gotty-bundle.js"></script>')
BOX = WebAnswer(200, {}, b'<script src="ShellInABox.js"></script>')
ANSWERS = [
    ("\x1b[?2004h/ # ", Answer.SEEN, "gives a shell to everybody: / #"),
    ("root@box:~# ", Answer.SEEN, "gives a shell"),
    ("top - 10:00 up 1 day", Answer.SEEN, "gives the output of a program"),
    ("Debian GNU/Linux 12\r\nbox login: ", Answer.REFUSED, "requires a login"),
    ("", Answer.SILENT, "without output"),
]
Seen = tuple[Answer, str] | None


def over_websocket(page: WebAnswer, message: Callable[[str], bytes | str], output: str) -> tuple[Seen, list[object]]:
    """Open the terminal of a page whose server sends this output as its first message."""
    heard: list[object] = []

    def serve(connection: socket.socket) -> None:
        connection.settimeout(5)
        peer = WSConnection(ConnectionType.SERVER)
        while True:
            data = connection.recv(4096)
            if not data:
                return
            peer.receive_data(data)
            for event in peer.events():
                if isinstance(event, Request):
                    heard.append((event.target, event.subprotocols))
                    connection.sendall(peer.send(AcceptConnection(subprotocol=event.subprotocols[0])))
                elif isinstance(event, TextMessage):
                    heard.append(event.data)
                    said = message(output)
                    made = BytesMessage(said) if isinstance(said, bytes) else TextMessage(said)
                    connection.sendall(peer.send(made) if output else b"")
                    if output.startswith("top"):  # no prompt ends the wait for it, so the end of the program does
                        connection.sendall(peer.send(CloseConnection(1000)))

    with tcp_server(serve) as port, pytest.MonkeyPatch.context() as patience:
        patience.setattr(terminals, "SECONDS", 10.0 if output else 0.5)  # output ends the wait
        server = WebServer(Target(NetworkBench(address="127.0.0.1")), undeclared_service(port, tls=False))
        return terminal_of(server, "/tools/index.html", page), heard


@pytest.mark.parametrize(("output", "answer", "words"), ANSWERS)
def test_what_ttyd_sends_first_decides_and_nothing_is_typed(output: str, answer: Answer, words: str) -> None:
    seen, heard = over_websocket(TTYD, lambda text: f"0{text}".encode(), output)
    assert seen is not None
    assert seen[0] is answer and words in seen[1]
    assert heard == [("/tools/ws", ["tty"]), '{"AuthToken":"","columns":80,"rows":24}']


@pytest.mark.parametrize(("output", "answer", "words"), ANSWERS)
def test_what_gotty_sends_first_decides(output: str, answer: Answer, words: str) -> None:
    seen, heard = over_websocket(GOTTY, lambda text: "1" + base64.b64encode(text.encode()).decode(), output)
    assert seen is not None
    assert seen[0] is answer and words in seen[1]
    assert heard[0] == ("/tools/ws", ["webtty"])


@pytest.mark.parametrize(("output", "answer", "words"), ANSWERS)
def test_what_shellinabox_sends_first_decides_and_nothing_is_typed(output: str, answer: Answer, words: str) -> None:
    def session(asked: Asked) -> Said:
        fields = parse_qs(asked.body.decode())
        assert "keys" not in fields
        document = {"session": "s1"} if "session" not in fields else {"session": "s1", "data": output}
        return Said(json.dumps(document), headers={"Content-Type": "application/json"})

    with serving({"/shell/": session}) as pages:
        seen = terminal_of(WebServer(pages.target, SERVICE), "/shell/", BOX)
    assert seen is not None
    assert seen[0] is answer and words in seen[1]


def test_a_terminal_that_opens_no_session_is_silent() -> None:
    with serving({}) as pages:
        server = WebServer(pages.target, SERVICE)
        assert [terminal_of(server, "/", page) for page in (TTYD, BOX)] == [
            (Answer.SILENT, "a terminal (ttyd) without output"),
            (Answer.SILENT, "a terminal (shellinabox) without output"),
        ]


def test_another_page_is_no_terminal() -> None:
    with serving({}) as pages:
        server = WebServer(pages.target, SERVICE)
        assert terminal_of(server, "/", WebAnswer(200, {}, b"<title>Terminal server</title>")) is None
        assert not pages.asked
