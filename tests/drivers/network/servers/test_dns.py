import socket
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from scapy.layers.dhcp import BOOTP

from drivers.network.malformed.messages.answers_names import (
    ASKED,
    COOKIE,
    address_answer_changes,
    address_answers,
    name_answer_changes,
    name_answers,
)
from drivers.network.malformed.messages.message import Message
from drivers.network.malformed.sending.answers import AskedForNames, answers_of
from drivers.network.servers.dhcp import kind_of
from drivers.network.servers.dns import DnsServer, asked_of
from lab_config.asked import ResolverBench
from tests.drivers.network.loopback_servers import closed_port

HERE = "127.0.0.1"
NAME = b"\x06camera\x07example\0"
QUESTION = b"tp\x01\x00\0\x01\0\0\0\0\0\0" + NAME + b"\0\x01\0\x01"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    bench = ResolverBench(address=HERE, port=closed_port(socket.SOCK_DGRAM), hosts={"Camera.Example.": "192.0.2.7"})
    with DnsServer(bench, HERE) as running:
        yield running


def ask(server: DnsServer, question: bytes, answers: int = 1) -> list[bytes]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(question, (HERE, server.bench.port))
        return [sock.recv(4_096) for _ in range(answers)]


def test_a_name_of_the_bench_has_its_address_and_others_do_not_exist(server: DnsServer) -> None:
    (answer,) = ask(server, QUESTION)
    assert answer[:2] == b"tp"
    assert answer.endswith(b"\x00\x04\xc0\x00\x02\x07")
    (none,) = ask(server, QUESTION.replace(b"camera", b"nobody"))
    assert none[3] & 0x0F == 3
    (other,) = ask(server, QUESTION[:-4] + b"\0\x1c\0\x01")
    assert (other[3] & 0x0F, other[6:8]) == (0, b"\0\0"), "it exists, and has no such record"


@pytest.mark.parametrize(
    ("name", "kind", "code", "answers"),
    [
        ("camera.example.", "A", "NOERROR", ["192.0.2.7"]),
        ("CaMeRa.eXaMpLe.", "A", "NOERROR", ["192.0.2.7"]),
        ("camera.example.", "AAAA", "NOERROR", []),
        ("nobody.example.", "A", "NXDOMAIN", []),
        (".", "NS", "NXDOMAIN", []),
    ],
)
def test_dnspython_asks_and_parses_the_answer(
    server: DnsServer, name: str, kind: str, code: str, answers: list[str]
) -> None:
    asked = dns.message.make_query(name, kind, use_edns=0)
    answer = dns.query.udp(asked, HERE, timeout=5, port=server.bench.port, raise_on_truncation=True)
    assert asked.is_response(answer)
    assert (dns.rcode.to_text(answer.rcode()), [str(data) for one in answer.answer for data in one]) == (code, answers)
    assert answer.flags & dns.flags.RA


def test_wrong_answers_repeat_the_identifier_and_the_question_and_a_good_one_follows(server: DnsServer) -> None:
    messages = answers_of("n", name_answers, name_answer_changes, 1, 40)
    server.precede([one.data for one in messages])
    heard = ask(server, QUESTION, 41)
    assert all(answer[:2] == b"tp" and ASKED not in answer for answer in heard)
    assert heard[-1].endswith(b"\xc0\x00\x02\x07")
    assert len(ask(server, QUESTION)) == 1, "once"


def test_a_device_that_does_not_ask_is_nudged_before_the_first_message_and_never_again(server: DnsServer) -> None:
    nudged = []

    def nudge() -> None:
        nudged.append(ask(server, QUESTION))

    asked = AskedForNames(server, "names", 0.05, nudge)
    assert asked.misses() is None
    assert asked.misses() is not None
    assert not asked.answer([Message("one", b"tp", "a test")])[0].carried
    assert len(nudged) == 1
    assert AskedForNames(server, "names", 0.05).misses() == "the device did not request names within 0.05 s"


@pytest.mark.parametrize(
    "bad", [b"", QUESTION[:11], QUESTION[:-3], b"tp\x81" + QUESTION[3:], QUESTION[:12] + b"\xc0\x0c"]
)
def test_what_is_no_question_is_not_answered(bad: bytes) -> None:
    assert asked_of(bad) is None


def said(options: bytes) -> int:
    return kind_of(BOOTP(bytes(BOOTP()) + COOKIE + options))


def test_the_kind_of_a_dhcp_message_is_read_from_any_order_of_options() -> None:
    assert said(b"\x35\x01\x03\xff") == 3
    assert said(b"\0\x0c\x02tp\0\x35\x01\x01\xff") == 1
    bad = (b"", b"\xff", b"\x35", b"\x0c\xff\x35\x01\x01", b"\x35\x02\x01\x01", b"\x35\0")
    assert [said(options) for options in bad] == [0] * 6


def test_no_answer_of_the_dhcp_server_gives_an_address() -> None:
    made = answers_of("d", address_answers, address_answer_changes, 1, 80)
    assert all(one.data[16:20] in (bytes(4), b"") for one in made)
    assert made == answers_of("d", address_answers, address_answer_changes, 1, 80)
