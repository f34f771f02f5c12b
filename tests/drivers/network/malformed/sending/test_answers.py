"""Malformed answers: given to whoever asks, a good one behind them, and a device that asks no more is seen."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from drivers.network.malformed.messages.answers_http import http_answer_changes, http_answers
from drivers.network.malformed.messages.answers_small import (
    collector_changes,
    collector_talk,
    time_answer_changes,
    time_answers,
)
from drivers.network.malformed.messages.answers_tls import tls_answer_changes, tls_answers
from drivers.network.malformed.messages.message import MESSAGE_LIMIT, Message, MessageSeries
from drivers.network.malformed.sending.answers import AnswerMalformed, AskedCloud, AskedForTime, AskedServer, answers_of
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput
from drivers.network.servers.ntp import NtpServer
from drivers.network.servers.tls import TlsClientServer
from drivers.network.target import Target
from drivers.network.tls.bad_certificate import Authority, issue
from lab_config.bench import CloudBench, NetworkBench, TimeSourceBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.network.malformed.victim import Habit, Victim
from tests.drivers.network.tls.test_bad_certificate import HOST, make_ca
from tests.drivers.recorder import MemoryRecorder
from virtual_lab.reference.firmware import clock
from virtual_lab.reference.firmware.clock import ask

HERE = "127.0.0.1"
GENERATORS = {
    "time": (time_answers, time_answer_changes),
    "http": (http_answers, http_answer_changes),
    "tls": (tls_answers, tls_answer_changes),
    "collector": (collector_talk, collector_changes),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_gives_the_same_answers_and_each_says_where_it_is_from(name: str) -> None:
    made = answers_of(name, *GENERATORS[name], 1, 70)
    assert made == answers_of(name, *GENERATORS[name], 1, 70)
    assert made != answers_of(name, *GENERATORS[name], 2, 70)
    assert len({one.name for one in made}) == 70
    assert all(one.origin and len(one.data) <= MESSAGE_LIMIT for one in made)


def test_no_answer_for_the_time_moves_a_clock_that_looks_at_the_leap_indicator() -> None:
    """What carries other times is marked as not synchronised; the others get the right times written in."""
    for one in time_answers(Random(1)):
        if len(one.data) >= 48 and one.name not in ("ones", "noise") and any(one.data[32:48]):
            assert one.data[0] >> 6 == 3, one.name


def answered(peer: AskedServer, messages: tuple[Message, ...], batch: int, record: MemoryRecorder) -> MalformedInput:
    with Victim(Habit.ANSWERS) as victim:
        service = Service.model_validate(
            {"id": "web", "transport": "tcp", "port": victim.port, "protocol": "http", "purpose": "a test"}
        )
        target = Target(NetworkBench(address=HERE))
        return AnswerMalformed(target, service, peer, MessageSeries("test", 1, messages), batch, Revival(1.0)).run(
            record
        )


@contextmanager
def in_background(work: Callable[[threading.Event], None]) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,), daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join(10)


@pytest.fixture
def time_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NtpServer]:
    monkeypatch.setattr(clock, "_ANSWER_SECONDS", 5.0)  # a good answer ends the wait
    with NtpServer(TimeSourceBench(address=HERE, port=closed_port(socket.SOCK_DGRAM)), HERE) as running:
        yield running


def test_a_good_answer_follows_the_malformed_ones_so_that_a_careful_clock_keeps_its_time(
    time_server: NtpServer,
) -> None:
    time_server.precede([one.data for one in answers_of("time", *GENERATORS["time"], 1, 60)])
    assert abs(ask((HERE, time_server.port), HERE)) < 0.5


def test_a_client_of_the_time_server_that_stands_is_asked_for_in_each_batch(time_server: NtpServer) -> None:
    def client(ended: threading.Event) -> None:
        while not ended.wait(0.02):
            with contextlib.suppress(OSError, ValueError):
                ask((HERE, time_server.port), HERE)

    messages = answers_of("time", *GENERATORS["time"], 1, 40)
    with in_background(client):
        seen = answered(AskedForTime(time_server, 5.0), messages, 20, MemoryRecorder())
    assert seen.refused == {one.name for one in messages}
    assert seen.conclusive


def test_a_client_that_a_short_answer_ends_is_found_at_that_answer(time_server: NtpServer) -> None:
    fell = threading.Event()

    def client(ended: threading.Event) -> None:
        while not ended.wait(0.02) and not fell.is_set():
            with contextlib.suppress(OSError, ValueError):
                ask((HERE, time_server.port), HERE, fell.set)

    record = MemoryRecorder()
    with in_background(client):
        seen = answered(AskedForTime(time_server, 3.0), answers_of("time", *GENERATORS["time"], 1, 3), 1, record)
    assert seen.seen == {"empty_but_one"}
    assert "did not request the time within 3 s" in seen.detail("empty_but_one")
    assert record.kept["empty_but_one.bin"] == b"$"


def test_a_device_that_never_asks_leaves_the_question_open(time_server: NtpServer) -> None:
    seen = answered(AskedForTime(time_server, 0.1), answers_of("time", *GENERATORS["time"], 1, 3), 3, MemoryRecorder())
    assert not seen.conclusive
    assert len(seen.silent) == 3


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[TlsClientServer]:
    ca, key = make_ca(tmp_path)
    bench = CloudBench(address=HERE, port=closed_port(), ca_certificate=ca, ca_key=key)
    good = issue("good", HOST, Authority.load(ca, key), tmp_path)
    with TlsClientServer(bench, good, HERE) as running:
        yield running


def cloud_client(
    server: TlsClientServer, heard: list[bytes], ends_on: bytes = b""
) -> Callable[[threading.Event], None]:
    """Return a device that speaks to its cloud, reads what comes, and begins anew; `ends_on` is what ends it."""
    context = ssl.create_default_context(cafile=str(server.bench.ca_certificate))

    def client(ended: threading.Event) -> None:
        while not ended.wait(0.005):
            with contextlib.suppress(OSError), socket.create_connection((HERE, server.bench.port), 5.0) as plain:
                with context.wrap_socket(plain, server_hostname=HOST) as stream:
                    stream.sendall(b"GET /v1 HTTP/1.1\r\nHost: cloud\r\n\r\n")
                    while piece := stream.recv(65_536):
                        heard.append(piece)
                        if ends_on and ends_on in piece:
                            return

    return client


@pytest.mark.parametrize("in_place_of_tls", [False, True])
def test_each_wrong_answer_of_the_cloud_gets_a_connection_and_a_good_one_follows(
    cloud: TlsClientServer, in_place_of_tls: bool
) -> None:
    heard: list[bytes] = []
    name = "tls" if in_place_of_tls else "http"
    messages = answers_of(name, *GENERATORS[name], 1, 8)
    with in_background(cloud_client(cloud, heard)):
        seen = answered(AskedCloud(cloud, 5.0, in_place_of_tls), messages, 4, MemoryRecorder())
        cloud.present(cloud.good)  # ends a connection that is kept open
    assert seen.refused == {one.name for one in messages}
    assert seen.conclusive
    assert (b"X-Pad" in b"".join(heard)) is not in_place_of_tls
    assert any(piece.startswith(b"HTTP/1.1 204") for piece in heard), "between the batches it is answered well"


def test_a_client_of_the_cloud_that_does_not_come_back_is_damage(cloud: TlsClientServer) -> None:
    messages = tuple(
        Message(name, b"HTTP/1.1 200 OK\r\n%s: 1\r\n\r\n" % name.encode(), "a test") for name in ("a", "b")
    )
    with in_background(cloud_client(cloud, [], b"b: 1")):
        seen = answered(AskedCloud(cloud, 3.0), messages, 1, MemoryRecorder())
    assert seen.seen == {"b"}
    assert "sent nothing to its cloud" in seen.detail("b")
