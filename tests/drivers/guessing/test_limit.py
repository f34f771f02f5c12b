import pytest

from drivers.guessing.limit import WORDS, limited, retry_after


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
