import pytest

from drivers.network.web.probes.denial import alike, denies
from drivers.network.web.transport.client import WebAnswer


def said(body: str) -> WebAnswer:
    return WebAnswer(200, {}, body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '{"error": "login required"}',
        '{"success": false}',
        '{"code": 401, "message": "Unauthorized"}',
        '{"errors": [{"code": "E1", "message": "no session"}]}',
        '{"result": "error"}',
        '{"redirect": "/login.html"}',
        "<h1>Access denied</h1>",
        "<script>var pages = 'a very long script'</script><p>Your session has expired.</p>",
        "Please log in first",
    ],
)
def test_an_answer_that_denies_the_request_in_its_words_is_a_denial(body: str) -> None:
    assert denies(said(body))


@pytest.mark.parametrize(
    "body",
    [
        '{"success": true}',
        '{"error": null, "result": "ok"}',
        '{"error": "", "temperature": 21}',
        '{"status": "ok", "message": "saved"}',
        '{"status": "error", "serial": "HV2-1"}',
        "[]",
        "<p>21 degrees</p><script>const text = 'session expired'</script>",
        "<p>" + "A long text of the device. " * 80 + "Please log in to change it.</p>",
    ],
)
def test_an_answer_that_shows_something_else_is_no_denial(body: str) -> None:
    assert not denies(said(body))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("<p>app</p>", "<p>app</p>", True),
        ("<p nonce=0123456789ab>17 visits</p>", "<p nonce=ba9876543210>18 visits</p>", True),
        ("<p>one</p>", "<p>another</p>", False),
        ("", "<p>x</p>", False),
        ('{"code": 0}', '{"code": 0}', True),
        ('{"code": 0}', '{"code": 404}', False),
        (
            '{"code": 404, "time": 1764561600, "id": "8f2622ab"}',
            '{"code": 404, "time": 1764561601, "id": "8f2622ac"}',
            True,
        ),
        ('{"at": "2026-12-01T03:59:21.5Z"}', '{"at": "2026-12-01T03:59:22Z"}', True),
    ],
)
def test_pages_that_differ_in_numbers_and_tokens_only_are_alike(one: str, other: str, same: bool) -> None:
    assert alike(said(one), said(other)) is same
