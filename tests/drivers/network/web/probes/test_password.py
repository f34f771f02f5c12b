import contextlib
from dataclasses import dataclass, field, replace

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.login.session import WebSession
from drivers.network.web.probes.password import PREFIX, ChangePassword, TryWeakPasswords, WebAccount
from lab_config.account import LockoutDeclaration
from lab_config.component import PasswordChange
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import PASSWORDS, running
from trustprobe.errors import DeviceLostError
from trustprobe.probe import Answer

OWN = "the bench's own password"
CHANGE = PasswordChange(path="/api/password", old_field="old", new_field="new", least_characters=10)
REFUSED = LoginAttempt(Answer.REFUSED, "400 no")


LIMITED = LoginAttempt(Answer.SILENT, "429 slow down", unanswered=True, limited=True)


@dataclass(frozen=True)
class Remembered(WebAccount):
    """An account in memory; `valid` holds the passwords that get in, the newest at the end."""

    valid: list[str] = field(default_factory=lambda: [OWN])
    habits: tuple[str, ...] = ()
    wrong: list[str] = field(default_factory=list)
    """The passwords of failed logins since the last rest."""
    asked: list[str] = field(default_factory=list)
    """Each new password that was asked for."""
    most: int = 1_000
    """So many failed logins end all logins until a rest."""

    def enter(self, password: str) -> WebSession | LoginAttempt:
        found = self.login(password)
        return WebSession(self.web.client(), self.user) if found.answer is Answer.SEEN else found

    def opens(self, session: WebSession) -> LoginAttempt:
        ended = self.valid != [OWN] and "sessions_stay" not in self.habits
        return REFUSED if ended else LoginAttempt(Answer.SEEN, "200")

    def login(self, password: str) -> LoginAttempt:
        if len(self.wrong) >= self.most:
            return REFUSED if "lock_without_a_word" in self.habits else LIMITED
        if password not in self.valid:
            self.wrong.append(password)
            return REFUSED
        return LoginAttempt(Answer.SEEN, "in")

    def set(self, session: WebSession, old: str, new: str) -> LoginAttempt:
        self.asked.append(new)
        if "never" in self.habits or (new == OWN and "keeps_new" in self.habits):
            return REFUSED
        if "sessions_end" in self.habits and new == OWN and self.asked.count(OWN) <= 2:
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


def account(*habits: str, most: int = 1_000, patience: float = 60.0) -> Remembered:
    wrong: list[str] = []
    lockout = LockoutDeclaration(attempts=3, seconds=30, per="source", interfaces=("web",))
    with running() as device:
        web = device.web("viewer", OWN)
    return Remembered(web, CHANGE, (lockout,), patience, lambda _: wrong.clear(), habits=habits, wrong=wrong, most=most)


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


@pytest.mark.parametrize(
    ("habits", "most", "patience"),
    [
        ((), 2, 60.0),
        ((), 2, 0.0),
        (("sessions_end",), 2, 60.0),
        (("lock_without_a_word",), 2, 60.0),
        (("old_works",), 1, 60.0),
    ],
)
def test_a_device_that_limits_logins_after_the_change_gets_its_password_back(
    habits: tuple[str, ...], most: int, patience: float
) -> None:
    own = account(*habits, most=most, patience=patience)
    unseen = pytest.raises(DeviceLostError, match="accepted the old password of viewer again")
    with contextlib.nullcontext() if patience else unseen:  # without patience, nobody can see that it is back
        ChangePassword(own).run(MemoryRecorder())
    assert own.valid[-1] == OWN


def test_no_password_is_changed_while_the_device_limits_logins() -> None:
    own = account(most=0, patience=0.0)
    own.wrong.append("of another case")
    found = ChangePassword(own).run(MemoryRecorder())
    assert found.silent == {"changed", "new", "old", "session"}
    assert own.asked == []


def test_no_password_is_changed_where_a_random_one_is_limited() -> None:
    class Limiting(Remembered):
        def login(self, password: str) -> LoginAttempt:
            return LIMITED if password != OWN else super().login(password)

    own = Limiting(account().web, CHANGE, patience=0.0)
    found = ChangePassword(own).run(MemoryRecorder())
    assert found.silent == {"changed", "new", "old", "session"}
    assert "429 slow down" in found.detail("changed")
    assert own.asked == []


def test_no_password_is_asked_for_after_the_sample_was_left_with_another_one() -> None:
    own = account("keeps_new")
    with pytest.raises(DeviceLostError):
        ChangePassword(own).run(MemoryRecorder())
    asked = len(own.asked)
    for probe in (TryWeakPasswords(own, {"empty": ""}), ChangePassword(own)):
        with pytest.raises(DeviceLostError, match="not tested: the password of viewer could not be restored"):
            probe.run(MemoryRecorder())
    assert len(own.asked) == asked


@pytest.mark.parametrize("most", [1_000, 0])
def test_nothing_has_to_be_restored_where_nobody_was_logged_in(most: int) -> None:
    own = account(most=most, patience=0.0)
    own.valid[:] = ["another"]
    found = TryWeakPasswords(own, {"empty": "", "short": "123456789"}).run(MemoryRecorder())
    assert found.silent == {"empty", "short"}
    assert "the login did not succeed" in found.detail("empty")
    assert (own.asked, own.left) == ([], [])


def test_a_limit_that_lasts_is_waited_for_once() -> None:
    rests: list[float] = []
    own = replace(account(most=0), pause=rests.append)
    found = TryWeakPasswords(own, {"empty": "", "short": "123456789"}).run(MemoryRecorder())
    assert found.silent == {"empty", "short"}
    assert rests == [30]


def test_a_weak_password_that_is_refused_costs_no_failed_login() -> None:
    own = account()
    TryWeakPasswords(own, {"empty": "", "short": "123456789"}).run(MemoryRecorder())
    assert own.wrong == []


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
        session = own.enter(PASSWORDS["admin"])
        assert isinstance(session, WebSession)
        answer = own.set(session, PASSWORDS["admin"], own.strong)
        assert {"old", "new"} <= set(device.settings)
    assert answer.answer is Answer.SEEN
    assert PASSWORDS["admin"] not in answer.detail
    assert "[password]" in answer.detail


def test_a_change_without_the_right_is_refused() -> None:
    settings = PasswordChange(path="/api/settings", method="PUT", old_field="old", new_field="new", least_characters=10)
    with running() as device:
        own = WebAccount(device.web("viewer"), settings)
        session = own.enter(PASSWORDS["viewer"])
        assert isinstance(session, WebSession)
        assert own.set(session, PASSWORDS["viewer"], own.strong).answer is Answer.REFUSED


def test_each_declared_lockout_is_waited_for_in_turn_and_none_that_takes_too_long() -> None:
    lockouts = tuple(
        LockoutDeclaration(attempts=attempts, seconds=seconds, per=per, interfaces=("web",))
        for attempts, seconds, per in ((20, 50, "account"), (3, 30, "source"), (100, 900, "account"))
    )
    rests: list[float] = []
    own = replace(account(most=0), lockouts=lockouts, pause=rests.append)
    outcome = own.patiently(lambda: own.login(OWN), MemoryRecorder(), valid=True)
    assert outcome.answer is not Answer.SEEN
    assert rests == [30, 20]


@pytest.mark.parametrize("restarted", [(True, False), (False, True), (True, True)])
def test_a_lock_that_attempts_restart_is_waited_for_from_the_last_attempt_on(restarted: tuple[bool, bool]) -> None:
    lockouts = tuple(
        LockoutDeclaration(
            attempts=3, seconds=seconds, per="account", interfaces=("web",), restarted_by_attempts=is_restarted
        )
        for seconds, is_restarted in zip((30, 50), restarted, strict=True)
    )
    rests: list[float] = []
    own = replace(account(most=0), lockouts=lockouts, pause=rests.append)
    own.patiently(lambda: own.login(OWN), MemoryRecorder(), valid=True)
    assert len(rests) == 2 and rests[0] > 30 and rests[1] > 50
