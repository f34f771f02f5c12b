from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration, TryLogin
from drivers.network.web.login.session import WebSession
from lab_config.http_login import HttpLogin
from tests.drivers.pages import SERVICE, Pages, html, serving
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import PASSWORDS, running
from trustprobe.probe import Answer


def test_its_account_logs_in_and_another_account_has_its_own_session() -> None:
    viewer = Login("viewer", PASSWORDS["viewer"])
    with running() as device:
        for web in (device.web(), device.web().as_user(viewer)):
            session = web.log_in()
            assert isinstance(session, WebSession)
            assert device.sessions.popitem()[1] == web.user == session.user


def test_a_login_that_fails_is_noted_with_the_devices_words_and_without_the_password() -> None:
    record = MemoryRecorder()
    with running() as device:
        web = device.web(password="mistyped")
        refused = web.log_in()
        assert web.session(record) is None
    assert isinstance(refused, LoginAttempt)
    assert record.notes == [f"the login of admin -> refused: {refused.detail}"]
    assert "mistyped" not in record.notes[0]


def test_its_door_tries_other_passwords_than_its_own_and_leaves_no_session() -> None:
    with running() as device:
        door = device.web(password="mistyped").door
        assert door.attempt("admin", PASSWORDS["admin"]).answer is Answer.SEEN
        assert door.attempt("admin", "wrong").answer is Answer.REFUSED
        assert not device.sessions


def test_a_client_has_no_session() -> None:
    with running() as device:
        assert device.web().client().request("GET", "/api/settings").status == 401


def test_its_repr_names_the_account_and_hides_the_password() -> None:
    with running() as device:
        shown = repr(device.web())
    assert "'admin'" in shown
    assert PASSWORDS["admin"] not in shown


def test_a_login_is_tried_once_and_leaves_no_session() -> None:
    with running() as device:
        assert TryLogin(device.web()).run(MemoryRecorder()).seen == {"admin"}
        assert not device.sessions
        failed = TryLogin(device.web(password="mistyped")).run(MemoryRecorder())
    assert failed.refused == {"admin"} and not failed.seen


def service_of(pages: Pages) -> Administration:
    login = HttpLogin(service="web", proof_path="/settings", proof="version", refusal="denied")
    return Administration(pages.target, SERVICE, login, Login("admin", "right"))


def test_the_page_that_proves_a_login_is_requested_without_one_if_the_login_fails() -> None:
    with serving({"/settings": html("version 3.1")}) as pages:
        probe = TryLogin(service_of(pages))
        seen = probe.run(MemoryRecorder())
    assert probe.proof in seen.seen and "admin" not in seen.seen


def test_a_page_that_every_path_gives_is_no_open_administration() -> None:
    with serving({}) as pages:
        pages.answer = lambda path: html("version 3.1 is locked")  # type: ignore[method-assign]
        seen = TryLogin(service_of(pages)).run(MemoryRecorder())
    assert not seen.seen
