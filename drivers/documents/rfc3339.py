"""Dates and times of RFC 3339, 5.6, and nothing that `datetime.fromisoformat` accepts beyond it."""

import re
from datetime import UTC, datetime, timedelta

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
"""The letters are of either case (5.6). A space for the T is a choice of other standards, not of this grammar."""


def moment(text: str) -> datetime | None:
    """Return the time in UTC that a `date-time` of RFC 3339 names, and None for any other text.

    Fractions are cut to microseconds. A leap second is one where the last minute of a month ends in UTC (5.7, and the
    rule of ITU-R TF.460 that it refers to). It becomes the second after it.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(number) for number in match.groups()[:6])
    fraction, sign, hours, minutes = match.groups()[6:]
    if sign and (int(hours) > 23 or int(minutes) > 59):
        return None
    leaps = second == 60
    try:
        local = datetime(year, month, day, hour, minute, 59 if leaps else second, tzinfo=UTC)
        away = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
        found = local + away if sign == "-" else local - away
        found += timedelta(seconds=1 if leaps else 0, microseconds=int((fraction or "").ljust(6, "0")[:6]))
    except (ValueError, OverflowError):
        return None
    if leaps and (found.day, found.hour, found.minute, found.second) != (1, 0, 0, 0):
        return None
    return found
