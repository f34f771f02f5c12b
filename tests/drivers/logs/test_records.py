from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from drivers.logs.collector import Collected, Collector
from drivers.logs.records import ReadRecords, lacks
from drivers.logs.syslog import parse
from tests.drivers.recorder import MemoryRecorder

TIME = b"2026-03-01T10:00:00.5+00:00"


@pytest.mark.parametrize(
    "record",
    [
        b"<38>1 " + TIME + b" HH1-1 dropbear 77 - - Bad password attempt for 'root'",  # as rsyslog forwards syslog(3)
        b"<38>1 " + TIME + b" HH1-1 camera 77 LOGINFAIL -",
    ],
)
def test_a_record_tells_what_happened_in_its_id_or_in_its_text(record: bytes) -> None:
    assert lacks(parse(record)) == []


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        (b"<38>1 " + TIME + b" HH1-1 dropbear 77 - -", ["no event"]),
        (b"<38>1 - HH1-1 dropbear 77 - - text", ["no time"]),
        (b"<38>1 " + TIME + b" - - 77 ID - text", ["no host", "no application"]),
    ],
)
def test_what_a_record_lacks_is_named(record: bytes, missing: list[str]) -> None:
    assert lacks(parse(record)) == missing


def test_each_kind_of_fault_is_kept_with_the_first_record_that_has_it() -> None:
    frames = (b"<38>1 - HH1-1 a 7 - - one", b"<38>1 - - a 7 - - two", b"<38>1 " + TIME + b" HH1-1 a 7 - - three")
    collector = cast(Collector, SimpleNamespace(records=lambda: [arrived(frame) for frame in frames]))
    read = ReadRecords(collector).run(MemoryRecorder())
    assert read.faults == {"no time": "<38>1 - HH1-1 a 7 - - one", "no host": "<38>1 - - a 7 - - two"}
    assert read.refused == {"record 0", "record 1"}
    assert read.seen == {"record 2"}


def arrived(frame: bytes) -> Collected:
    return Collected("tls", datetime.now(UTC), 0.0, parse(frame), "192.0.2.7", 0)
