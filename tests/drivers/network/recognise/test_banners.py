import socket
from collections.abc import Callable

import pytest

from drivers.network.recognise.banners import NOTHING, FoundService, ReadBanners, services_of
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from tests.drivers.network.loopback_servers import tcp_server, udp_server
from tests.drivers.network.recognise.speakers import Handler, answers, floods, says
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Fact, Observation


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
        ("http", answers(b"HTTP/1.1 200 OK\r\nX-Box-Version: v1.19.2\r\n\r\n"), "X-Box-Version: v1.19.2"),
        ("http", answers(b"HTTP/1.1 200 OK\r\nX-API-Version: 1.19.2\r\n\r\n"), NOTHING),
        ("rtsp", answers(b"RTSP/1.0 200 OK\r\nX-Box-Version: 1.19.2\r\n\r\n"), "X-Box-Version: 1.19.2"),
    ],
)
def test_what_a_service_tells_before_a_login_is_read(protocol: str, handler: Handler, words: str) -> None:
    fact = told(protocol, handler)
    assert (fact.answer, fact.detail) == (Answer.SEEN, words)


def test_a_flood_tells_nothing_that_a_terminal_interprets() -> None:
    fact = told("ftp", floods)
    assert fact.answer is Answer.SILENT
    assert fact.detail.isprintable()


SCOPES = b"onvif://www.onvif.org/hardware/box-1.2.3"
MATCHES = (
    b"<s:Envelope><s:Body><d:ProbeMatches><d:Scopes>" + SCOPES + b"</d:Scopes></d:ProbeMatches></s:Body></s:Envelope>"
)
FAULT = b"<s:Envelope><s:Body><s:Fault>no matching type</s:Fault></s:Body></s:Envelope>"


@pytest.mark.parametrize("wanted", [b"NetworkVideoTransmitter", b"PrintDeviceType", b"t:Device", b"<d:Probe/>"])
def test_the_scopes_are_read_whichever_kind_of_device_is_asked_for(wanted: bytes) -> None:
    def answer(data: bytes, say: Callable[[bytes], object]) -> None:
        say(MATCHES if wanted in data else FAULT)

    with udp_server(answer) as port:
        fields = {"id": "one", "transport": "udp", "port": port, "protocol": "ws_discovery", "purpose": "test"}
        services = (Service.model_validate(fields),)
        (fact,) = ReadBanners(Target(NetworkBench(address="127.0.0.1")), services).run(MemoryRecorder()).facts
    assert (fact.answer, fact.detail) == (Answer.SEEN, SCOPES.decode())


def told_over_udp(protocol: str, answer: Callable[[bytes, Callable[[bytes], object]], object]) -> Fact:
    with udp_server(answer) as port:
        fields = {"id": "one", "transport": "udp", "port": port, "protocol": protocol, "purpose": "test"}
        services = (Service.model_validate(fields),)
        (fact,) = ReadBanners(Target(NetworkBench(address="127.0.0.1")), services).run(MemoryRecorder()).facts
    return fact


def test_the_server_header_of_ssdp_is_read() -> None:
    answer = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nSERVER: Linux/4.9 UPnP/1.0 MiniUPnPd/2.2.1\r\n\r\n"
    fact = told_over_udp("ssdp", lambda _, say: say(answer))
    assert (fact.answer, fact.detail) == (Answer.SEEN, "SERVER: Linux/4.9 UPnP/1.0 MiniUPnPd/2.2.1")


def test_the_description_of_snmp_is_read() -> None:
    answer = bytes.fromhex("303b02010004067075626c6963a22e") + b"\x04\x1aLinux box 5.10.160 #1 SMP!!"
    fact = told_over_udp("snmp", lambda _, say: say(answer))
    assert fact.answer is Answer.SEEN
    assert "Linux box 5.10.160" in fact.detail


def test_one_malformed_record_of_mdns_hides_no_other() -> None:
    def answer(data: bytes, say: Callable[[bytes], object]) -> None:
        name = b"\x05_http\x04_tcp\x05local\x00"
        bad = name + b"\x00\x10\x80\x01\x00\x00\x00\x78\x00\x03\xff\xff\xff"
        good = name + b"\x00\x10\x80\x01\x00\x00\x00\x78\x00\x0f\x0efirmware=1.2.3"
        say(data[:2] + b"\x84\x00\x00\x00\x00\x02\x00\x00\x00\x00" + bad + good)

    fact = told_over_udp("mdns", answer)
    assert (fact.answer, fact.detail) == (Answer.SEEN, "firmware=1.2.3")


@pytest.mark.parametrize(
    ("detail", "service"),
    [
        ("http inside TLS: HTTP/1.1 200 OK", ("http", True)),
        ("http: HTTP/1.1 200 OK", ("http", False)),
        ("telnet, open to everybody: # ", ("telnet", False)),
        ("an unknown protocol: http: x", ("an unknown protocol", False)),
        ("TLS, and inside it an unknown protocol: x", ("an unknown protocol", True)),
        ("TLS, and inside it an unknown protocol", None),
        ("TLS, but no session was opened: an unknown protocol: x", None),
        ("http_upgrade: HTTP/1.1 101 Switching Protocols", ("http", False)),
        ("docker, open to everybody: HTTP/1.1 200 OK", ("http", False)),
        ("upnp_igd: HTTP/1.1 200 OK", ("http", False)),
        ("websocket inside TLS: HTTP/1.1 101", ("http", True)),
        ("socket_io: HTTP/1.1 200 OK", ("http", False)),
        ("smtp_auth: 220 ", ("smtp", False)),
        ("imap: * OK", ("imap", False)),
        ("pop3 inside TLS: +OK", ("pop3", True)),
        ("mysql: J", ("mysql", False)),
        ("redis: +PONG", ("redis", False)),
        ("vnc: RFB 003.008", None),
        ("", None),
    ],
)
def test_services_that_nobody_declared_are_asked_in_the_protocol_that_was_recognised(
    detail: str, service: tuple[str, bool] | None
) -> None:
    facts = (Fact(about="tcp/8080", answer=Answer.SEEN, detail=detail),)
    found = services_of(Observation(question="?", facts=facts))
    assert [(one.protocol, one.tls) for one in found] == ([service] if service else [])


@pytest.mark.parametrize(
    ("about", "detail", "service"),
    [
        ("udp/53", "dns: tp", ("udp", "dns")),
        ("udp/53", "dns (from udp/40123): tp", ("udp", "dns")),
        ("udp/1900", "ssdp at 239.255.255.250, for the port itself is closed: HTTP/1.1 200 OK", ("udp", "ssdp")),
        ("udp/5353", "mdns at ff02::fb, for the port itself is closed: x", ("udp", "mdns")),
        ("udp/53", "something other than dns: x", None),
        ("udp/123", "ntp: x", None),
        ("snmp_v1_v2c", "udp/161: snmp: x", None),
    ],
)
def test_undeclared_services_over_udp_are_asked_in_the_protocol_that_was_recognised(
    about: str, detail: str, service: tuple[str, str] | None
) -> None:
    facts = (Fact(about=about, answer=Answer.SEEN, detail=detail),)
    found = services_of(Observation(question="?", facts=facts))
    assert [(one.transport, one.protocol) for one in found] == ([service] if service else [])


def test_a_port_that_did_not_answer_the_sweep_is_not_asked() -> None:
    facts = (Fact(about="udp/53", answer=Answer.SILENT, detail="dns: x"),)
    assert not services_of(Observation(question="?", facts=facts))


def version_bind(asked: bytes, text: bytes = b"dnsmasq-2.90", ttl: bytes = bytes(4)) -> bytes:
    record = b"\xc0\x0c\x00\x10\x00\x03" + ttl + (len(text) + 1).to_bytes(2) + bytes([len(text)]) + text
    return asked[:2] + b"\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00" + asked[12:] + record


@pytest.mark.parametrize("ttl", [bytes(4), b"\x00\x01\x51\x80"])
@pytest.mark.parametrize("text", [b"dnsmasq-2.90", b"9.18.24-1+deb12u2-Debian", b"q"])
def test_the_text_of_version_bind_is_read_over_udp_and_tcp(text: bytes, ttl: bytes) -> None:
    def over_tcp(connection: socket.socket) -> None:
        connection.settimeout(10)
        answer = version_bind(connection.recv(4_096)[2:], text, ttl)
        connection.sendall(len(answer).to_bytes(2) + answer)

    heard = told_over_udp("dns", lambda data, say: say(version_bind(data, text, ttl))), told("dns", over_tcp)
    assert [(fact.answer, fact.detail) for fact in heard] == [(Answer.SEEN, text.decode())] * 2


def test_a_name_server_that_refuses_version_bind_shows_nothing() -> None:
    fact = told_over_udp("dns", lambda data, say: say(data[:2] + b"\x81\x05" + data[4:]))
    assert (fact.answer, fact.detail) == (Answer.SEEN, NOTHING)


@pytest.mark.parametrize(
    ("protocol", "answer", "words"),
    [
        ("sip", b"SIP/2.0 200 OK\r\nUser-Agent: Asterisk 20.1.0\r\n\r\n", "User-Agent: Asterisk 20.1.0"),
        ("rtsp", b"RTSP/1.0 200 OK\r\nServer: Live555 2024.1\r\n\r\n", "Server: Live555 2024.1"),
        ("memcached", b"tp\0\0\0\1\0\0VERSION 1.6.18\r\n", "VERSION 1.6.18"),
        ("mssql_browser", b"\x05\x40\0ServerName;BOX;Version;15.0.2000.5;tcp;1433;;", "Version;15.0.2000.5"),
        ("mndp", b"\0\0\0\0\0\1\0\6abcdef\0\7\0\x066.49.1\0\x08\0\1x", "6.49.1"),
        ("sadp", b"<ProbeMatch><SoftwareVersion>V5.5.0build 17</SoftwareVersion>", "SoftwareVersion>V5.5.0build 17"),
    ],
)
def test_what_a_service_over_udp_tells_is_read(protocol: str, answer: bytes, words: str) -> None:
    with udp_server(lambda _, say: say(answer)) as port:
        services = (FoundService(Transport.UDP, port, protocol),)
        (fact,) = ReadBanners(Target(NetworkBench(address="127.0.0.1")), services).run(MemoryRecorder()).facts
    assert (fact.answer, fact.detail) == (Answer.SEEN, words)


UPGRADES = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
LIGHTTPD = b"HTTP/1.1 200 OK\r\nServer: lighttpd/1.4.69\r\nContent-Length: 0\r\n\r\n"


def upgrades(connection: socket.socket) -> None:
    connection.settimeout(10)
    asked = connection.recv(4_096)
    connection.sendall(UPGRADES if b"h2c" in asked else LIGHTTPD)


def redis(info: bytes) -> Handler:
    """A server that answers INFO so, and nothing else."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        while asked := connection.recv(4_096):
            connection.sendall(info if asked == b"INFO server\r\n" else b"+PONG\r\n")

    return handle


PPTP = bytes.fromhex("009c00011a2b3c4d0002")
START = (
    b"\1\0\0\0\0\0\x40\0\x0a\0\x0a\0\x09\0\0\0\x2f"
    b"\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x053.8.2\x0ccapabilitiesF\0\0\0\0\0\0\0\5PLAIN\xce"
)
"""The Connection.Start of AMQP 0-9-1, clause 1.4.2.1."""


@pytest.mark.parametrize(
    ("detail", "handler", "words"),
    [
        ("http_upgrade: HTTP/1.1 101", upgrades, "Server: lighttpd/1.4.69"),
        ("imap: * OK", says(b"* OK Dovecot 2.3.19 ready\r\n"), "Dovecot 2.3.19 ready"),
        ("pop3: +OK", says(b"+OK Dovecot 2.3.19 ready\r\n"), "Dovecot 2.3.19 ready"),
        (
            "nntp: 200 news",
            says(b"200 InterNetNews 2.7.0 ready (posting ok)\r\n"),
            "InterNetNews 2.7.0 ready (posting ok)",
        ),
        ("redis: +PONG", redis(b"$99\r\n# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n\r\n"), "redis_version:7.0.15"),
        (
            "redis: +PONG",
            redis(b"$99\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n"),
            "redis_version:7.2.4; valkey_version:8.0.1",
        ),
        ("redis: -NOAUTH", redis(b"-NOAUTH Authentication required.\r\n"), NOTHING),
        ("redis: +PONG", redis(b"-ERR unknown command 'INFO'\r\n"), NOTHING),
        ("gpsd: {", says(b'{"class":"VERSION","release":"3.22","proto_major":3}\r\n'), "release 3.22"),
        ("nats: INFO", says(b'INFO {"server_id":"N","version":"2.9.10","proto":1} \r\n'), "version 2.9.10"),
        ("amqp: x", answers(START), "product RabbitMQ; version 3.8.2"),
        (
            "pptp: x",
            answers(bytes.fromhex("009c00011a2b3c4d0002") + bytes(82) + b"MikroTik".ljust(64, b"\0")),
            "MikroTik",
        ),
        ("an unknown protocol: OK", says(b"OK Player 0.23.5\n"), "OK Player 0.23.5"),
        ("an unknown protocol: x", says(b"welcome\r\nhubd v1.2.3-rc1 ready\r\n"), "hubd v1.2.3-rc1"),
        ("an unknown protocol: x", says(b'{"model":"x","firmware":"4.2"}\n'), "firmware 4.2"),
        ("an unknown protocol: x", says(b"on 10.1.2.3 at 2026.12.01 12.30.44, temperature 21.5\n"), NOTHING),
        ("an unknown protocol: x", says(b"Date: 2026.12.01\nUptime 12.30.44\nTemperature: 21.5\nOID 1.3.6\n"), NOTHING),
        ("an unknown protocol: ERROR hubd 1.2.3 knows no GET", answers(b"ERROR"), "ERROR hubd 1.2.3"),
        ("an unknown protocol: no", says(b"\x00\xff\xfe\n"), NOTHING),
    ],
)
def test_services_that_nobody_can_declare_are_asked_what_they_tell(detail: str, handler: Handler, words: str) -> None:
    with tcp_server(handler) as port:
        facts = (Fact(about=f"tcp/{port}", answer=Answer.SEEN, detail=detail),)
        services = services_of(Observation(question="?", facts=facts))
        (fact,) = ReadBanners(Target(NetworkBench(address="127.0.0.1")), services).run(MemoryRecorder()).facts
    assert (fact.about, fact.detail) == (f"tcp/{port}", words)


def web(connection: socket.socket, page: bytes) -> None:
    """A web server that answers a question for its headers, and gives this for a page."""
    connection.settimeout(10)
    asked = connection.recv(4_096)
    connection.sendall(page if b"User-Agent: trustprobe" in asked else b"HTTP/1.1 200 OK\r\nServer: box\r\n\r\n")


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<p>Welcome"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"", "/ was not read: "),
        (CUT, "only the first 10 octets of / were read"),
        (WHOLE, ""),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_a_web_server_whose_pages_were_not_read_is_left_open(page: bytes, words: str, declared: bool) -> None:
    with tcp_server(lambda connection: web(connection, page)) as port:
        fields = {"id": "one", "transport": "tcp", "port": port, "protocol": "http", "purpose": "test"}
        service = Service.model_validate(fields) if declared else FoundService(Transport.TCP, port, "http")
        seen = ReadBanners(Target(NetworkBench(address="127.0.0.1")), (service,)).run(MemoryRecorder())
    (fact,) = seen.facts
    assert fact.answer is Answer.SEEN
    assert seen.left_open.get(fact.about, "").startswith(words)
    assert seen.conclusive is not bool(words)


def test_text_beyond_what_is_kept_leaves_the_service_open() -> None:
    line = b"\r\n".join(b"X-Version-%d: 1.2 %b" % (number, b"a" * 450) for number in range(6))
    with tcp_server(answers(b"RTSP/1.0 200 OK\r\n" + line + b"\r\n\r\n")) as port:
        services = (FoundService(Transport.TCP, port, "rtsp"),)
        seen = ReadBanners(Target(NetworkBench(address="127.0.0.1")), services).run(MemoryRecorder())
    assert "only the first 2000 were read" in seen.unproven
