import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.ntp import NTPHeader

from drivers.network.servers.ntp import EPOCH, NtpServer, respond
from lab_config.bench import TimeSourceBench
from tests.drivers.network.loopback_servers import closed_port
from trustprobe.errors import BenchError
from virtual_lab.reference.firmware import clock
from virtual_lab.reference.firmware.clock import ask

HERE = "127.0.0.1"
WAIT = 10.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends with the answer; a server of the tests that gets no processor answers late."""
    monkeypatch.setattr(clock, "_ANSWER_SECONDS", 5.0)


@pytest.fixture
def server() -> Iterator[NtpServer]:
    with NtpServer(TimeSourceBench(address=HERE, port=closed_port(socket.SOCK_DGRAM)), HERE) as running:
        yield running


def test_an_sntp_client_learns_the_time_of_this_machine(server: NtpServer) -> None:
    assert abs(ask((HERE, server.port), HERE)) < 0.5
    assert server.wait_for_question(0, WAIT)
    assert server.asked.count == 1


def test_a_shift_is_told_and_taken_back(server: NtpServer) -> None:
    server.shift(3600)
    assert ask((HERE, server.port), HERE) == pytest.approx(3600, abs=0.5)
    server.shift(0)
    assert ask((HERE, server.port), HERE) == pytest.approx(0, abs=0.5)


def test_an_answer_repeats_the_questions_time_stamp_and_nothing_else_is_answered() -> None:
    question = b"\x23" + bytes(39) + b"cookies!"
    answer = respond(question, time.time())
    assert answer is not None
    assert answer[24:32] == b"cookies!"
    assert respond(b"\x24" + bytes(47), time.time()) is None
    assert respond(b"\x23", time.time()) is None


@settings(deadline=None)
@given(st.integers(0, 7), st.integers(0, 17), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - EPOCH - 1))
def test_scapy_asks_and_finds_its_time_stamp_and_the_time_in_the_answer(
    version: int, poll: int, stamp: int, now: int
) -> None:
    asked = bytes(NTPHeader(version=version, mode=3, poll=poll))[:40] + stamp.to_bytes(8)
    octets = respond(asked, now + 0.5)
    assert octets is not None
    answer = NTPHeader(octets)
    assert (answer.version, answer.mode, answer.stratum, answer.poll) == (version, 4, 1, poll)
    assert answer.orig == NTPHeader(asked).sent
    assert answer.recv == answer.sent == now + EPOCH + 0.5


def test_garbage_does_not_end_the_server(server: NtpServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", (HERE, server.port))
        sock.sendto(b"\xff" * 500, (HERE, server.port))
    assert abs(ask((HERE, server.port), HERE)) < 0.5


def came(there: Callable[[], bool]) -> bool:
    """Wait until it is there: the thread of the server gives no event for what it does not answer."""
    deadline, pause = time.monotonic() + WAIT, threading.Event()
    while not there() and time.monotonic() < deadline:
        pause.wait(0.01)
    return there()


def test_strangers_are_counted_and_not_answered() -> None:
    bench = TimeSourceBench(address=HERE, port=closed_port(socket.SOCK_DGRAM))
    with NtpServer(bench, "192.0.2.10") as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"\x23" + bytes(47), (HERE, server.port))
        assert came(lambda: server.strangers == 1)
    assert server.asked.count == 0


def test_a_port_that_is_taken_is_the_benchs_fault(server: NtpServer) -> None:
    with pytest.raises(BenchError, match="time server cannot listen") as caught:
        NtpServer(TimeSourceBench(address=HERE, port=server.port)).__enter__()
    assert "ss -lnup" in caught.value.next_step
