from types import SimpleNamespace

import pytest

from drivers.guessing import logins
from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS, StatedLimits, limited, retry_after
from drivers.guessing.logins import patiently
from drivers.guessing.plan import LIMIT_SECONDS
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", "", 120.0),
        (" 1.5 ", "", 1.5),
        ("0", "", 0.0),
        ("999999999", "", 86_400.0),
        ("Mon, 30 Nov 1970 08:01:00 GMT", "Mon, 30 Nov 1970 08:00:00 GMT", 60.0),
        ("Mon, 30 Nov 1970 08:00:00 GMT", "Mon, 30 Nov 1970 08:01:00 GMT", 0.0),
        ("Mon, 30 Nov 1970 08:00:00 GMT", "", 0.0),
        ("soon", "", None),
        ("", "", None),
        ("-5", "", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_of_the_devices_clock(value: str, date: str, seconds: float | None) -> None:
    assert retry_after(value, date) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "limits"),
    [
        (429, {}, True),
        (429, {"retry-after": "7"}, True),
        (503, {"retry-after": "7"}, True),
        (503, {}, False),
        (403, {"retry-after": "7"}, False),
        (200, {}, False),
    ],
)
def test_a_limit_is_told_from_any_other_status(status: int, headers: dict[str, str], limits: bool) -> None:
    found = limited(status, headers, "words")
    assert (found is not None and found.limited) is limits
    assert found is None or found.retry_after == (7.0 if headers else None)


@pytest.mark.parametrize(
    "words",
    ["Too many failed attempts", "Account locked for 5 minutes", "Please try again in 60 seconds", "You are blocked"],
)
def test_words_of_a_limit_are_recognised(words: str) -> None:
    assert WORDS.search(words)


@pytest.mark.parametrize("words", ["Invalid user name or password", "Please try again", "Login incorrect", "Unlocked"])
def test_words_of_a_refusal_are_no_limit(words: str) -> None:
    assert not WORDS.search(words)


TOO_SHORT = [
    retry_after("0"),
    retry_after("0.01"),
    retry_after("Mon, 30 Nov 1970 08:00:00 GMT"),
    None,
]


@pytest.mark.parametrize("after", TOO_SHORT)
def test_a_limit_that_is_stated_for_too_short_a_time_for_ever_uses_up_the_patience(after: float | None) -> None:
    limits = StatedLimits()
    waits = [limits.met(after, float(began), float(began)) for began in range(2_000)]
    assert sum(wait or 0.0 for wait in waits) == pytest.approx(limits.waited)
    assert sum(wait or 0.0 for wait in waits[:10]) > LIMIT_SECONDS


def test_the_time_that_a_device_states_is_kept_to_at_its_first_limit() -> None:
    limits = StatedLimits()
    assert limits.met(0.02, 0.0, 0.0) == 0.02
    assert limits.met(40.0, 1.0, 1.0) == 40.0


class AlwaysLimiting:
    """Answers each attempt that there were too many, and when the next one may be made."""

    interface = "web"

    def __init__(self, after: float | None) -> None:
        self.after, self.attempts = after, 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.attempts += 1
        assert self.attempts < 50, f"{user} is tried for ever"
        return LoginAttempt(Answer.SILENT, "429 slow down", limited=True, retry_after=self.after)


@pytest.mark.parametrize("after", TOO_SHORT)
def test_a_login_that_is_limited_for_ever_ends(after: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(logins, "threading", SimpleNamespace(Event=lambda: SimpleNamespace(wait=waits.append)))
    door = AlwaysLimiting(after)
    assert patiently(door, "admin", "valid", MemoryRecorder()).limited
    assert door.attempts == len(waits) + 1
    assert sum(waits) <= LIMIT_SECONDS
