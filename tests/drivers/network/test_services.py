import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, repeat

import pytest
import trustme

from drivers.errors import ConfigurationError
from drivers.network.conversation import READ_LIMIT
from drivers.network.services import ForbiddenServices, RecogniseServices
from drivers.network.target import Target
from drivers.probe import Fact, Observation
from lab_config.models import NetworkBench, Service
from tests.drivers.network.servers import closed_port, mute_port, tcp_server, udp_server
from tests.drivers.recorder import MemoryRecorder

Handler = Callable[[socket.socket], None]
_ids = count()


def says(data: bytes) -> Handler:
    """A server that says this, and waits until the other side has enough."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(data)
        while connection.recv(4_096):
            pass

    return handle


def answers(data: bytes) -> Handler:
    """A server that says this when it was asked something, and closes."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.recv(4_096)
        connection.sendall(data)

    return handle


def closes(connection: socket.socket) -> None:
    """Accept, and close without a word."""


def resets(connection: socket.socket) -> None:
    """Accept, and end the connection with an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drips(line: bytes) -> Handler:
    """A tarpit: sends this byte by byte over and over, never ending a line of its own."""

    def handle(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0.2)
        for byte in repeat(line):
            connection.sendall(byte)
            with contextlib.suppress(TimeoutError):
                connection.recv(1)

    return handle


def floods(connection: socket.socket) -> None:
    """Megabytes of banner without a line end."""
    connection.settimeout(10)
    for _ in range(1_000):
        connection.sendall(b"\x1b[2J" * 16_384)


@pytest.fixture(scope="module")
def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("camera.local").configure_cert(context)
    return context


def inside(context: ssl.SSLContext, handle: Handler) -> Handler:
    """The same server inside TLS."""

    def wrapped(connection: socket.socket) -> None:
        connection.settimeout(10)
        with context.wrap_socket(connection.dup(), server_side=True) as tls:
            handle(tls)

    return wrapped


def declare(protocol: str, port: int, transport: str = "tcp", *, tls: bool = False) -> Service:
    fields = {"id": f"service_{next(_ids)}", "transport": transport, "port": port, "protocol": protocol}
    return Service.model_validate({**fields, "tls": tls, "purpose": "test"})


def recognise(*services: Service) -> tuple[Observation, MemoryRecorder]:
    record = MemoryRecorder()
    return RecogniseServices(Target(NetworkBench(address="127.0.0.1")), services).run(record), record


@contextlib.contextmanager
def spoken(protocol: str, handler: Handler, *, tls: bool = False) -> Iterator[Fact]:
    with tcp_server(handler) as port:
        seen, _ = recognise(declare(protocol, port, tls=tls))
        yield seen.facts[0]


# --- declared services -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "handler"),
    [
        ("ssh", says(b"SSH-2.0-HalcyonSSH\r\n")),
        ("ssh", says(b"Authorised use only\r\nSSH-1.99-x\r\n")),
        ("http", answers(b"HTTP/1.0 401 Unauthorized\r\n\r\n")),
        ("other", says(b"")),
        ("dns", answers(b"\0\x1etp\x81\x80" + bytes(26))),
    ],
)
def test_a_declared_protocol_that_speaks_is_seen(protocol: str, handler: Handler) -> None:
    with spoken(protocol, handler) as fact:
        assert fact.answer == "seen", fact.detail


def test_http_inside_tls_is_seen_by_its_status_line(tls_context: ssl.SSLContext) -> None:
    with spoken("http", inside(tls_context, answers(b"HTTP/1.1 200 OK\r\n\r\nhello")), tls=True) as fact:
        assert fact.answer == "seen", fact.detail
        assert fact.detail.startswith("HTTP/1.1 200 OK")


def test_another_protocol_inside_tls_is_refused(tls_context: ssl.SSLContext) -> None:
    with spoken("http", inside(tls_context, answers(b"220 mail.invalid ESMTP\r\n")), tls=True) as fact:
        assert fact.answer == "refused"
        assert "220 mail.invalid" in fact.detail


def test_an_unknown_protocol_inside_tls_is_seen_by_a_handshake_record(tls_context: ssl.SSLContext) -> None:
    with spoken("other", inside(tls_context, says(b"")), tls=True) as fact:
        assert (fact.answer, fact.detail) == ("seen", "a TLS handshake record")


def test_a_tls_alert_is_no_service_and_no_refusal() -> None:
    alert = bytes.fromhex("15030300020228")
    for protocol in ("http", "other"):
        with spoken(protocol, answers(alert), tls=True) as fact:
            assert fact.answer == "silent", fact.detail


def test_clear_text_where_tls_is_declared_is_refused() -> None:
    with spoken("http", answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), tls=True) as fact:
        assert fact.answer == "refused"
        assert "HTTP/1.1 400" in fact.detail


@pytest.mark.parametrize("protocol", ["ssh", "http"])
def test_something_else_is_refused_and_named(protocol: str) -> None:
    with spoken(protocol, says(b"\xff\xfd\x18login: ")) as fact:
        assert fact.answer == "refused"
        assert "login: " in fact.detail


def test_a_closed_port_is_refused_and_one_that_drops_questions_is_silent() -> None:
    with mute_port() as mute:
        seen, _ = recognise(declare("http", closed_port()), declare("ssh", mute))
    assert [fact.answer for fact in seen.facts] == ["refused", "silent"]
    assert seen.witness is not None
    assert not seen.witness.holds


@pytest.mark.parametrize("handler", [says(b""), closes, drips(b"SSH-")])
def test_a_port_that_accepts_and_says_nothing_or_never_ends_its_beginning_is_silent(handler: Handler) -> None:
    with spoken("ssh", handler) as fact:
        assert fact.answer == "silent", fact.detail


def test_a_port_that_accepts_and_resets_did_not_speak() -> None:
    with spoken("ssh", resets) as fact:  # the reset may overtake the end of connect(): then it reads as a refusal
        assert fact.answer in {"silent", "refused"}, fact.detail


def test_a_tarpit_of_lines_is_silent_for_ssh_allows_lines_before_the_identification() -> None:
    with spoken("ssh", drips(b"x\r\n")) as fact:
        assert fact.answer == "silent", fact.detail


def test_another_declared_service_that_spoke_is_the_witness() -> None:
    with tcp_server(says(b"SSH-2.0-x\r\n")) as ssh, mute_port() as mute:
        seen, _ = recognise(declare("ssh", ssh), declare("http", mute))
    assert seen.silent == {f"tcp/{mute}"}
    assert seen.witness is not None
    assert seen.witness.holds
    assert f"tcp/{ssh}" in seen.witness.what


def test_megabytes_of_escape_sequences_are_bounded_and_made_printable() -> None:
    with tcp_server(floods) as port:
        seen, record = recognise(declare("ssh", port))
    assert seen.facts[0].answer == "refused"
    assert seen.facts[0].detail.isprintable()
    assert len(record.kept[f"tcp-{port}.bin"]) <= READ_LIMIT


def test_udp_services_are_seen_by_a_proper_reply_only() -> None:
    with (
        udp_server(lambda data, reply: reply(b"\x24\x02\x06\xec" + bytes(44))) as ntp,
        udp_server(lambda data, reply: reply(b"what?")) as dns,
    ):
        services = declare("ntp", ntp, "udp"), declare("dns", dns, "udp")
        seen, _ = recognise(*services, declare("snmp", closed_port(socket.SOCK_DGRAM), "udp"))
    assert [fact.answer for fact in seen.facts] == ["seen", "refused", "refused"]
    assert "something else than dns: what?" in seen.facts[1].detail


def test_facts_come_in_the_order_of_the_declaration() -> None:
    services = tuple(declare("http", closed_port(), transport) for transport in ("udp", "tcp", "udp"))
    seen, _ = recognise(*services)
    assert [fact.about for fact in seen.facts] == [service.about for service in services]


# --- forbidden services ------------------------------------------------------------------------------------------


def forbidden(canary: int, *wanted: str, **port_map: int) -> Observation:
    mapped = {f"tcp/{key[1:]}": port for key, port in port_map.items()}
    bench = NetworkBench(address="127.0.0.1", port_map={"tcp/443": canary, **mapped})
    return ForbiddenServices(Target(bench), wanted, 443).run(MemoryRecorder())


@pytest.mark.parametrize(
    ("service", "port", "handler"),
    [
        ("telnet", 23, says(b"\xff\xfd\x01\xff\xfb\x03\r\nhalcyon login: ")),
        ("telnet", 2323, says(b"login: ")),
        ("ftp", 21, says(b"220 ready\r\n")),
        ("http_clear", 8080, answers(b"HTTP/1.1 302 Found\r\nLocation: https://camera.local/\r\n\r\n")),
        ("vnc", 5900, says(b"RFB 003.008\n")),
        ("redis", 6379, answers(b"-NOAUTH Authentication required.\r\n")),
        ("adb", 5555, answers(b"AUTH" + bytes(20))),
        ("gdbserver", 2345, answers(b"+$PacketSize=1000#aa")),
        ("mqtt_clear", 1883, answers(b"\x20\x02\0\5")),
        ("rsh", 514, answers(b"\1Permission denied.\n")),
        ("docker", 2375, answers(b'HTTP/1.1 200 OK\r\n\r\n{"ApiVersion":"1.41"}')),
    ],
)
def test_a_clear_text_service_that_speaks_is_seen(service: str, port: int, handler: Handler) -> None:
    with tcp_server(says(b"")) as canary, tcp_server(handler) as here:
        seen = forbidden(canary, service, **{f"p{port}": here})
    assert seen.seen == {service}, seen.detail(service)
    assert f"tcp/{port}: " in seen.detail(service)
    assert seen.detail(service).isprintable()


def test_a_service_is_refused_only_when_all_its_ports_answer_rst() -> None:
    with tcp_server(says(b"")) as canary:
        both_closed = forbidden(canary, "telnet", p23=closed_port(), p2323=closed_port())
        with mute_port() as mute:
            one_mute = forbidden(canary, "telnet", p23=closed_port(), p2323=mute)
    assert both_closed.refused == {"telnet"}
    assert both_closed.conclusive
    assert one_mute.silent == {"telnet"}
    assert "tcp/2323: no answer" in one_mute.detail("telnet")
    assert one_mute.conclusive


def test_an_open_port_that_speaks_something_else_is_silent_and_says_what_came() -> None:
    with ExitStack() as stack:
        canary = stack.enter_context(tcp_server(says(b"")))
        here = stack.enter_context(tcp_server(says(b"SSH-2.0-x\r\n")))
        seen = forbidden(canary, "ftp", p21=here)
    assert seen.silent == {"ftp"}
    assert "SSH-2.0-x" in seen.detail("ftp")


def test_a_port_that_is_not_forwarded_is_not_asked_and_proves_nothing() -> None:
    with tcp_server(says(b"")) as canary:
        seen = forbidden(canary, "telnet", p23=closed_port())
    assert seen.silent == {"telnet"}
    assert "tcp/2323: not forwarded" in seen.detail("telnet")
    assert not seen.conclusive


def test_a_canary_that_does_not_connect_is_no_witness() -> None:
    seen = forbidden(closed_port(), "ftp", p21=closed_port())
    assert seen.refused == {"ftp"}
    assert not seen.conclusive


def test_floods_and_resets_are_survived_and_are_no_service() -> None:
    with tcp_server(says(b"")) as canary, tcp_server(floods) as flood, tcp_server(resets) as reset:
        seen = forbidden(canary, "ftp", "vnc", p21=flood, p5900=reset, p5901=closed_port())
    assert "ftp" in seen.silent
    assert not seen.seen  # a reset may overtake the end of connect(): then vnc reads as refused
    assert all(fact.detail.isprintable() for fact in seen.facts)


def test_a_service_without_a_row_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="carrier_pigeon"):
        forbidden(closed_port(), "carrier_pigeon")


def test_a_service_that_was_too_slow_among_the_others_is_asked_once_more() -> None:
    asked = count(1)

    def second_time(connection: socket.socket) -> None:
        if next(asked) > 1:
            answers(b"HTTP/1.1 200 OK\r\n\r\n")(connection)

    with tcp_server(second_time) as port:
        observation, _ = recognise(declare("http", port))
    assert observation.seen == {f"tcp/{port}"}
    assert next(asked) == 3
