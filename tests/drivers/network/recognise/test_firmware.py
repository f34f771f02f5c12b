"""Where the declared firmware version is recognised in an answer, and where it is that of something else."""

import socket

import pytest

from drivers.network.recognise.banners import FoundService, ReadBanners
from drivers.network.recognise.firmware import DECLARED, firmware_in
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Transport
from tests.drivers.network.loopback_servers import tcp_server, udp_server
from tests.drivers.recorder import MemoryRecorder

TARGET = Target(NetworkBench(address="127.0.0.1"))


@pytest.mark.parametrize(
    ("firmware", "answer", "version"),
    [
        ("5.2.1", b"<script src=/app.js?v=5.2.1></script>", b"5.2.1"),
        ("5.2.1", b"<!-- box v5.2.1 -->", b"5.2.1"),
        ("5.2.1", b"<footer>Larkfield 5.2.1</footer>", b"5.2.1"),
        ("5.2.1", b'{"api_version": "5.2.1", "box": "5.2.1"}', b"5.2.1"),
        ("V5.2.1.124 build 7", b"box-5.2.1.124.bin", b"5.2.1.124"),
    ],
)
def test_the_declared_version_counts_under_whatever_name(firmware: str, answer: bytes, version: bytes) -> None:
    assert firmware_in(firmware, answer) == [DECLARED + version]


@pytest.mark.parametrize(
    ("firmware", "answer"),
    [
        ("5.2.1", b"15.2.1 and 5.2.10 and 5.2.1.7 and 1.5.2.1"),
        ("5.2.1", b'{"openapi": "5.2.1"}'),
        ("5.2.1", b"X-API-Version: 5.2.1"),
        ("5.2.1", b"<protocolVersion>5.2.1</protocolVersion>"),
        ("5.2.1", b"<script src=/jquery-5.2.1.min.js></script>"),
        ("5.2", b"<p>box 5.2</p>"),
        ("", b"<p>box 5.2.1</p>"),
    ],
)
def test_another_version_is_not_the_declared_one(firmware: str, answer: bytes) -> None:
    assert firmware_in(firmware, answer) == []


def test_a_version_that_is_told_is_not_told_twice() -> None:
    assert firmware_in("5.2.1", b"firmware 5.2.1", [b"firmware 5.2.1"]) == []


def web(connection: socket.socket) -> None:
    connection.settimeout(10)
    page = b"<footer>Larkfield 5.2.1</footer>" if connection.recv(4_096).startswith(b"GET /about ") else b""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)


def greeting(connection: socket.socket) -> None:
    connection.sendall(b"@larkfield-5.2.1\r\nSSH-2.0-box\r\n")


@pytest.mark.parametrize(
    ("protocol", "handler", "words"),
    [
        ("http", web, "/about: the declared firmware version 5.2.1"),
        ("ssh", greeting, "box; the declared firmware version 5.2.1"),
    ],
)
def test_answers_over_tcp_are_searched_for_the_declared_version(protocol: str, handler: object, words: str) -> None:
    with tcp_server(handler) as port:  # type: ignore[arg-type]
        probe = ReadBanners(TARGET, (FoundService(Transport.TCP, port, protocol),), firmware="5.2.1")
        (fact,) = probe.run(MemoryRecorder()).facts
    assert fact.detail == words


def test_answers_over_udp_are_searched_for_the_declared_version() -> None:
    answer = b"SIP/2.0 200 OK\r\nContact: <sip:larkfield-5.2.1@box>\r\n\r\n"
    with udp_server(lambda _, say: say(answer)) as port:
        probe = ReadBanners(TARGET, (FoundService(Transport.UDP, port, "sip"),), firmware="5.2.1")
        (fact,) = probe.run(MemoryRecorder()).facts
    assert fact.detail == "the declared firmware version 5.2.1"
