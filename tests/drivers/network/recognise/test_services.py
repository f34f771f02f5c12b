import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
import trustme

from drivers.network.conversation import READ_LIMIT
from drivers.network.recognise.services import RecogniseServices
from drivers.network.recognise.speaker import Patience
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import closed_port, mute_port, tcp_server, udp_server
from tests.drivers.network.recognise.speakers import (
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
    inside,
    resets,
    says,
)
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.probe import Fact, Observation

_ids = count()


@pytest.fixture(scope="module")
def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("camera.local").configure_cert(context)
    return context


def declare(protocol: str, port: int, transport: str = "tcp", *, tls: bool = False) -> Service:
    fields = {"id": f"service_{next(_ids)}", "transport": transport, "port": port, "protocol": protocol}
    return Service.model_validate({**fields, "tls": tls, "purpose": "test"})


def recognise(
    *services: Service, patience: Patience = STEADY, address: str = "127.0.0.1"
) -> tuple[Observation, MemoryRecorder]:
    record = MemoryRecorder()
    return RecogniseServices(Target(NetworkBench(address=address)), services, patience).run(record), record


@contextlib.contextmanager
def spoken(protocol: str, handler: Handler, *, tls: bool = False, patience: Patience = STEADY) -> Iterator[Fact]:
    with tcp_server(handler) as port:
        seen, _ = recognise(declare(protocol, port, tls=tls), patience=patience)
        yield seen.facts[0]


@pytest.mark.parametrize(
    ("protocol", "handler", "patience"),
    [
        ("ssh", says(b"SSH-2.0-HalcyonSSH\r\n"), STEADY),
        ("ssh", says(b"Authorised use only\r\nSSH-1.99-x\r\n"), STEADY),
        ("http", answers(b"HTTP/1.0 401 Unauthorized\r\n\r\n"), STEADY),
        ("other", says(b""), BRIEF),
        ("dns", answers(b"\0\x1etp\x81\x80" + bytes(26)), STEADY),
    ],
)
def test_a_declared_protocol_that_speaks_is_seen(protocol: str, handler: Handler, patience: Patience) -> None:
    with spoken(protocol, handler, patience=patience) as fact:
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
    patience = replace(STEADY, first=2.0, likely=2.0, other=0.1)  # a handshake is to come, and nothing inside
    with spoken("other", inside(tls_context, says(b"")), tls=True, patience=patience) as fact:
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
    with spoken("ssh", handler, patience=BRIEF) as fact:
        assert fact.answer == "silent", fact.detail


def test_a_port_that_accepts_and_resets_did_not_speak() -> None:
    with spoken("ssh", resets) as fact:  # the reset may overtake the end of connect(): then it reads as a refusal
        assert fact.answer in {"silent", "refused"}, fact.detail


def test_a_tarpit_of_lines_is_silent_for_ssh_allows_lines_before_the_identification() -> None:
    with spoken("ssh", drips(b"x\r\n"), patience=BRIEF) as fact:
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
    assert "something other than dns: what?" in seen.facts[1].detail


ALONE = "127.9.9.9"
"""An address of this machine on which no other test listens, so that ports next to one of its own are closed."""


@contextlib.contextmanager
def ignoring(*ports: int) -> Iterator[None]:
    """Listen on UDP ports of `ALONE`, and never reply."""
    with contextlib.ExitStack() as opened:
        for port in ports:
            opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((ALONE, port))
        yield


@pytest.mark.parametrize("protocol", ["other", "http"])  # neither has a question that is asked over UDP
def test_a_service_that_never_replies_is_left_open_whatever_closed_ports_next_to_it_say(protocol: str) -> None:
    port = free_port(ALONE, socket.SOCK_DGRAM)
    with ignoring(port), tcp_server(says(b"SSH-2.0-x\r\n"), (ALONE, 0)) as ssh:
        seen, _ = recognise(declare(protocol, port, "udp"), declare("ssh", ssh), address=ALONE)
    assert seen.silent == {f"udp/{port}"}
    narrowed = seen.about(f"udp/{port}")
    assert not narrowed.conclusive
    assert "No known question makes this service answer" in narrowed.unproven


@pytest.mark.parametrize("reply", [b"", b"any words"])
def test_any_datagram_of_a_service_without_a_question_is_its_answer(reply: bytes) -> None:
    with udp_server(lambda data, answer: answer(reply)) as port:
        seen, _ = recognise(declare("other", port, "udp"))
    assert seen.seen == {f"udp/{port}"}


def test_a_service_without_a_question_is_contradicted_by_its_own_closed_port() -> None:
    port = closed_port(socket.SOCK_DGRAM)
    seen, _ = recognise(declare("other", port, "udp"))
    assert seen.refused == {f"udp/{port}"}


def test_a_protocol_with_a_question_is_not_open_by_silence() -> None:
    port = free_port(ALONE, socket.SOCK_DGRAM)
    with ignoring(port):
        seen, _ = recognise(declare("snmp", port, "udp"), address=ALONE)
    assert seen.silent == {f"udp/{port}"}
    assert not seen.left_open


def test_facts_come_in_the_order_of_the_declaration() -> None:
    services = tuple(declare("http", closed_port(), transport) for transport in ("udp", "tcp", "udp"))
    seen, _ = recognise(*services)
    assert [fact.about for fact in seen.facts] == [service.about for service in services]


def test_a_service_that_was_too_slow_among_the_others_is_asked_once_more() -> None:
    asked = count(1)

    def second_time(connection: socket.socket) -> None:
        if next(asked) > 1:
            answers(b"HTTP/1.1 200 OK\r\n\r\n")(connection)

    with tcp_server(second_time) as port:
        observation, _ = recognise(declare("http", port))
    assert observation.seen == {f"tcp/{port}"}
    assert next(asked) == 3


def test_a_declared_port_is_contradicted_by_the_name_of_what_speaks_there() -> None:
    with tcp_server(answers_to(x1016=b"\x20\2\0\0")) as broker, tcp_server(echoes) as echo:
        services = declare("http", broker), declare("redis", echo), declare("other", broker)
        seen, _ = recognise(*services, patience=ECHOED)
    facts = [(fact.answer, fact.detail) for fact in seen.facts]
    assert facts[0] == ("refused", r"something other than http answered: mqtt, open to everybody:  \x02\x00\x00")
    assert facts[1] == ("refused", "something other than redis answered: echo: it returns the data that it receives")
    assert facts[2][0] == "seen"


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (says(b"login: "), "refused"),  # a declaration can name telnet
        (says(b"* OK IMAP ready\r\n"), "seen"),  # and has no word for IMAP
    ],
)
def test_what_is_declared_as_other_must_not_be_what_a_declaration_can_name(handler: Handler, answer: str) -> None:
    with spoken("other", handler, patience=GREETED) as fact:
        assert fact.answer == answer, fact.detail


def test_a_service_of_tls_where_clear_text_is_declared_is_refused(tls_context: ssl.SSLContext) -> None:
    with spoken("http", inside(tls_context, answers(b"HTTP/1.1 200 OK\r\n\r\n"))) as fact:
        assert fact.answer == "refused"
        assert fact.detail.startswith("something other than http answered: http inside TLS: HTTP/1.1 200")
