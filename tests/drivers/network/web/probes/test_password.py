from dataclasses import dataclass, field, replace

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.login.session import WebSession
from drivers.network.web.probes.password import PREFIX, ChangePassword, TryWeakPasswords, WebAccount
from lab_config.component import PasswordChange
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import PASSWORDS, running
from trustprobe.errors import DeviceLostError
from trustprobe.probe import Answer

OWN = "the bench's own password"
CHANGE = PasswordChange(path="/api/password", old_field="old", new_field="new", least_characters=10)
REFUSED = LoginAttempt(Answer.REFUSED, "400 no")


@dataclass(frozen=True)
class Remembered(WebAccount):
    """An account in memory; `valid` holds the passwords that get in, the newest at the end."""

    valid: list[str] = field(default_factory=lambda: [OWN])
    habits: tuple[str, ...] = ()

    def open(self) -> WebSession | LoginAttempt:
        if self.password not in self.valid:
            return REFUSED
        return WebSession(self.web.client(), self.user)

    def opens(self, session: WebSession) -> LoginAttempt:
        ended = self.valid != [OWN] and "sessions_stay" not in self.habits
        return REFUSED if ended else LoginAttempt(Answer.SEEN, "200")

    def login(self, password: str) -> LoginAttempt:
        return LoginAttempt(Answer.SEEN, "in") if password in self.valid else REFUSED

    def set(self, old: str, new: str) -> LoginAttempt:
        if "never" in self.habits or (new == OWN and "keeps_new" in self.habits):
            return REFUSED
        if "weak_unanswered" in self.habits and not new:
            return LoginAttempt(Answer.SILENT, "no answer: the connection was closed")
        if "weak_accepted" not in self.habits and len(new) < 10:
            return REFUSED
        if "says_only" not in self.habits:
            self.valid[:] = [*(self.valid if "old_works" in self.habits else []), new]
        if "hangs_up" in self.habits:
            return LoginAttempt(Answer.SILENT, "no answer: closed", unanswered=True)
        return LoginAttempt(Answer.SEEN, "200 changed")


def account(*habits: str) -> Remembered:
    with running() as device:
        return Remembered(device.web("viewer", OWN), CHANGE, habits=habits)


def test_a_changed_password_replaces_the_old_one_and_is_put_back() -> None:
    own, record = account(), MemoryRecorder()
    found = ChangePassword(own).run(record)
    assert found.seen == {"changed", "new"}
    assert found.refused == {"old", "session"}
    assert found.conclusive
    assert own.valid == [OWN]
    assert not [text for text in (found.model_dump_json(), *record.notes) if OWN in text]


def test_a_change_without_an_answer_counts_by_the_logins_after_it() -> None:
    changed = ChangePassword(account("hangs_up")).run(MemoryRecorder())
    assert changed.seen == {"changed", "new"} and changed.refused >= {"old"}
    assert "but the new password replaced the old one" in changed.detail("changed")
    not_made = ChangePassword(account("hangs_up", "says_only")).run(MemoryRecorder())
    assert not_made.silent == {"changed"}
    assert not not_made.conclusive


def test_an_old_password_that_still_gets_in_is_seen() -> None:
    own = account("old_works")
    found = ChangePassword(own).run(MemoryRecorder())
    assert found.seen == {"changed", "new", "old"}
    assert own.valid[-1] == OWN


def test_a_session_that_outlives_the_change_is_seen() -> None:
    found = ChangePassword(account("sessions_stay")).run(MemoryRecorder())
    assert found.seen == {"changed", "new", "session"}
    assert found.refused == {"old"}


def test_a_change_that_is_confirmed_and_not_made_is_seen_by_the_login() -> None:
    found = ChangePassword(account("says_only")).run(MemoryRecorder())
    assert found.seen == {"changed", "old", "session"}
    assert found.refused == {"new"}


def test_a_device_that_takes_any_password_proves_nothing_of_the_old_one() -> None:
    class Anything(list[str]):
        def __contains__(self, _password: object) -> bool:
            return True

    own = replace(account(), valid=Anything([OWN]))
    found = ChangePassword(own).run(MemoryRecorder())
    assert "old" in found.seen
    assert not found.conclusive


def test_nothing_is_changed_where_the_valid_login_does_not_get_in() -> None:
    own = account()
    own.valid[:] = ["another"]
    found = ChangePassword(own).run(MemoryRecorder())
    assert found.silent == {"changed", "new", "old", "session"}
    assert not found.conclusive
    assert own.valid == ["another"]


def test_a_password_that_cannot_be_put_back_is_told_with_the_way_to_it() -> None:
    with pytest.raises(DeviceLostError, match=PREFIX):
        ChangePassword(account("keeps_new")).run(MemoryRecorder())


def test_a_weak_password_that_got_no_answer_is_proven_by_no_strong_one_that_was_accepted() -> None:
    found = TryWeakPasswords(account("weak_unanswered"), {"empty": "", "short": "123456789"}).run(MemoryRecorder())
    assert found.silent == {"empty"}
    assert not found.about("empty").conclusive
    assert found.about("short").conclusive


def test_refused_weak_passwords_count_because_a_strong_one_is_accepted() -> None:
    own = account()
    found = TryWeakPasswords(own, {"empty": "", "short": "123456789"}).run(MemoryRecorder())
    assert found.refused == {"empty", "short"}
    assert found.conclusive
    assert own.valid == [OWN]


def test_weak_passwords_that_get_in_are_seen_and_put_back() -> None:
    own = account("weak_accepted")
    found = TryWeakPasswords(own, {"empty": "", "short": "123456789"}).run(MemoryRecorder())
    assert found.seen == {"empty", "short"}
    assert own.valid == [OWN]


def test_a_device_that_refuses_every_password_proves_nothing() -> None:
    found = TryWeakPasswords(account("never"), {"empty": ""}).run(MemoryRecorder())
    assert found.refused == {"empty"}
    assert not found.conclusive


def test_a_refusal_with_status_200_is_told_by_the_login() -> None:
    found = TryWeakPasswords(account("says_only", "weak_accepted"), {"empty": ""}).run(MemoryRecorder())
    assert found.refused == {"empty"}


def test_the_web_administration_is_asked_as_declared_and_the_answer_holds_no_password() -> None:
    settings = PasswordChange(path="/api/settings", method="PUT", old_field="old", new_field="new", least_characters=10)
    with running() as device:
        own = WebAccount(device.web(), settings)
        answer = own.set(PASSWORDS["admin"], own.strong)
        assert {"old", "new"} <= set(device.settings)
    assert answer.answer is Answer.SEEN
    assert PASSWORDS["admin"] not in answer.detail
    assert "[password]" in answer.detail


def test_a_change_without_the_right_is_refused_and_without_a_login_is_not_asked() -> None:
    settings = PasswordChange(path="/api/settings", method="PUT", old_field="old", new_field="new", least_characters=10)
    with running() as device:
        own = WebAccount(device.web("viewer"), settings)
        assert own.set(PASSWORDS["viewer"], own.strong).answer is Answer.REFUSED
        assert own.set("wrong", own.strong).answer is Answer.SILENT
