from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.login.session import WebSession
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
