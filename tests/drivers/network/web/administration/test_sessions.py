import re

import pytest

from drivers.login import Login
from drivers.network.web.administration import sessions
from drivers.network.web.administration.sessions import FixSession, LogOut, alike, kept_copy, look
from drivers.network.web.login.session import WebSession
from lab_config.sessions import LogoutDeclaration
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.session_device import USER, running
from trustprobe.probe import Answer


def test_a_logout_that_ends_the_session_is_refused_and_proven() -> None:
    with running() as device:
        seen = LogOut(device.web).run(MemoryRecorder())
    assert seen.refused == {"session"}
    assert seen.conclusive


def test_a_session_that_outlives_its_logout_is_seen() -> None:
    with running("logout_keeps") as device:
        seen = LogOut(device.web).run(MemoryRecorder())
    assert seen.seen == {"session"}


def test_a_page_without_a_logout_proves_nothing_until_one_is_declared() -> None:
    with running("no_logout") as device:
        seen = LogOut(device.web).run(MemoryRecorder())
        declared = LogOut(device.web, LogoutDeclaration(path="/logout")).run(MemoryRecorder())
    assert seen.seen == {"session"}, "nobody has logged out"
    assert seen.premise is not None and not seen.premise.holds
    assert "add `logout: {path: ...}` to `sessions`" in seen.premise.what
    assert declared.refused == {"session"}
    assert declared.conclusive


def test_a_declared_logout_that_is_not_there_proves_nothing() -> None:
    with running() as device:
        logout = LogoutDeclaration(path="/nowhere", method="DELETE")
        seen = LogOut(device.web, logout).run(MemoryRecorder())
    assert seen.seen == {"session"}, "nobody has logged out"
    assert seen.premise is not None and not seen.premise.holds


def test_a_logout_of_the_page_that_the_device_refuses_proves_nothing() -> None:
    with running("logout_refuses") as device:
        seen = LogOut(device.web).run(MemoryRecorder())
    assert seen.premise is not None and not seen.premise.holds
    assert "which answered 403" in seen.premise.what


def test_the_copy_of_a_session_keeps_its_token_when_the_session_is_closed() -> None:
    with running() as device:
        session = WebSession(device.web.client(), "admin", headers={"Authorization": "Bearer t"}, query={"sid": "s"})
        kept = kept_copy(session)
        session.close()
    assert (kept.headers, kept.query) == ({"Authorization": "Bearer t"}, {"sid": "s"})
    assert not session.headers and not session.query


def test_a_page_that_answers_as_to_a_stranger_is_a_refusal_wherever_it_leads() -> None:
    with running("elsewhere_refused") as device:
        seen = LogOut(device.web).run(MemoryRecorder())
    assert seen.refused == {"session"}
    assert "as without a session" in seen.detail("session")


def test_a_request_without_an_answer_is_no_end_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as gone:
        web = gone.web
    with running() as device:
        looks = iter([(Answer.SEEN, "200"), look(web.client(), web.http_login)])
        monkeypatch.setattr(sessions, "look", lambda *_: next(looks))
        seen = LogOut(device.web).run(MemoryRecorder())
    assert seen.silent == {"session"}
    assert not seen.conclusive


def test_without_the_login_nothing_is_asked_of_logout_and_fixation() -> None:
    with running() as device:
        nobody = device.web.as_user(Login(USER, "wrong"))
        for probe in (LogOut(nobody), FixSession(nobody)):
            seen = probe.run(MemoryRecorder())
            assert seen.facts
            assert not seen.seen | seen.refused
            assert not seen.conclusive


def test_a_device_that_makes_its_own_ids_takes_none_that_was_there_before() -> None:
    with running("id_before_login") as device:
        seen = FixSession(device.web).run(MemoryRecorder())
    assert seen.refused == {"given", "made_up", "ended"}
    assert seen.conclusive
    assert seen.cookies == ("sid",)


@pytest.mark.parametrize("habits", [(), ("greets",), ("logs_in_by_get",)])
def test_the_id_of_the_login_form_that_becomes_the_session_is_seen(habits: tuple[str, ...]) -> None:
    with running("id_before_login", "takes_id_of_form", *habits) as device:
        seen = FixSession(device.web).run(MemoryRecorder())
    assert "given" in seen.seen


@pytest.mark.parametrize("habit", ["greets", "logs_in_by_get"])
def test_an_id_that_the_login_itself_sets_was_not_there_before_it(habit: str) -> None:
    with running(habit) as device:
        seen = FixSession(device.web).run(MemoryRecorder())
    assert seen.refused == {"given", "made_up", "ended"}
    assert "sets no id" in seen.detail("given")


def test_an_id_that_the_browser_brought_and_that_becomes_the_session_is_seen() -> None:
    with running("takes_any_id") as device:
        seen = FixSession(device.web).run(MemoryRecorder())
    assert seen.seen == {"made_up", "ended"}
    assert seen.refused == {"given"}


def test_a_device_that_opens_its_pages_to_any_id_is_seen() -> None:
    with running("looks_at_no_id") as device:
        seen = FixSession(device.web).run(MemoryRecorder())
    assert "made_up" in seen.seen and seen.conclusive
    assert seen.detail("made_up") == "a made-up id opens the page without a login"


def test_a_session_that_outlived_its_logout_is_not_taken_for_one_that_the_login_took_over() -> None:
    with running("logout_keeps") as device:
        seen = FixSession(device.web).run(MemoryRecorder())
    assert seen.silent == {"ended"}
    assert seen.refused == {"given", "made_up"}
    assert seen.conclusive


def test_every_session_that_was_opened_is_logged_out() -> None:
    with running() as device:
        FixSession(device.web).run(MemoryRecorder())
        LogOut(device.web).run(MemoryRecorder())
        assert not device.sessions


@pytest.mark.parametrize("value", ["00ff12ab", "00FF12AB", "aZ9-_=%2F", "", "-"])
def test_a_made_up_id_has_the_shape_of_a_real_one(value: str) -> None:
    kinds = ("[a-z]", "[A-Z]", "[0-9]")
    made = alike(value)
    assert len(made) == len(value)
    if re.fullmatch("[0-9a-f]+|[0-9A-F]+", value):
        assert re.fullmatch("[0-9a-f]+" if value.islower() else "[0-9A-F]+", made)
    else:
        for old, new in zip(value, made, strict=True):
            assert next((re.match(kind, new) for kind in kinds if re.match(kind, old)), old == new)


def test_a_made_up_id_is_not_the_real_one() -> None:
    assert alike("0123456789abcdef") != "0123456789abcdef"
