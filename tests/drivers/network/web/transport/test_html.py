import pytest

from drivers.network.web.transport.html import form_with, logout_of, path_within
from tests.drivers.web_device import PAGE


def test_the_form_with_the_password_is_filled_in_and_not_another() -> None:
    form = form_with(PAGE, "password")
    assert form is not None
    assert (form.action, form.hidden) == ("login", {"token": "a&b"})
    assert form_with(b"<![broken <form <input name=password", "password") is None
    assert form_with(b"\xff" * 1000, "password") is None


def test_a_link_that_logs_out_is_found() -> None:
    form = logout_of(b'<a href="/help">?</a><a href="/sign_out?x=1">bye</a>')
    assert form is not None
    assert form.action == "/sign_out?x=1"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("login", "/sub/login"),
        ("http://192.0.2.99/x?y=1", "/x?y=1"),
        ("//evil.example//x", "/x"),
        ("javascript:alert(1)", None),
        ("http://[", None),
    ],
)
def test_a_link_never_leads_off_the_device(link: str, path: str | None) -> None:
    assert path_within("/sub/page", link) == path
