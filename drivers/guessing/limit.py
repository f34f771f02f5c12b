"""How a device says that it limits attempts: status codes, Retry-After, and words. None of it judges a password."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from drivers.guessing.attempt import LoginAttempt
from trustprobe.probe import Answer

RETRY_MOST = 86_400.0
"""Seconds beyond which Retry-After is cut."""
LIMIT_MOST = 15.0
"""The longest single wait in seconds, if the device does not say how long."""
_DOUBLED_MOST = 10
TOO_MANY, UNAVAILABLE = 429, 503
WORDS = re.compile(
    r"(?i)\btoo many\b|maximum number of|\b(?:locked|blocked|banned|busy|throttl\w+|rate.limit\w*)\b|wait \d+|"
    r"try again (?:later|in|after)|temporar\w+ (?:disabled|unavailable)|already (?:in use|logged in)|"
    r"(?:connection|session)s? limit|time[d ]?.?out\b"
)
"""Words that say nothing of a password: the device limits attempts, or it is busy."""


def retry_after(value: str, date: str = "") -> float | None:
    """Parse Retry-After (RFC 9110, 10.2.3): seconds, or a date that is compared with the device's own `date`.

    None if it is neither.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", text):
        return min(float(text), RETRY_MOST)
    until = _date(text)
    if until is None:
        return None
    return min(max((until - (_date(date) or datetime.now(UTC))).total_seconds(), 0.0), RETRY_MOST)


@dataclass(frozen=True)
class RequestLimit:
    """An answer that says nothing but that requests are limited."""

    retry_after: float | None
    """Seconds after which the server lets requests be made again, in its own words."""
    everywhere: bool = False
    """Whether the answer is about the whole server (503), and not about what was requested (429)."""


def limit_of(status: int, headers: Mapping[str, str]) -> RequestLimit | None:
    """Return the limit that an answer states: 429 (RFC 6585), or 503 that says when to come again. Else None."""
    after = retry_after(headers.get("retry-after", ""), headers.get("date", ""))
    return (
        RequestLimit(after, status == UNAVAILABLE)
        if status == TOO_MANY or (status == UNAVAILABLE and after is not None)
        else None
    )


def limited(status: int, headers: Mapping[str, str], words: str) -> LoginAttempt | None:
    """Return how an attempt ended that a server answered with a limit. None if the answer is none."""
    limit = limit_of(status, headers)
    return None if limit is None else limited_attempt(words, limit.retry_after)


def limited_attempt(words: str, after: float | None) -> LoginAttempt:
    """Return how an attempt ended that a server did not judge, because it limits attempts."""
    return LoginAttempt(Answer.SILENT, f"the device limits attempts: {words}", limited=True, retry_after=after)


def wait_of(retry_after: float | None, in_a_row: int, first: float) -> float:
    """Return how many seconds to wait for a limit, the first of a row or a later one. `first` is our own first wait.

    The device's word counts alone only once. A server that states no time, or one that was too short, is asked again
    after our own wait, which doubles: else one that always says 0 is asked for ever.
    """
    own = min(first * 2.0 ** min(in_a_row - 1, _DOUBLED_MOST), LIMIT_MOST)
    if not retry_after:
        return own
    return retry_after if in_a_row == 1 else max(retry_after, own)


@dataclass
class StatedLimits:
    """The limits that a device stated in its own words, and for how many seconds they were waited for in all."""

    in_a_row: int = 0
    waited: float = 0.0
    _last: float = -math.inf

    def met(self, retry_after: float | None, began: float, now: float) -> float | None:
        """Return how many seconds to wait for a limit that an attempt met which began at `began`.

        None if it began before the last limit was met: it met the same one, and nobody has waited between them.
        """
        if began < self._last:
            return None
        self.in_a_row, self._last = self.in_a_row + 1, now
        wait = wait_of(retry_after, self.in_a_row, 1.0)
        self.waited += wait
        return wait


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
