import socket
import ssl
import threading
from pathlib import Path
from typing import get_args

import pytest
import trustme

from drivers.network.conversation import READ_LIMIT
from drivers.network.questions import declared_services, tcp_questions, udp_questions
from drivers.network.recognise.speaker import Patience, Recogniser, Spoken
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Protocol
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.recognise.speakers import (
    AMBIGUOUS,
    BRIEF,
    ECHOED,
    GREETED,
    STEADY,
    Handler,
    answers,
    answers_to,
    closes,
    drips,
    echoes,
    floods,
    greets,
    inside,
    says,
)
from tests.free_ports import free_port
from trustprobe.probe import Answer

MYSQL = b"\x4a\0\0\0\x0a8.0.36\0\x0b\0\0\0" + bytes(60)
SMB2 = b"\0\0\0\x44\xfeSMB" + b"\x40\0" + bytes(10) + b"\1" + bytes(51)
OK = b"HTTP/1.1 200 OK\r\n\r\n"
RPC = b"\x80\0\0\x18tprb\0\0\0\1" + bytes(16)


@pytest.fixture(scope="module")
def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("camera.local").configure_cert(context)
    return context


def recognise(handler: Handler, port: int = 40_000, patience: Patience = STEADY) -> Spoken:
    with tcp_server(handler) as here:
        bench = NetworkBench(address="127.0.0.1", port_map={f"tcp/{port}": here})
        spoken = Recogniser(Target(bench), patience).recognise(port)
        if isinstance(handler, Hears):
            assert handler.all_came.wait(10)
        return spoken


@pytest.mark.parametrize(
    ("service", "handler"),
    [
        ("http", answers_to(x47=b"HTTP/1.0 200 OK\r\n\r\n")),
        ("rtsp", answers_to(x47=b"RTSP/1.0 400 Bad Request\r\n\r\n")),
        ("sip", answers_to(x4f5054494f4e5320736970=b"SIP/2.0 200 OK\r\n\r\n")),
        ("memcached", answers_to(x76657273=b"VERSION 1.6.18\r\n")),
        ("finger", answers_to(x0d0a=b"Login     Name       Tty      Idle\r\n")),
        ("dns", answers_to(x001e=b"\0\x1etp\x81\x05" + bytes(26))),
        ("smb", answers_to(x0000006cfe=SMB2)),
        ("ldap", answers_to(x30250201=b"\x30\x0c\2\1\1\x65\7\x0a\1\0\4\0\4\0")),
        ("rdp", answers_to(x03000013=b"\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x0f\x08\0\2\0\0\0")),
        ("s7", answers_to(x03000016=b"\3\0\0\x16\x11\xd0\0\1\0\2\0\xc0\1\x0a\xc1\2\1\0\xc2\2\1\2")),
        ("postgresql", answers_to(x0000000804=b"N")),
        ("mssql", answers_to(x1201=b"\4\1\0\x2b\0\0\1\0\0\0" + bytes(30))),
        ("amqp", answers_to(x414d5150=b"\1\0\0\0\0\1\x50\0\x0a\0\x0a\0\x09")),
        ("socks", answers_to(x0503=b"\5\0")),
        ("rpcbind", answers_to(x80000028=RPC)),
        ("smux", answers_to(x47=b"A\1\2")),
        ("irc", answers_to(x47=b":irc.device.example 451 * :Connection not registered\r\n")),
        ("irc", answers_to(x47=b"ERROR :Closing link: (unknown@10.0.0.2) [Registration timeout]\r\n")),
        ("x11", answers_to(x6c00=b"\0\x16\x0b\0\0\0\6\0No protocol specified\n")),
        ("opcua", answers_to(x48454c46=b"ACKF\x1c\0\0\0" + bytes(20))),
        ("ethernet_ip", answers_to(x6300=b"\x63\0\x3b\0\0\0\0\0" + bytes(75))),
        ("knx", answers_to(x0610=b"\6\x10\2\4\0\x4e" + bytes(72))),
        ("iec104", answers_to(x6804=b"\x68\4\x83\0\0\0")),
        ("dnp3", answers_to(x0564=b"\5\x64\5\x0b\2\0\1\0\x11\x22")),
        ("websocket", answers_to(x47=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")),
        ("websocket", answers_to(x47=b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: WebSocket\r\n\r\n")),
        ("websocket", answers_to(x47=b"HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\n\r\n")),
        ("socket_io", answers_to(x47=b'HTTP/1.1 200 OK\r\n\r\n0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[]}')),
        ("socket_io", answers_to(x47=b'HTTP/1.1 200 OK\r\n\r\n96:0{"sid":"lv_VI97HAXpY6yYWAAAC"}2:40')),
        (
            "socket_io",
            answers_to(x47=b'HTTP/1.1 400 Bad Request\r\n\r\n{"code":5,"message":"Unsupported protocol version"}'),
        ),
        ("http_upgrade", answers_to(x47=OK, x4f5054494f4e53202a20=b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n")),
        (
            "http_upgrade",
            answers_to(x47=OK, x4f5054494f4e53202a20=b"HTTP/1.1 101 Switching\r\nUpgrade: TLS/1.2\r\n\r\n"),
        ),
        ("http", answers_to(x47=b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\n\r\n")),
        ("http", answers_to(x47=b'HTTP/1.1 200 OK\r\n\r\n{"code":0,"message":"hello"}')),
    ],
)
def test_a_protocol_is_known_by_its_words_on_a_port_that_is_not_its_own(service: str, handler: Handler) -> None:
    spoken = recognise(handler)
    assert (spoken.protocol, spoken.tls) == (service, False), spoken.words
    assert spoken.answer is Answer.SEEN


@pytest.mark.parametrize(
    ("service", "handler"),
    [
        ("ssh", says(b"SSH-2.0-dropbear\r\n")),
        ("vnc", says(b"RFB 003.008\n")),
        ("gpsd", says(b'{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}\r\n')),
        ("nats", says(b'INFO {"server_id":"NB4R","server_name":"NB4R","version":"2.9.10","proto":1} \r\n')),
        ("mysql", says(MYSQL)),
        ("mysql", says(b"\x45\0\0\0\xff\x6a\x04Host '10.0.0.2' is not allowed to connect")),
        ("imap", says(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")),
        ("pop3", says(b"+OK ready\r\n")),
        ("ftp", says(b"220 (vsFTPd 3.0.3)\r\n")),
        ("coap", says(b"P\xe1#\x80\x01\x00 ")),
        ("telnet", says(b"\xff\xfd\x01\xff\xfd\x1f")),
        ("telnet", says(b"BusyBox\r\ncamera login: ")),
    ],
)
def test_a_protocol_is_known_by_its_greeting_on_a_port_that_is_not_its_own(service: str, handler: Handler) -> None:
    spoken = recognise(handler, patience=GREETED)
    assert (spoken.protocol, spoken.tls) == (service, False), spoken.words
    assert spoken.answer is Answer.SEEN


@pytest.mark.parametrize(
    ("service", "handler"),
    [
        ("smtp", says(b"220 camera.local ESMTP\r\n")),
        ("smtp", greets(b"220 camera.local ready\r\n", EHLO=b"250-camera.local\r\n250 HELP\r\n")),
        ("ftp", greets(b"220 ready\r\n", other=b"530 Please log in\r\n")),
        ("shell", greets(b"/ # ", echo=b"trustprobe42\n/ # ")),
    ],
)
def test_a_protocol_whose_greeting_fits_others_is_known_by_its_answer(service: str, handler: Handler) -> None:
    spoken = recognise(handler, patience=AMBIGUOUS)
    assert (spoken.protocol, spoken.tls) == (service, False), spoken.words
    assert spoken.answer is Answer.SEEN


@pytest.mark.parametrize(
    ("service", "handler"),
    [
        ("http", answers_to(x47=b"HTTP/1.1 200 OK\r\n\r\n")),
        ("imap", says(b"* OK ready\r\n")),
        ("mqtt", answers_to(x1016=b"\x20\2\0\0")),
    ],
)
def test_what_speaks_inside_tls_is_known_too(service: str, handler: Handler, tls_context: ssl.SSLContext) -> None:
    spoken = recognise(inside(tls_context, handler))
    assert (spoken.protocol, spoken.tls) == (service, True), spoken.words
    assert not spoken.clear


def test_a_server_of_tls_that_answers_http_in_clear_by_400_is_one_of_tls(tls_context: ssl.SSLContext) -> None:
    secure = inside(tls_context, answers_to(x47=b"HTTP/1.1 200 OK\r\n\r\n"))

    def handle(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            secure(connection)
        else:
            answers(b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port")(connection)

    spoken = recognise(handle)
    assert (spoken.protocol, spoken.tls) == ("http", True)


def test_a_400_without_tls_is_http() -> None:
    assert recognise(answers_to(x47=b"HTTP/1.1 400 Bad Request\r\n\r\n")).clear == {"http_clear"}


class Hears:
    """A handler that keeps the first octets of each connection; `all_came` is set by the last that is expected."""

    def __init__(self, heard: list[bytes], expected: int) -> None:
        self.heard, self.expected, self.all_came = heard, expected, threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        self.heard.append(connection.recv(4_096)[:3])
        if len(self.heard) >= self.expected:
            self.all_came.set()


def test_pptp_is_known_by_its_answer_on_its_own_port() -> None:
    reply = bytes.fromhex("009c00011a2b3c4d00020000010001") + bytes(141)
    assert recognise(answers_to(x009c=reply), port=1_723).protocol == "pptp"


def test_a_printer_is_told_nothing() -> None:
    heard: list[bytes] = []
    spoken = recognise(Hears(heard, 1), 9_100)
    assert heard == [b""]
    assert "because a printer prints what it receives" in spoken.words


def test_on_the_port_of_a_controller_little_else_is_asked() -> None:
    heard: list[bytes] = []
    recognise(Hears(heard, 4), 502)
    assert heard == [b"tp\0", b"", b"GET", b"\x16\x03\x01"]


def test_a_port_that_says_nothing_is_asked_a_bounded_number_of_questions() -> None:
    def mute(connection: socket.socket) -> None:
        connection.settimeout(10)
        while connection.recv(4_096):
            pass

    spoken = recognise(mute, patience=BRIEF)
    assert spoken.answer is Answer.SILENT
    assert 1 < spoken.asked <= len(tcp_questions())
    assert spoken.words == f"it does not answer {spoken.asked} questions (the probe of this port ended after 1 s)"


def test_a_port_that_sends_back_what_it_is_sent_is_an_echo() -> None:
    spoken = recognise(echoes, patience=ECHOED)
    assert spoken.words == "echo: it returns the data that it receives"
    assert not spoken.clear


def test_a_port_that_closes_each_connection_at_once_is_left_alone() -> None:
    spoken = recognise(closes, patience=GREETED)
    assert spoken.asked == 3
    assert "it closes each connection before any data is sent" in spoken.words


def test_a_port_that_takes_no_more_connections_is_left_alone_and_that_is_said() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:

        def once() -> None:
            connection, _ = listener.accept()
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            connection.close()  # no sooner, for the next question follows this at once

        thread = threading.Thread(target=once)
        thread.start()
        bench = NetworkBench(address="127.0.0.1")
        spoken = Recogniser(Target(bench), GREETED).recognise(listener.getsockname()[1])
        thread.join(10)
    assert "it accepted no more connections after 1 questions" in spoken.words


def test_a_closed_port_is_refused() -> None:
    spoken = Recogniser(Target(NetworkBench(address="127.0.0.1")), BRIEF).recognise(closed_port())
    assert (spoken.answer, spoken.words) == (Answer.REFUSED, "RST")


@pytest.mark.parametrize("handler", [floods, drips(b"x"), drips(b"220 "), drips(b"RFB")])
def test_endless_and_dripping_banners_are_bounded_and_are_no_known_protocol(handler: Handler) -> None:
    spoken = recognise(handler, patience=BRIEF)
    assert not spoken.protocol
    assert len(spoken.talk.heard) <= READ_LIMIT
    assert spoken.words.isprintable()


# --- the table ---------------------------------------------------------------------------------------------------


def test_every_protocol_that_a_declaration_names_has_a_question() -> None:
    known = {row.service for row in declared_services()} | {row.service for row in udp_questions()}
    assert set(get_args(Protocol)) - {"other"} <= known


def test_no_row_takes_our_own_words_for_an_answer_where_it_is_asked_anywhere() -> None:
    rows = tcp_questions()
    mistaken = [
        (row.service, other.service)
        for row in rows
        for other in rows
        if row.anywhere and row.is_answered_by(other.payload("camera.local"))
    ]
    assert not mistaken


def test_each_service_that_must_not_be_open_has_a_usual_port() -> None:
    assert not [row.service for row in tcp_questions() if row.clear and not row.ports]


def test_the_documentation_names_each_service() -> None:
    page = (Path(__file__).parents[4] / "docs" / "recognised_services.md").read_text("utf-8")
    assert not [row.service for row in tcp_questions() if row.service not in page]
