from typing import Any

import pytest

from drivers.guessing import logins as guess_logins
from drivers.guessing import plan as guess_plan
from drivers.guessing.attempt import DERIVED, LoginAttempt, Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.guessing.pace import GuessPace
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.locking_door import LockingDoor
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ACCOUNTS = {"admin": "valid one", "viewer": "valid two"}


def lockout(per: Any = "account", attempts: int = 5) -> LockoutDeclaration:
    return LockoutDeclaration(attempts=attempts, seconds=2, per=per, interfaces=("ssh",))


def pairs(*users: str, each: int = 12) -> tuple[Pair, ...]:
    return tuple(Pair(user, f"guess {number}", "general") for user in users for number in range(each))


def guess(door: LockingDoor, guesses: tuple[Pair, ...], declared: LockoutDeclaration | None) -> Guesses:
    others, lockouts = {"viewer": ACCOUNTS["viewer"]}, (declared,) if declared else ()
    return GuessLogins(door, guesses, "admin", ACCOUNTS["admin"], lockouts, others).run(MemoryRecorder())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: a name that rests may be asked at once, and so may a control that had no answer."""
    monkeypatch.setattr(GuessPace, "rests", lambda self, user: False)
    monkeypatch.setattr(guess_plan, "RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(guess_logins, "RETRY_SECONDS", (0.0, 0.0))


def test_guesses_at_real_accounts_stay_below_a_declared_lockout() -> None:
    door = LockingDoor(ACCOUNTS, 5)
    found = guess(door, pairs("admin", "viewer"), lockout())
    assert door.locked == []
    assert len(found.refused) == 24
    assert found.conclusive


def test_guesses_from_one_source_stay_below_a_lockout_of_the_source() -> None:
    door = LockingDoor(ACCOUNTS, 5, by_source=True)
    found = guess(door, pairs("root", "admin", "viewer"), lockout("source"))
    assert door.locked == []
    assert found.conclusive


def test_a_lockout_that_nobody_declared_leaves_the_rest_unasked_and_proves_nothing() -> None:
    door = LockingDoor(ACCOUNTS, 5, seconds=1000)
    found = guess(door, pairs("admin"), None)
    assert found.silent == {"admin:guess 10", "admin:guess 11"}
    assert "no longer worked" in found.detail("admin:guess 11")
    assert not found.conclusive


def test_failures_before_the_guesses_are_settled_first() -> None:
    door = LockingDoor(ACCOUNTS, 5)
    for _ in range(4):
        door.attempt("viewer", "wrong")
    guess(door, pairs("viewer", each=2), lockout())
    assert door.locked == []


def test_the_last_attempt_at_each_real_account_is_a_valid_login() -> None:
    door = LockingDoor(ACCOUNTS, 5)
    found = guess(door, pairs("viewer", "admin", each=1), lockout())
    assert door.tried[-1] == "viewer"
    assert found.witness is not None
    assert "the valid login of viewer on ssh succeeded" in found.witness.what


def test_derived_guesses_are_told_apart_and_never_spelled_out() -> None:
    door = LockingDoor({**ACCOUNTS, "service": "HV2-00c0ffee"}, None)
    serial = Pair("service", "HV2-00c0ffee", DERIVED, "{serial}")
    found = guess(door, (Pair("service", "service", "general"), serial), None)
    assert found.of_user("service").seen == frozenset()
    assert found.of_user("service", derived=True).seen == {"service:{serial}"}
    assert "00c0ffee" not in found.model_dump_json()


def test_a_door_that_can_be_held_is_held_through_all_the_guesses() -> None:
    class Holdable(LockingDoor):
        holds: bool = False
        were_held: list[bool]

        def held(self) -> "Holdable":
            return self

        def __enter__(self) -> None:
            self.holds, self.were_held = True, []

        def __exit__(self, *_: object) -> None:
            self.holds = False

        def attempt(self, user: str, password: str) -> LoginAttempt:
            self.were_held.append(self.holds)
            return super().attempt(user, password)

    door = Holdable(ACCOUNTS, None)
    assert guess(door, pairs("root", each=2), None).refused == {"root:guess 0", "root:guess 1"}
    assert all(door.were_held)
    assert not door.holds


def test_a_guess_that_gets_in_is_seen() -> None:
    door = LockingDoor({**ACCOUNTS, "root": "root"}, None)
    found = guess(door, (Pair("root", "root", "general"),), None)
    assert found.named(Answer.SEEN) == {"root:root"}


def test_the_picture_of_a_login_is_kept_with_the_guess_and_the_control() -> None:
    class Pictured(LockingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            attempt = super().attempt(user, password)
            return LoginAttempt(attempt.answer, attempt.detail, b"PNG" if attempt.answer is Answer.SEEN else b"")

    record = MemoryRecorder()
    easy = Pair("viewer", ACCOUNTS["viewer"], "general")
    GuessLogins(Pictured(ACCOUNTS, 5), (easy, *pairs("admin", each=1)), "admin", ACCOUNTS["admin"]).run(record)
    assert record.kept == {"viewer:valid two.png": b"PNG", "control-admin.png": b"PNG"}


def test_a_door_that_takes_anything_is_shown_by_a_well_known_and_by_a_derived_guess_at_each_user() -> None:
    class Open(LockingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            return LoginAttempt(Answer.SEEN, "a session opened")

    serial = Pair("admin", "HV2-1", DERIVED, "{serial}")
    found = guess(Open(ACCOUNTS, None), (*pairs("admin", "root", each=3), serial), None)
    assert found.seen == {"admin:guess 2", "root:guess 2", "admin:{serial}"}
    assert found.accepts_anything


class Limiting:
    """Answers every third attempt that there were too many, and says for how long."""

    interface = "web"

    def __init__(self, retry_after: float) -> None:
        self._retry_after = retry_after
        self.tried: list[str] = []

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.tried.append(f"{user}:{password}")
        if len(self.tried) % 3 == 0:
            return LoginAttempt(Answer.SILENT, "429 slow down", limited=True, retry_after=self._retry_after)
        return LoginAttempt(Answer.SEEN if password == "valid" else Answer.REFUSED, "x")


def test_a_device_that_limits_attempts_is_asked_again_when_it_says_so() -> None:
    door = Limiting(0.02)
    pairs = tuple(Pair("root", str(number), "general") for number in range(6))
    found = GuessLogins(door, pairs, "admin", "valid").run(MemoryRecorder())
    assert found.refused == {pair.about for pair in pairs}
    assert found.conclusive


def test_a_limit_that_guesses_before_have_used_up_is_waited_for() -> None:
    door = Limiting(0.02)
    door.tried += ["earlier", "earlier"]
    assert GuessLogins(door, (Pair("root", "1", "general"),), "admin", "valid").run(MemoryRecorder()).conclusive


def test_a_limit_that_lasts_too_long_leaves_the_guesses_open_and_says_so() -> None:
    pairs = tuple(Pair("root", str(number), "general") for number in range(6))
    found = GuessLogins(Limiting(3_600.0), pairs, "admin", "valid").run(MemoryRecorder())
    assert not found.conclusive and found.silent
    assert "429 slow down. That protects against guessing" in found.unproven
    assert "lockout" not in found.unproven


class EndingDoor(LockingDoor):
    """Ends its connection after each refusal: an attempt that comes too soon meets that end."""

    ended = False

    def attempt(self, user: str, password: str) -> LoginAttempt:
        if self.ended:
            self.ended = False
            return LoginAttempt(Answer.SILENT, "EOFError", stale=True, unanswered=True)
        attempt = super().attempt(user, password)
        self.ended = attempt.answer is Answer.REFUSED
        return attempt


def test_a_valid_login_on_a_connection_that_a_refusal_has_ended_is_tried_again_on_a_new_one() -> None:
    found = guess(EndingDoor(ACCOUNTS, None), pairs("root", each=2), None)
    assert len(found.refused) == 2
    assert found.conclusive, found.witness


class LosingDoor(LockingDoor):
    """Loses the answers to the first `lost` valid logins since they were counted."""

    lost = 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        attempt = super().attempt(user, password)
        if attempt.answer is not Answer.SEEN or not self.lost:
            return attempt
        self.lost -= 1
        return LoginAttempt(Answer.SILENT, "no answer", unanswered=True)


@pytest.mark.parametrize(("lost", "conclusive"), [(1, True), (2, True), (3, False)])
def test_the_first_valid_login_is_tried_again_where_its_answer_gets_lost(lost: int, conclusive: bool) -> None:
    door = LosingDoor(ACCOUNTS, None)
    door.lost = lost
    assert guess(door, pairs("root", each=2), None).conclusive is conclusive
