import pytest

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import GuessLogins
from drivers.network.web.login.door import WebDoor
from drivers.network.web.login.log_in import log_in
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import WebClient
from lab_config.http_login import HttpLogin
from tests.drivers.pages import Said, html, serving
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import LOGIN, PASSWORDS, Device, running
from trustprobe.probe import Answer

FORM = '<form method="post" action="/do"><input name="u"><input type="password" name="p"></form>'


def client(device: Device) -> WebClient:
    return WebClient(device.target, device.service)


@pytest.mark.parametrize("tls", [False, True])
def test_the_valid_login_opens_a_session_and_closing_it_logs_out(tls: bool) -> None:
    with running(tls=tls) as device:
        session = log_in(client(device), LOGIN, "admin", PASSWORDS["admin"])
        assert isinstance(session, WebSession)
        assert session.request("GET", "/api/settings").json() == device.settings
        session.close()
        assert not device.sessions
        assert device.requests[-1] == "POST /logout"


def test_a_wrong_password_is_refused_in_the_devices_own_words() -> None:
    with running() as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", "wrong")
    assert attempt.answer is Answer.REFUSED
    assert "Login incorrect" in attempt.detail


def test_a_door_leaves_no_session_behind() -> None:
    with running() as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", PASSWORDS["admin"])
        assert attempt.answer is Answer.SEEN
        assert not device.sessions


def test_a_redirect_and_a_cookie_are_no_login() -> None:
    with running("always_303") as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", "wrong")
    assert attempt.answer is Answer.SILENT


def test_a_refusal_on_the_page_behind_a_redirect_is_read() -> None:
    with running("always_303") as device:
        declared = LOGIN.model_copy(update={"refusal": "name=.username"})
        attempt = WebDoor(device.target, device.service, declared).attempt("admin", "wrong")
    assert attempt.answer is Answer.REFUSED


def test_an_answer_without_words_is_neither_login_nor_refusal() -> None:
    with running("silent_refusal") as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", "wrong")
    assert attempt.answer is Answer.SILENT


def test_a_proof_page_that_shows_to_anybody_proves_no_login() -> None:
    with running("open_home") as device:
        attempt = log_in(client(device), LOGIN, "admin", PASSWORDS["admin"])
    assert isinstance(attempt, LoginAttempt)
    assert attempt.answer is Answer.SILENT


def test_a_device_that_takes_any_password_is_found_by_the_guesses() -> None:
    with running("any_password") as device:
        door = WebDoor(device.target, device.service, LOGIN)
        guesses = GuessLogins(door, (Pair("root", "root", "list"),), "admin", PASSWORDS["admin"]).run(MemoryRecorder())
    assert guesses.seen == {"root:root"}
    assert guesses.accepts_anything


@pytest.mark.parametrize(
    ("said", "limits", "after"),
    [
        (Said("slow down", 429), True, None),
        (Said("Login incorrect", 429, {"Retry-After": "30"}), True, 30.0),
        (Said("busy", 503, {"Retry-After": "5"}), True, 5.0),
        (Said("<script>var s='blocked'</script>oops", 500), False, None),
        (Said("<p>Too many attempts. Try again in 60 seconds.</p>", 200), True, None),
        (Said("broken", 503), False, None),
    ],
)
def test_a_limit_is_no_refusal_of_the_password(said: Said, limits: bool, after: float | None) -> None:
    with serving({"/": html(FORM), "/do": lambda _: said}) as pages:
        declared = HttpLogin(service="web", proof_path="/inside", refusal="Login incorrect")
        found = log_in(pages.client, declared, "admin", "wrong")
    assert isinstance(found, LoginAttempt)
    assert (found.answer, found.limited, found.retry_after) == (Answer.SILENT, limits, after)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (Said("welcome, owner"), "/inside does not contain `proof` (Overview): 200 welcome, owner"),
        (Said("no such page", 404), "/inside is not 200: 404 no such page"),
        (Said("not yet", 401), "/inside is not 200: 401 not yet"),
        (Said(FORM), "/inside asks for a login: 200"),
    ],
    ids=["without the proof", "not found", "refused", "the form again"],
)
def test_a_login_without_a_proof_is_told_with_the_answer_of_the_page_that_proves_it(inside: Said, words: str) -> None:
    with serving({"/": html(FORM), "/do": html("<!DOCTYPE html>"), "/inside": lambda _: inside}) as pages:
        declared = HttpLogin(service="web", proof_path="/inside", proof="Overview", refusal="Login incorrect")
        found = log_in(pages.client, declared, "admin", "right")
    assert isinstance(found, LoginAttempt)
    assert found.answer is Answer.SILENT
    assert f"after the login, the answer to {words}" in found.detail
    assert "the answer to the login is 200 <!DOCTYPE html>" in found.detail
    assert "did not refuse the credentials" in found.next_step
