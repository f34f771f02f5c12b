"""A lock that each attempt makes last as long again, even one with the right password: it is left alone."""

import math

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.rate import Guessing, MeasureGuessing
from tests.drivers.guessing.locking_door import ATTEMPT_SECONDS, REFUSED, LockingDoor
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ACCOUNTS = {"admin": "valid one", "viewer": "valid two"}
UNANSWERED = LoginAttempt(Answer.SILENT, "no answer: the connection was closed", unanswered=True)


class RestartingDoor(LockingDoor):
    """Locks everybody, and begins the lock again with each attempt. It is over so many seconds late."""

    def __init__(self, seconds: float, late: float = 0.0, turned_away: LoginAttempt = REFUSED) -> None:
        super().__init__(ACCOUNTS, 6, seconds, by_source=True)
        self.late, self.turned_away = late, turned_away

    def attempt(self, user: str, password: str) -> LoginAttempt:
        if self.now + ATTEMPT_SECONDS < self._until.get("everybody", -math.inf) + self.late:
            self.now += ATTEMPT_SECONDS
            self._until["everybody"] = self.now + self.seconds
            return self.turned_away
        return super().attempt(user, password)


def measure(door: RestartingDoor, *, declared: bool = True, lock_seconds: float | None = None) -> Guessing:
    probe = MeasureGuessing(
        door,
        "viewer",
        "valid two",
        6,
        1.0,
        lock_seconds=lock_seconds or door.seconds,
        other=("admin", "valid one"),
        clock=door.clock,
        wait=door.wait,
        is_restarted=declared,
    )
    return probe.run(MemoryRecorder())


@pytest.mark.parametrize("seconds", [5.0, 60.0, 300.0])
@pytest.mark.parametrize("late", [0.0, 1.0])
def test_a_lock_that_each_attempt_restarts_is_left_alone_until_its_end(seconds: float, late: float) -> None:
    door = RestartingDoor(seconds, late)
    found = measure(door)
    assert found.conclusive, found.unproven
    assert found.seen >= {"limit", "back_in"}
    assert found.locked_seconds is not None and seconds <= found.locked_seconds < seconds + 5


@pytest.mark.parametrize("locked", [0.3, 0.6])
@pytest.mark.parametrize("declared", [None, 0.9, 2.0, 60.0])
def test_a_lock_that_is_shorter_than_required_is_no_limit_however_long_the_bench_waits(
    locked: float, declared: float | None
) -> None:
    found = measure(RestartingDoor(locked), lock_seconds=declared)
    assert "limit" in found.silent and found.conclusive
    assert found.locked_seconds is not None and found.locked_seconds < 1.0


@pytest.mark.parametrize("seconds", [1.0, 1.5, 2.0, 30.0])
def test_a_lock_that_is_as_long_as_declared_and_required_is_a_limit(seconds: float) -> None:
    found = measure(RestartingDoor(seconds))
    assert "limit" in found.seen and found.conclusive
    assert found.locked_seconds == seconds


def test_a_login_that_is_slower_than_the_required_lock_does_not_disprove_it() -> None:
    class Slow(RestartingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            self.now += 2.0 if self.locked and password in ACCOUNTS.values() else 0.0
            return super().attempt(user, password)

    found = measure(Slow(2.5))
    assert "limit" in found.seen and found.conclusive


def test_without_the_declaration_such_a_lock_never_ends_and_proves_nothing() -> None:
    found = measure(RestartingDoor(60.0), declared=False)
    assert not found.conclusive
    assert "limit" not in found.seen


def test_a_lock_without_a_word_is_one_where_another_address_is_answered() -> None:
    door = RestartingDoor(60.0, turned_away=UNANSWERED)
    elsewhere = LockingDoor(ACCOUNTS, None)
    probe = MeasureGuessing(
        door, "viewer", "valid two", 6, 1.0, lock_seconds=60.0, clock=door.clock, wait=door.wait, elsewhere=elsewhere
    )
    found = MeasureGuessing(**{**vars(probe), "is_restarted": True}).run(MemoryRecorder())
    assert found.conclusive, found.unproven
    assert found.locked_what == "source"
