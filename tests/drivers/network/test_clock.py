"""The clock of the bench: who confirms it, who contradicts it, and what proves nothing."""

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drivers.network import clock
from drivers.network.clock import BenchClock, CompareClock, date_in, newest
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
YEARS = timedelta(days=3 * 365)


@pytest.fixture(autouse=True)
def _not_synchronised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "kernel_is_synchronised", lambda: False)


def service(port: int) -> Service:
    fields = {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "purpose": "a test"}
    return Service.model_validate(fields)


def compared(answer: bytes = b"", *, now: datetime = NOW, files: tuple[Path, ...] = ()) -> BenchClock:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with tcp_server(serve) as port:
        target = Target(NetworkBench(address="127.0.0.1"))
        return CompareClock(target, (service(port),), files, lambda: now).run(MemoryRecorder())


def dated(date: datetime) -> bytes:
    return f"HTTP/1.0 200 OK\r\ndate: {date:%a, %d %b %Y %H:%M:%S} GMT\r\n\r\n".encode()


@pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=20), timedelta(hours=-20)])
def test_a_device_that_shows_the_same_day_confirms_the_clock(off: timedelta) -> None:
    seen = compared(dated(NOW + off))
    assert seen.conclusive
    assert seen.premise is None


@pytest.mark.parametrize("answer", [dated(NOW - YEARS), dated(NOW + YEARS), b"HTTP/1.0 200 OK\r\n\r\n", b"", b"x" * 99])
def test_without_a_clock_that_shows_the_same_day_nothing_is_confirmed(answer: bytes) -> None:
    seen = compared(answer)
    assert not seen.conclusive
    assert "synchronise this machine with NTP" in seen.unproven


def test_ntp_confirms_the_clock_whatever_the_device_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "kernel_is_synchronised", lambda: True)
    assert compared(dated(NOW - YEARS)).conclusive
    assert CompareClock(None, (), now=lambda: NOW).run(MemoryRecorder()).conclusive


@pytest.mark.parametrize(("years", "wrong"), [(-1, False), (0, False), (1, True)])
def test_a_file_that_is_newer_than_the_clock_proves_it_wrong(tmp_path: Path, years: int, wrong: bool) -> None:
    file = tmp_path / "results.json"
    file.write_text("{}", "utf-8")
    when = (NOW + years * YEARS).timestamp()
    os.utime(file, (when, when))
    seen = compared(dated(NOW), files=(tmp_path / "nothing", file))
    assert (seen.premise is not None) is wrong
    if seen.premise is not None:
        assert not seen.premise.holds
        assert "2029" in seen.premise.what


@pytest.mark.parametrize(
    ("line", "year"),
    [
        (b"Date: Mon, 30 Nov 2026 12:00:00 GMT", 2026),
        (b"DATE:Monday, 30-Nov-26 12:00:00 GMT", 2026),
        (b"date:  Mon, 30 Nov 2026 12:00:00 -0000", 2026),
        (b"Date: soon", None),
        (b"Date: Mon, 99 Nov 2026 12:00:00 GMT", None),
        (b"X-Date: Mon, 30 Nov 2026 12:00:00 GMT", None),
        (b"Date: \xff\xff", None),
    ],
)
def test_the_date_of_an_answer_is_parsed_or_is_none(line: bytes, year: int | None) -> None:
    found = date_in(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\nDate: Mon, 30 Nov 2020 12:00:00 GMT\r\n")
    assert (found.year if found else None) == year


def test_without_files_there_is_no_newest_one(tmp_path: Path) -> None:
    assert newest([tmp_path / "nothing"]) is None
