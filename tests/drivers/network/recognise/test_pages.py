"""What the pages of a web server tell of its software, and what they do not."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.recognise.pages import AGAIN_SECONDS, PAGE, SECONDS, PageTexts, page_texts, telling
from drivers.network.target import Target
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.network.recognise.speakers import Handler, answers, floods, says
from trustprobe.probe import Answer


@pytest.mark.parametrize(
    ("page", "piece"),
    [
        ('<meta name="generator" content="LuCI 19.07.3">', "LuCI 19.07.3"),
        ("<html><body>Firmware Version: V2.10.4 build 3</body></html>", "Firmware Version 2.10.4"),
        ("<td>Firmware version</td><td>1.4.2</td>", "Firmware version 1.4.2"),
        ("<span>Software: <b>3.1</b></span>", "Software 3.1"),
        ('{"model": "Box", "fw_version": "1.2.3", "up": 4}', "fw_version 1.2.3"),
        ('{"version":"4.0.1"}', "version 4.0.1"),
        ("<info><firmwareVersion>5.6.7</firmwareVersion></info>", "firmwareVersion 5.6.7"),
        ('<script>var swVersion = "7.0.2";</script>', "swVersion 7.0.2"),
        ("<address>Apache/2.4.57 (Debian) Server at box Port 80</address>", "Apache 2.4.57"),
        ("<center>nginx/1.18.0</center>", "nginx 1.18.0"),
        ("<p>Powered by Mongoose 6.18</p>", "Mongoose 6.18"),
        ("version: 1.9.0\nuptime: 7\n", "version 1.9.0"),
        ('# HELP x\nbuild_info{version="2.45.0"} 1', "version 2.45.0"),
    ],
)
def test_a_page_that_names_its_software_tells_it(page: str, piece: str) -> None:
    assert any(one.endswith(piece) or piece in one for one in telling(page.encode()))


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<html><head><title>Log in</title></head><body>Welcome</body></html>",
        '<?xml version="1.0" encoding="utf-8"?><status>ok</status>',
        '<svg version="1.1" xmlns="http://www.w3.org/2000/svg"></svg>',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><p>box</p>',
        "<style>.version { margin: 1.5em }</style>",
        "<!-- version 1.2.3 -->",
        '{"api_version": "1.0", "temperature": 21.5}',
        "<p>TLS version 1.2 is required. The protocol version is 3.1</p>",
        "<p>192.0.2.7</p>",
        "<p>Licensed under the GNU GPL version 2.0</p>",
        "<p>Use Firefox version 60.0 or a newer browser. Java version 1.8.0</p>",
    ],
)
def test_a_page_without_a_version_of_its_software_tells_nothing(page: str) -> None:
    assert telling(page.encode()) == []


@given(st.binary(max_size=400))
def test_no_page_raises(page: bytes) -> None:
    assert all(piece for piece in telling(page))


def told(handler: Handler) -> PageTexts:
    with tcp_server(handler) as port:
        fields = {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "purpose": "test"}
        return page_texts(Target(NetworkBench(address="127.0.0.1")), Service.model_validate(fields))


def test_the_pages_and_the_page_of_errors_are_read_with_their_paths() -> None:
    body = b"<html>firmware version 1.2.3</html>"
    found = told(answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    assert found.told[0] == b"/: firmware version 1.2.3"
    assert b"/trustprobe-no-such-page: firmware version 1.2.3" in found.told
    assert not found.unread


def test_a_header_that_only_one_page_has_is_read() -> None:
    def api(connection: socket.socket) -> None:
        connection.settimeout(10)
        version = b"X-Box-Version: 1.19.2\r\n" if connection.recv(4_096).startswith(b"GET /api/info ") else b""
        connection.sendall(b"HTTP/1.1 200 OK\r\n%bContent-Length: 0\r\n\r\n" % version)

    assert told(api).told == [b"x-box-version: 1.19.2"]


@pytest.mark.parametrize("handler", [says(b"220 no web server\r\n"), floods])
def test_what_is_no_web_server_shows_no_page(handler: Handler) -> None:
    found = told(handler)
    assert not found.answered
    assert found.unread[0].startswith("/ was not read: ")


def test_a_server_that_gives_a_stream_for_every_path_is_asked_twice() -> None:
    asked = list[bytes]()
    stream = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n" + bytes(4_000)

    def pictures(connection: socket.socket) -> None:
        connection.settimeout(10)
        asked.append(connection.recv(4_096))
        connection.sendall(stream)

    assert told(pictures) == PageTexts(answered=True)
    assert len(asked) == 2


EMPTY = b"HTTP/1.1 200 OK\r\nServer: box\r\nContent-Length: 0\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (PAGE + 9) + b" " * PAGE + b"v: 1.2.3."
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n<p>Welcome"
CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n<p>Welcome"
AWAY = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"


def only(path: bytes, answer: bytes) -> Handler:
    """A server that gives this answer for one path, none for `/login`, and empty pages for the others."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        asked = connection.recv(4_096).split(b" ")[1]
        connection.sendall(answer if asked == path else b"" if asked == b"/login" else EMPTY)

    return handle


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (b"/", b"", "/ was not read: "),
        (b"/", AWAY, "/ was not read: "),
        (b"/", b"nonsense\r\n", "/ was not read: "),
        (b"/", LONG, f"only the first {PAGE} octets of / were read"),
        (b"/", SHORT, "only the first 10 octets of / were read"),
        (b"/", CHUNK, "only the first 10 octets of / were read"),
        (b"/status", LONG, f"only the first {PAGE} octets of /status were read"),
    ],
)
def test_a_page_that_was_not_read_to_its_end_is_reported(path: bytes, answer: bytes, words: str) -> None:
    (unread,) = told(only(path, answer)).unread
    assert unread.startswith(words)


def test_pages_after_two_without_an_answer_are_reported() -> None:
    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(EMPTY if connection.recv(4_096).startswith(b"GET / ") else b"")

    found = told(handle)
    assert found.answered
    assert [one.partition(":")[0] for one in found.unread] == ["/status was not read"]


@pytest.mark.parametrize("path", [b"/status", b"/nowhere"])
def test_one_path_without_an_answer_leaves_the_others_read(path: bytes) -> None:
    assert told(only(path, b"")).unread == []


def test_redirects_are_followed_to_the_page_that_they_lead_to() -> None:
    body = b"<p>firmware version 1.2.3"
    steps = {b"/": b"/a", b"/a": b"/b", b"/b": b"/c"}

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        asked = connection.recv(4_096).split(b" ")[1]
        if place := steps.get(asked):
            connection.sendall(AWAY.replace(b"/login", place))
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    assert told(handle).told[0] == b"/: firmware version 1.2.3"


def test_a_page_that_is_answered_when_it_is_requested_again_is_read() -> None:
    asked = list[bytes]()

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        asked.append(connection.recv(4_096))
        connection.sendall(b"" if len(asked) == 1 else EMPTY)

    assert told(handle).unread == []


def test_a_page_that_takes_long_has_more_time_when_it_is_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given = list[float]()

    def request(_: WebClient, method: str, path: str, *, seconds: float) -> WebAnswer:
        given.append(seconds)
        if seconds < 10:
            raise NoAnswerError(Answer.SILENT, "TimeoutError: timed out")
        return WebAnswer(200, {}, b"Firmware version 1.4.2")

    monkeypatch.setattr(WebClient, "request", request)
    service = Service.model_validate({"id": "web", "transport": "tcp", "port": 80, "protocol": "http", "purpose": "x"})
    pages = page_texts(Target(NetworkBench(address="127.0.0.1")), service)
    assert b"/: Firmware version 1.4.2" in pages.told
    assert (pages.unread, given[:2]) == ([], [SECONDS, AGAIN_SECONDS])
