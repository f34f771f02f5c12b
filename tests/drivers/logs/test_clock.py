import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from drivers.logs.clock import SHIFT, FollowTimeSource, ReadClock, RecordOffset, Stopwatch, outside
from drivers.logs.collector import Collected, Collector
from drivers.logs.syslog import parse
from drivers.network.servers.ntp import NtpServer
from lab_config.bench import TimeSourceBench
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Recorder
from virtual_lab.reference.firmware.clock import ask

HERE = "127.0.0.1"
NOW = datetime(2026, 11, 21, 22, 14, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.logs.clock._PATIENCE", 0.01)


@pytest.fixture
def server() -> Iterator[NtpServer]:
    with NtpServer(TimeSourceBench(address=HERE, port=closed_port(socket.SOCK_DGRAM)), HERE) as running:
        yield running


class FakeCollector(Collector):
    def __init__(self, *stamps: str) -> None:
        self.stamps = stamps
        self.subject = ""

    def mark(self) -> int:
        return 7

    def wait_for(self, predicate: Callable[[Collected], bool], seconds: float, since: int) -> Collected | None:
        for stamp in self.stamps:
            record = parse(f"<84>1 {stamp} HV2-1 camera 77 LOGINFAIL - {self.subject}".encode())
            one = Collected("tls", datetime.now(UTC), 0.0, record, HERE, since)
            if predicate(one):
                return one
        return None

    def cause(self, user: str) -> None:
        self.subject = user


class Device(Stopwatch):
    """A stopwatch whose device asks the server before each record, and follows as `follow` says."""

    def __init__(self, server: NtpServer, follow: Callable[[float], float | None]) -> None:
        fake = FakeCollector()
        super().__init__(fake, fake.cause, 0.1)
        object.__setattr__(self, "ask", lambda: ask((HERE, server.port), HERE))
        object.__setattr__(self, "follow", follow)

    def read(self, record: Recorder) -> RecordOffset:
        return RecordOffset(True, self.follow(self.ask()), "a record")  # type: ignore[attr-defined]


def record_of(stamp: datetime, arrived: datetime) -> Collected:
    text = f"<84>1 {stamp:%Y-%m-%dT%H:%M:%S.%f}Z HV2-1 camera 77 LOGINFAIL - x"
    return Collected("tls", arrived, 0.0, parse(text.encode()), HERE, 0)


@pytest.mark.parametrize(("seconds", "offset"), [(-2, -1.0), (-1, 0.0), (-0.5, 0.0), (0, 0.0), (3, 3.0)])
def test_a_time_stamp_between_cause_and_arrival_is_exact(seconds: float, offset: float) -> None:
    found = record_of(NOW + timedelta(seconds=seconds), NOW)
    assert outside(found, NOW - timedelta(seconds=1)) == offset


def test_a_clock_that_is_hours_off_is_read() -> None:
    fake = FakeCollector("2001-01-01T00:00:00Z")
    seen = ReadClock(Stopwatch(fake, fake.cause, 0.1)).run(MemoryRecorder())
    assert seen.offset is not None
    assert seen.offset < -3600
    assert seen.conclusive


def asked(server: NtpServer) -> NtpServer:
    """The server, once the device has asked it."""
    ask((HERE, server.port), HERE)
    return server


@pytest.mark.parametrize(
    ("synchronised", "ready", "holds", "words"),
    [
        (True, None, True, "NTP has synchronised this machine"),
        (False, asked, True, "the device asked the time server of this machine"),
        (False, lambda server: server, False, "the device did not ask its time server"),
        (False, None, False, "the device did not ask its time server"),
    ],
)
def test_the_true_time_is_shown_by_ntp_or_told_to_the_device(
    server: NtpServer,
    synchronised: bool,
    ready: Callable[[NtpServer], NtpServer] | None,
    holds: bool,
    words: str,
) -> None:
    fake = FakeCollector("2001-01-01T00:00:00Z")
    told = ready(server) if ready else None
    seen = ReadClock(Stopwatch(fake, fake.cause, 0.1), told, lambda: synchronised).run(MemoryRecorder())
    assert seen.true_time.holds is holds
    assert words in seen.true_time.what


def test_a_record_without_a_time_stamp_is_a_fact_and_no_record_proves_nothing() -> None:
    fake = FakeCollector("-")
    seen = ReadClock(Stopwatch(fake, fake.cause, 0.1)).run(MemoryRecorder())
    assert seen.offset is None
    assert seen.silent == {"time"}
    assert seen.conclusive
    nothing = FakeCollector()
    assert not ReadClock(Stopwatch(nothing, nothing.cause, 0.1)).run(MemoryRecorder()).conclusive


def test_a_clock_that_follows_is_seen_there_and_back(server: NtpServer) -> None:
    seen = FollowTimeSource(Device(server, lambda offset: offset), server, 5).run(MemoryRecorder())
    assert seen.seen == {"shifted", "back"}
    assert seen.shifted == pytest.approx(SHIFT, abs=1)
    assert seen.after == pytest.approx(0, abs=1)
    assert seen.mark == 7


def test_a_constant_error_is_no_lack_of_a_source(server: NtpServer) -> None:
    seen = FollowTimeSource(Device(server, lambda offset: offset + 7200), server, 5).run(MemoryRecorder())
    assert seen.seen == {"shifted", "back"}


def test_a_clock_that_ignores_its_source_is_silence_with_a_witness(server: NtpServer) -> None:
    seen = FollowTimeSource(Device(server, lambda offset: 0.0), server, 0.05).run(MemoryRecorder())
    assert seen.silent == {"shifted"}
    assert seen.conclusive
    assert ask((HERE, server.port), HERE) == pytest.approx(0, abs=1)


def test_records_without_time_stamps_prove_nothing_about_the_source(server: NtpServer) -> None:
    seen = FollowTimeSource(Device(server, lambda offset: None), server, 0.05).run(MemoryRecorder())
    assert not seen.conclusive
