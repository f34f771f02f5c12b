"""The probe that sends malformed messages: what it calls a crash, what it does not, and what it keeps."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.sending import delivery, watch
from drivers.network.malformed.sending import round as passes
from drivers.network.malformed.sending.evidence import read_kept
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival, Starts
from drivers.network.malformed.sending.round import MalformedInput
from drivers.network.malformed.sending.send import SendMalformed
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.network.malformed.victim import Habit, Victim, brief_while
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

LOOPBACK = Target(NetworkBench(address="127.0.0.1"))
MESSAGES = tuple(
    Message(name, b"GET /%s HTTP/1.1\r\n\r\n" % name.encode(), "a test") for name in ("first", "bad", "last", "end")
)


@pytest.fixture(autouse=True)
def short_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(watch, "MOMENT", 0.2)
    yield


def service(port: int, name: str = "admin") -> Service:
    return Service.model_validate(
        {"id": name, "transport": "tcp", "port": port, "protocol": "http", "purpose": "a test"}
    )


def send(
    port: int,
    record: MemoryRecorder | None = None,
    *,
    others: tuple[Service, ...] = (),
    starts: Callable[[], str | None] | None = None,
    revive: Callable[[], None] | None = None,
    messages: tuple[Message, ...] = MESSAGES,
    together: int = 1,
    comes_back: float = 10.0,
) -> MalformedInput:
    revival = Revival(comes_back, others, Starts(starts) if starts else None, revive)
    series = MessageSeries("http", 7, messages)
    probe = SendMalformed(LOOPBACK, service(port), DeliveryWay.TCP, series, revival, together)
    return probe.run(record or MemoryRecorder())


def test_a_service_that_answers_behind_each_message_is_refused_them_all() -> None:
    with Victim(Habit.ANSWERS) as victim:
        seen = send(victim.port)
    assert seen.refused == {message.name for message in MESSAGES}
    assert seen.conclusive
    assert (seen.seed, seen.sent, seen.culprit) == (7, 4, "")


def test_a_service_that_ends_is_found_at_its_message_and_the_message_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    record = MemoryRecorder()
    with Victim(Habit.ENDS).watched(monkeypatch) as victim:
        seen = send(victim.port, record)
    assert seen.seen == {"bad"}
    assert "no process listened" in seen.detail("bad")
    assert "when it was sent alone, again no process listened" in seen.detail("bad")
    assert seen.repeated
    assert record.kept["bad.bin"] == MESSAGES[1].data
    assert seen.silent == {"last", "end"}, "what was not sent says so"


def test_a_restart_between_two_requests_shows_by_the_held_connection() -> None:
    with Victim(Habit.ENDS_AND_IS_BACK_AT_ONCE) as victim:
        seen = send(victim.port)
    assert seen.seen == {"bad"}
    assert "held" in seen.detail("bad")


def test_a_hang_is_damage_where_another_service_shows_that_the_bench_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    with Victim(Habit.HANGS).hurried(monkeypatch) as victim, Victim(Habit.ANSWERS) as other:
        seen = send(victim.port, others=(service(other.port, "other"),), comes_back=1.5)
    assert seen.seen == {"bad"}
    assert "has not answered a healthy request" in seen.detail("bad")


def test_a_silence_that_nothing_else_explains_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Victim(Habit.HANGS).hurried(monkeypatch) as victim:
        seen = send(victim.port, comes_back=1.5)
    assert not seen.seen
    assert not seen.conclusive
    assert seen.witness is not None
    assert "nothing shows that the bench works" in seen.witness.what


def test_a_device_that_its_power_switch_brings_back_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    with Victim(Habit.HANGS).hurried(monkeypatch) as victim:
        seen = send(victim.port, revive=victim.revive, comes_back=1.5)
    assert seen.seen == {"bad"}
    assert "was back after a power cycle" in seen.detail("bad")


def test_one_slow_moment_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    with Victim(Habit.IS_SLOW_ONCE).hurried(monkeypatch) as victim:
        seen = send(victim.port)
    assert not seen.seen
    assert seen.conclusive


@pytest.mark.parametrize("gap", [10.0, 0.05])
def test_a_service_that_closes_idle_connections_has_not_crashed_however_late_that_is_seen(
    gap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET_SECONDS", 5.0)
    monkeypatch.setattr(watch, "MOMENT", 5.0)  # the end of the connection that is held next ends the wait for it
    monkeypatch.setattr(watch, "SHORT_GAP", gap)
    record = MemoryRecorder()
    with Victim(Habit.CLOSES_IDLE_CONNECTIONS) as victim:
        seen = send(victim.port, record)
    assert not seen.seen
    assert seen.conclusive
    assert any("also closed without a message" in note for note in record.notes), record.notes


def test_a_round_ends_when_its_time_is_up_and_what_was_not_sent_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "ROUND_SECONDS", -1.0)
    with Victim(Habit.ANSWERS) as victim:
        seen = send(victim.port)
    assert len(seen.silent) == len(MESSAGES)
    assert not seen.conclusive


def test_being_turned_away_for_a_while_is_no_crash() -> None:
    with Victim(Habit.TURNS_AWAY) as victim:
        seen = send(victim.port)
    assert not seen.seen
    assert seen.conclusive


def test_being_turned_away_for_good_is_neither_a_pass_nor_a_crash() -> None:
    with Victim(Habit.TURNS_AWAY_FOR_GOOD) as victim:
        seen = send(victim.port, comes_back=1.5)
    assert not seen.seen
    assert not seen.conclusive
    assert "protects itself, or it is damaged" in seen.detail("bad")


def test_a_service_that_answers_with_errors_from_then_on_is_damaged() -> None:
    with Victim(Habit.ANSWERS_500_FROM_THEN_ON) as victim:
        seen = send(victim.port, comes_back=1.5)
    assert seen.seen == {"bad"}
    assert "differently than before" in seen.detail("bad")


def test_a_start_that_no_request_fell_upon_shows_by_its_id_and_is_attributed() -> None:
    with Victim(Habit.ANSWERS) as victim:
        victim._habit = Habit.ANSWERS
        seen = send(victim.port, starts=lambda: str(victim.seen[Habit.ANSWERS]))
    assert seen.seen == {"bad"}
    assert "the device has started again" in seen.detail("bad")
    assert seen.repeated


def test_a_start_that_does_not_come_again_is_laid_at_no_door() -> None:
    ids = iter(["a", *"b" * 100])
    with Victim(Habit.ANSWERS) as victim:
        seen = send(victim.port, starts=lambda: next(ids))
    assert not seen.seen
    assert not seen.conclusive
    assert "not when all 4 messages were sent again" in seen.unproven
    assert not seen.repeated


def test_a_service_that_is_silent_from_the_beginning_proves_nothing() -> None:
    with Victim(Habit.ANSWERS) as victim:
        port = victim.port
    seen = send(port, comes_back=1.5)
    assert seen.named(Answer.SILENT) == {message.name for message in MESSAGES}
    assert not seen.conclusive


def test_what_was_sent_is_kept_and_can_be_read_again(
    tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = MemoryRecorder()
    with Victim(Habit.ENDS).watched(monkeypatch) as victim:
        seen = send(victim.port, record)
        port = victim.port
    file = tmp_path / seen.culprit  # type: ignore[operator]
    file.write_bytes(record.kept[seen.culprit])
    kept = read_kept(file)
    assert (kept.data, kept.way, kept.port) == (MESSAGES[1].data, DeliveryWay.TCP, port)
    assert len(record.kept["messages.jsonl"].splitlines()) == len(MESSAGES)


@pytest.mark.parametrize(("blocks", "found"), [(b"", set()), (b"bad", {"bad"})], ids=["any", "the malformed one"])
def test_a_service_is_damaged_by_a_cut_off_request_only_if_half_of_a_healthy_one_does_not_block_it(
    blocks: bytes, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    free, record = threading.Event(), MemoryRecorder()
    free.set()
    brief_while(lambda _: not free.is_set(), monkeypatch, given_up=free.set)
    monkeypatch.setattr(Liveness, "hold", lambda _: None)  # one connection at a time is served

    def serve(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            piece = connection.recv(4_096)
            request += piece
            if not piece:
                if request and blocks in request:
                    free.clear()
                    free.wait(30)
                return
        connection.sendall(b"HTTP/1.1 200 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with tcp_server(serve) as port:
        seen = send(port, record, messages=(Message("bad", b"GET /bad", "a test"),))
    assert seen.seen == found, record.notes
    assert seen.conclusive is bool(found)
    if not found:
        assert "the service blocks after any half-sent request" in seen.unproven
