import pytest

from drivers.network.recognise.banners import NOTHING, ReadBanners
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.network.recognise.speakers import Handler, answers, floods, says
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Fact


def told(protocol: str, handler: Handler) -> Fact:
    with tcp_server(handler) as port:
        fields = {"id": "one", "transport": "tcp", "port": port, "protocol": protocol, "purpose": "test"}
        services = (Service.model_validate(fields),)
        (fact,) = ReadBanners(Target(NetworkBench(address="127.0.0.1")), services).run(MemoryRecorder()).facts
    return fact


@pytest.mark.parametrize(
    ("protocol", "handler", "words"),
    [
        ("ssh", says(b"SSH-2.0-dropbear_2022.83\r\n"), "dropbear_2022.83"),
        ("ftp", says(b"220 (vsFTPd 3.0.3)\r\n"), "(vsFTPd 3.0.3)"),
        ("ftp", says(b"220 Halcyon 1.2.3 ready\r\n"), "Halcyon 1.2.3 ready"),
        ("smtp", says(b"220 camera.local ESMTP Exim 4.96\r\n"), "camera.local ESMTP Exim 4.96"),
        ("telnet", says(b"\xff\xfd\x18BusyBox v1.36.1\r\ncamera login: "), "BusyBox v1.36.1; camera login: "),
        ("http", answers(b"HTTP/1.1 200 OK\r\nServer: lighttpd/1.4.69\r\n\r\nServer: x"), "Server: lighttpd/1.4.69"),
        ("rtsp", answers(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Live555 2024.1\r\n\r\n"), "Server: Live555 2024.1"),
        ("sip", answers(b"SIP/2.0 200 OK\r\nUser-Agent: Asterisk 20.1.0\r\n\r\n"), "User-Agent: Asterisk 20.1.0"),
        ("http", answers(b"HTTP/1.1 200 OK\r\n\r\n"), NOTHING),
    ],
)
def test_what_a_service_tells_before_a_login_is_read(protocol: str, handler: Handler, words: str) -> None:
    fact = told(protocol, handler)
    assert (fact.answer, fact.detail) == (Answer.SEEN, words)


def test_a_flood_tells_nothing_that_a_terminal_interprets() -> None:
    fact = told("ftp", floods)
    assert fact.answer is Answer.SILENT
    assert fact.detail.isprintable()
