import contextlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import drivers.network.recognise.open_ports
from drivers.network.recognise.open_ports import OpenPorts, RecogniseOpenPorts
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.loopback_servers import closed_port, mute_port, tcp_server
from tests.drivers.network.recognise.speakers import STEADY, Handler, answers, answers_to, floods, greets, resets, says
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Observation, Witness

TELNET = says(b"\xff\xfd\x18\xff\xfb\x03\r\nhalcyon login: ")
HELD = Witness(what="canary tcp/443 answered 9 of 9 times, the last after the sweep", holds=True)


def speak(
    ports: dict[int, int], *forbidden: str, swept: Witness = HELD, usual: dict[int, int] | None = None
) -> Observation:
    """Ask the open ports of a device; they and the usual ones are mapped to those of servers here."""
    mapped = {f"tcp/{port}": here for port, here in (ports | (usual or {})).items()}
    with tcp_server(says(b"")) as canary:
        target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": canary, **mapped}))
        return RecogniseOpenPorts(target, frozenset(ports), (), 443, swept, forbidden, STEADY).run(MemoryRecorder())


@contextlib.contextmanager
def served(port: int, handler: Handler) -> Iterator[dict[int, int]]:
    with tcp_server(handler) as here:
        yield {port: here}


@pytest.mark.parametrize(
    ("service", "port", "handler"),
    [
        ("telnet", 8023, TELNET),
        ("telnet", 2424, says(b"login: ")),
        (
            "ftp",
            2122,
            greets(b"220 Operation successful\r\n", SYST=b"530 Login with USER+PASS\r\n", other=b"500 ?\r\n"),
        ),
        ("http_clear", 8888, answers_to(x47=b"HTTP/1.1 302 Found\r\nLocation: https://camera.local/\r\n\r\n")),
        ("vnc", 6001, says(b"RFB 003.008\n")),
        ("redis", 6380, greets(b"", PING=b"+PONG\r\n", GET=b"-ERR unknown command 'GET'\r\n")),
        ("rtsp_clear", 10554, answers_to(x4f=b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")),
        ("adb", 5556, answers_to(x434e584e=b"AUTH" + bytes(20))),
        ("gdbserver", 9999, answers_to(x2b24=b"+$PacketSize=1000#aa")),
        ("mqtt_clear", 18830, answers_to(x1016=b"\x20\x02\0\5")),
        ("rsh", 5140, answers_to(x00=b"\1Permission denied.\n")),
        ("modbus", 5020, answers_to(x7470=b"tp\0\0\0\3\xff\xab\1")),
        ("shell", 31337, greets(b"", echo=b"trustprobe42\n", GET=b"sh: 1: GET: not found\n")),
    ],
)
def test_a_service_that_must_not_be_open_is_found_on_any_open_port(service: str, port: int, handler: Handler) -> None:
    with served(port, handler) as ports:
        seen = speak(ports, service)
    assert seen.seen >= {service}, seen.facts
    assert f"tcp/{port}: " in seen.detail(service)
    assert seen.detail(service).isprintable()


def test_a_redis_that_asks_for_no_password_is_said_to_be_open_to_anybody() -> None:
    redis = greets(b"", PING=b"+PONG\r\n", GET=b"-ERR unknown command 'GET'\r\n")
    with served(6380, redis) as ports:
        assert speak(ports).detail("tcp/6380") == r"redis, open to everybody: +PONG\r\n"


def test_a_service_over_http_is_found_where_http_speaks_and_said_to_be_open_to_anybody() -> None:
    def handle(connection: socket.socket) -> None:
        asked = connection.recv(4_096)
        told = b'200 OK\r\n\r\n{"ApiVersion":"1.41"}' if b"/version" in asked else b"404 Not Found\r\n\r\n"
        connection.sendall(b"HTTP/1.1 " + told)

    with served(12375, handle) as ports:
        seen = speak(ports, "docker", "http_clear")
    assert seen.seen == {"docker", "http_clear", "tcp/12375"}
    assert "docker, open to everybody: HTTP/1.1 200" in seen.detail("docker")


@pytest.mark.parametrize("extension", [b"250 AUTH PLAIN", b"250-AUTH=LOGIN\r\n250 HELP", b"250 auth cram-md5"])
def test_a_mail_server_that_offers_a_login_outside_tls_is_found(extension: bytes) -> None:
    mail = greets(b"220 mx ESMTP\r\n", EHLO=b"250-mx\r\n250-STARTTLS\r\n" + extension + b"\r\n")
    with served(2525, mail) as ports:
        seen = speak(ports, "smtp_auth_clear")
    assert seen.seen == {"smtp_auth_clear", "tcp/2525"}
    assert "tcp/2525: smtp_auth: 220 mx ESMTP" in seen.detail("smtp_auth_clear")


def test_a_mail_server_that_offers_no_login_outside_tls_is_no_finding() -> None:
    mail = greets(b"220 mx ESMTP AUTH\r\n", EHLO=b"250-mx\r\n250-STARTTLS\r\n250 X-AUTH\r\n")
    with served(2525, mail) as ports:
        seen = speak(ports, "smtp_auth_clear", usual={25: closed_port(), 587: closed_port()})
    assert seen.seen == {"tcp/2525"}
    assert seen.detail("tcp/2525").startswith("smtp: ")


@pytest.mark.parametrize(
    ("service", "port", "handler"),
    [
        ("telnet", 2323, says(b"login: ")),
        ("ftp", 21, says(b"220 ready\r\n")),
        ("http_clear", 8080, answers(b"HTTP/1.1 302 Found\r\n\r\n")),
        ("redis", 6379, answers(b"-NOAUTH Authentication required.\r\n")),
        ("docker", 2375, answers(b'HTTP/1.1 200 OK\r\n\r\n{"ApiVersion":"1.41"}')),
    ],
)
def test_a_usual_port_that_the_sweep_did_not_see_is_asked_all_the_same(
    service: str, port: int, handler: Handler
) -> None:
    with tcp_server(handler) as here:
        seen = speak({}, service, usual={port: here})
    assert seen.seen == {service}, seen.detail(service)


def test_a_service_is_refused_only_when_all_its_usual_ports_answer_rst() -> None:
    both_closed = speak({}, "telnet", usual={23: closed_port(), 2323: closed_port()})
    with mute_port() as mute:
        one_mute = speak({}, "telnet", usual={23: closed_port(), 2323: mute})
    assert both_closed.refused == {"telnet"}
    assert both_closed.conclusive
    assert one_mute.silent == {"telnet"}
    assert "tcp/2323: no answer" in one_mute.detail("telnet")
    assert one_mute.conclusive


def test_an_open_port_that_speaks_something_else_is_named_and_is_no_finding() -> None:
    with served(21, says(b"SSH-2.0-x\r\n")) as ports:
        seen = speak(ports, "ftp", usual={2121: closed_port()})
    assert seen.seen == {"tcp/21"}
    assert seen.detail("tcp/21").startswith("ssh: SSH-2.0-x")
    assert "open, but it did not answer in ftp: ssh: SSH-2.0-x" in seen.detail("ftp")
    assert seen.conclusive


def test_an_unknown_protocol_is_shown_by_what_it_says() -> None:
    with served(8899, says(b"HVDBG \x1b[2J<script>ready\n")) as ports:
        seen = speak(ports)
    assert seen.detail("tcp/8899") == r"an unknown protocol: HVDBG \x1b[2J<script>ready\n"


def test_a_port_that_is_not_forwarded_is_not_asked_and_proves_nothing() -> None:
    seen = speak({}, "telnet", usual={23: closed_port()})
    assert seen.silent == {"telnet"}
    assert "tcp/2323: not probed" in seen.detail("telnet")
    assert not seen.conclusive


def test_silence_proves_nothing_where_the_sweep_or_the_canary_is_no_witness() -> None:
    unfinished = Witness(what="256 of the first 256 ports answered SYN-ACK, as a tarpit does", holds=False)
    tarpit = speak({}, "ftp", swept=unfinished, usual={21: closed_port(), 2121: closed_port()})
    assert not tarpit.conclusive
    assert tarpit.witness is not None
    assert "as a tarpit does" in tarpit.witness.what
    bench = NetworkBench(address="127.0.0.1", port_map={f"tcp/{p}": closed_port() for p in (443, 21, 2121)})
    dead = RecogniseOpenPorts(Target(bench), frozenset(), (), 443, HELD, ("ftp",), STEADY).run(MemoryRecorder())
    assert dead.refused == {"ftp"}
    assert not dead.conclusive


def test_of_too_many_open_ports_the_others_are_left_unasked_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers.network.recognise.open_ports, "MOST_PORTS", 1)
    with ExitStack() as stack:
        ports = {port: stack.enter_context(tcp_server(TELNET)) for port in (4, 2323)}
        seen = speak(ports, "telnet", usual={23: closed_port()})
    assert seen.seen == {"tcp/2323", "telnet"}
    assert "not probed" in seen.detail("tcp/4")
    assert not seen.conclusive


def test_floods_and_resets_are_survived_and_are_no_service() -> None:
    with tcp_server(floods) as flood, tcp_server(resets) as reset:
        seen = speak({21: flood, 5900: reset}, "ftp", "vnc", usual={2121: closed_port(), 5901: closed_port()})
    assert not seen.seen & {"ftp", "vnc"}
    assert all(fact.detail.isprintable() for fact in seen.facts)


def test_a_service_without_a_row_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="carrier_pigeon"):
        speak({}, "carrier_pigeon")


def test_the_protocols_of_each_open_port_are_listed() -> None:
    page = answers_to(x47=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    with served(8888, page) as web, served(8023, TELNET) as telnet, served(9, says(b"")) as mute:
        seen = speak({**web, **telnet, **mute})
    assert isinstance(seen, OpenPorts)
    assert [(one.port, one.tls) for one in seen.speaking("http")] == [(8888, False)]
    assert [one.port for one in seen.speaking("telnet")] == [8023]
