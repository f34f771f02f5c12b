from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.documents.rfc3339 import moment


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2027-06-30T18:37:07Z", datetime(2027, 6, 30, 18, 37, 7, tzinfo=UTC)),
        ("2027-06-30t18:37:07z", datetime(2027, 6, 30, 18, 37, 7, tzinfo=UTC)),
        ("2027-06-30T18:37:07.25+02:30", datetime(2027, 6, 30, 16, 7, 7, 250_000, tzinfo=UTC)),
        ("2027-06-30T18:37:07.1234567-02:30", datetime(2027, 6, 30, 21, 7, 7, 123_456, tzinfo=UTC)),
        ("2026-12-31T23:59:60Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("1990-12-31T15:59:60-08:00", datetime(1991, 1, 1, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_date_and_time_of_rfc_3339_is_a_moment(text: str, found: datetime) -> None:
    assert moment(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027",
        "2027-06-30",
        "20270630T183707Z",
        "2027-06-30 18:37:07Z",
        "2027-06-30T18:37Z",
        "2027-06-30T18:37:07",
        "2027-06-30T18:37:07+02",
        "2027-06-30T18:37:07+0200",
        "2027-06-30T18:37:07+02:60",
        "2027-06-30T18:37:07.Z",
        "2027-06-30T18:37:07Z\n",
        "2027-06-30T18:37:61Z",
        "2027-06-30T18:37:60Z",
        "2026-12-31T23:59:60+01:00",
        "2026-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٧-06-30T18:37:07Z",
    ],
)
def test_any_other_text_is_none(text: str) -> None:
    assert moment(text) is None


@given(some.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), some.integers(-1439, 1439))
def test_each_time_in_each_zone_is_the_same_moment(when: datetime, minutes: int) -> None:
    there = when.replace(tzinfo=UTC) + timedelta(minutes=minutes)
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert moment(there.replace(tzinfo=None).isoformat() + offset) == when.replace(tzinfo=UTC)
