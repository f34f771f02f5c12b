import pytest

from drivers.logs.records import lacks
from drivers.logs.syslog import parse

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
