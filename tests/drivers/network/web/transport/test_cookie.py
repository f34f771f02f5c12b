import pytest

from drivers.network.web.transport.client import WebClient
from drivers.network.web.transport.cookie import HEADER_LIMIT, SetCookie
from tests.drivers.session_device import running


def baked(header: str) -> SetCookie:
    cookie = SetCookie.read(header)
    assert cookie is not None
    return cookie


def test_attributes_are_read_whatever_their_case_and_the_last_of_a_kind_counts() -> None:
    cookie = baked("sid = a=b ;SECURE; httponly;Path=/x; path=/ ; samesite=lax")
    assert (cookie.name, cookie.value) == ("sid", "a=b")
    assert cookie.attributes == {"secure": "", "httponly": "", "path": "/", "samesite": "lax"}


@pytest.mark.parametrize("header", ["", "; Secure", "=value", "no pair at all", " = "])
def test_what_browsers_pass_over_is_no_cookie(header: str) -> None:
    assert SetCookie.read(header) is None


def test_a_header_without_end_is_cut_before_it_is_read() -> None:
    assert "secure" not in baked("sid=" + "x" * HEADER_LIMIT + "; Secure").attributes


def test_the_value_is_in_nothing_that_is_shown() -> None:
    cookie = baked("sid=s3cret; Path=/\x1b[2J")
    assert "s3cret" not in cookie.shown + repr(cookie)
    assert "\x1b" not in cookie.shown


@pytest.mark.parametrize(
    ("attribute", "link", "form"),
    [
        ("SameSite=Strict", "SameSite=Strict", "SameSite=Strict"),
        ("SameSite=Lax", "", "SameSite=Lax"),
        ("SameSite=None", "", ""),
        ("SameSite=Rubbish", "", ""),
        ("Secure", "", ""),
    ],
)
def test_a_browser_keeps_back_what_same_site_says(attribute: str, link: str, form: str) -> None:
    cookie = baked(f"sid=1; {attribute}")
    assert (cookie.kept_back(navigation=True), cookie.kept_back(navigation=False)) == (link, form)


@pytest.mark.parametrize(
    ("path", "reached"),
    [("/", True), ("/ap", False), ("/api", True), ("/api/", True), ("/other", False), ("api", True)],
)
def test_a_path_reaches_what_lies_below_it(path: str, reached: bool) -> None:
    assert baked(f"sid=1; Path={path}").reaches("/api/settings") is reached


def test_dates_in_a_cookie_do_not_divide_it() -> None:
    with running() as device:
        client = WebClient(device.web.target, device.web.service)
        answer = client.request("POST", "/login", data={"username": "admin", "password": "correct horse"})
    assert len(answer.set_cookies) == 2
    assert answer.set_cookies[1].endswith("GMT")
