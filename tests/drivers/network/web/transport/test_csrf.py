import pytest

from drivers.network.web.transport.client import WebAnswer
from drivers.network.web.transport.csrf import asks_for_token, tokens_of


def test_tokens_of_a_page_are_found_where_frameworks_put_them() -> None:
    page = b"""<meta content='m1' name='csrf-token'><meta name="viewport" content="width=1">
    <form action="/x"><input type="hidden" name="csrfmiddlewaretoken" value="f1"></form>"""
    assert tokens_of(page, {}) == {"X-CSRF-Token": "m1"}
    sent = tokens_of(page[70:], {"csrftoken": "c1", "theme": "dark"})
    assert {name.lower(): value for name, value in sent.items()} == {
        "x-csrf-token": "f1",
        "x-csrftoken": "c1",
        "x-xsrf-token": "c1",
    }
    assert len(sent) == 3, "a header is sent once, whatever the case of its name"


@pytest.mark.parametrize(
    ("cookie", "header"),
    [
        ("CSRF-Token-S6K44BF", "X-CSRF-Token-S6K44BF"),
        ("XSRF-TOKEN", "X-XSRF-TOKEN"),
        ("csrf_token_P443", "X-csrf_token_P443"),
        ("_csrf", "X-_csrf"),
    ],
)
def test_a_cookie_is_sent_back_under_its_own_name_and_the_usual_ones(cookie: str, header: str) -> None:
    sent = tokens_of(b"", {cookie: "a%3Db", "session": "s"})
    assert sent[header] == "a=b"
    assert {"X-CSRF-Token", "X-XSRF-TOKEN"} <= sent.keys()
    assert set(sent.values()) == {"a=b"}


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "\x1b[2J", "\u202e", "a%0d%0aX-Evil: 1", ""])
def test_a_token_that_is_no_header_is_left_out(value: str) -> None:
    assert tokens_of(b"", {"XSRF-TOKEN": value}) == {}
    assert "X-xsrf: a" not in tokens_of(b"", {"xsrf: a\r\n": "b"})


@pytest.mark.parametrize(
    ("status", "body", "asks"),
    [
        (403, b"CSRF Error\n", True),
        (400, b'{"error": "CSRF validation failed"}', True),
        (403, b'{"detail": "XSRF token missing"}', True),
        (419, b"<h1>Cross-site request</h1>", True),
        (401, b"CSRF Error", False),
        (200, b"CSRF Error", False),
        (403, b"Forbidden", False),
        (403, b"<meta name=csrf-token content=a><p>Please log in", False),
        (403, b"<p>text</p>" * 1_000 + b"csrf", False),
    ],
)
def test_an_answer_asks_for_a_token_in_its_words(status: int, body: bytes, asks: bool) -> None:
    assert asks_for_token(WebAnswer(status, {}, body)) is asks
