"""What the pages of a web server tell of its software, and what they do not."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.recognise.pages import page_texts, telling
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.network.recognise.speakers import Handler, answers, floods, says


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


def told(handler: Handler) -> list[bytes] | None:
    with tcp_server(handler) as port:
        fields = {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "purpose": "test"}
        return page_texts(Target(NetworkBench(address="127.0.0.1")), Service.model_validate(fields))


def test_the_pages_and_the_page_of_errors_are_read_with_their_paths() -> None:
    body = b"<html>firmware version 1.2.3</html>"
    found = told(answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    assert found is not None
    assert found[0] == b"/: firmware version 1.2.3"
    assert b"/trustprobe-no-such-page: firmware version 1.2.3" in found


def test_a_header_that_only_one_page_has_is_read() -> None:
    def api(connection: socket.socket) -> None:
        connection.settimeout(10)
        version = b"X-Box-Version: 1.19.2\r\n" if connection.recv(4_096).startswith(b"GET /api/info ") else b""
        connection.sendall(b"HTTP/1.1 200 OK\r\n%bContent-Length: 0\r\n\r\n" % version)

    assert told(api) == [b"x-box-version: 1.19.2"]


@pytest.mark.parametrize("handler", [says(b"220 no web server\r\n"), floods])
def test_what_is_no_web_server_shows_no_page(handler: Handler) -> None:
    assert told(handler) is None


def test_a_server_that_gives_a_stream_for_every_path_is_asked_twice() -> None:
    asked = list[bytes]()
    stream = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n" + bytes(4_000)

    def pictures(connection: socket.socket) -> None:
        connection.settimeout(10)
        asked.append(connection.recv(4_096))
        connection.sendall(stream)

    assert told(pictures) == []
    assert len(asked) == 2
