"""Guesses below a lockout that lasts longer than the bench waits: they are left open at once."""

import time

import pytest

from drivers.guessing.attempt import DERIVED, LoginAttempt, Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.guessing.rate import MeasureGuessing
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.locking_door import REFUSED, LockingDoor
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ACCOUNTS = {"admin": "valid one"}


def pairs(user: str, each: int) -> tuple[Pair, ...]:
    return tuple(Pair(user, f"guess {number}", "general") for number in range(each))


def lockout(seconds: float) -> LockoutDeclaration:
    return LockoutDeclaration(attempts=6, seconds=seconds, per="account", interfaces=("ssh",))


def test_a_name_that_would_rest_for_too_long_is_left_open_at_once_and_the_others_are_judged() -> None:
    door, started = LockingDoor(ACCOUNTS, 6, seconds=600), time.monotonic()
    probe = GuessLogins(door, (*pairs("root", 15), *pairs("admin", 15)), "admin", "valid one", (lockout(600),), {}, 60)
    found = probe.run(MemoryRecorder())
    assert time.monotonic() - started < 10
    assert door.locked == []
    assert found.of_user("admin").conclusive and not found.of_user("admin").silent
    assert len(found.of_user("root").refused) == 6
    assert len(found.of_user("root").silent) == 9
    assert not found.of_user("root").conclusive
    assert "set `patience_seconds: 1200` in the bench file" in found.of_user("root").unproven


def test_as_many_guesses_as_stay_below_the_lockout_leave_nothing_open() -> None:
    probe = GuessLogins(LockingDoor(ACCOUNTS, 6), pairs("root", 6), "admin", "valid one", (lockout(600),), {}, 60)
    found = probe.run(MemoryRecorder())
    assert found.conclusive and len(found.refused) == 6


def test_a_password_that_gets_in_before_a_name_rests_is_seen() -> None:
    accounts = {**ACCOUNTS, "root": "guess 2"}
    probe = GuessLogins(LockingDoor(accounts, 6), pairs("root", 30), "admin", "valid one", (lockout(600),), {}, 60)
    assert probe.run(MemoryRecorder()).seen == {"root:guess 2"}


def test_a_short_lockout_is_waited_for() -> None:
    probe = GuessLogins(LockingDoor(ACCOUNTS, 6), pairs("root", 12), "admin", "valid one", (lockout(0.1),), {}, 60)
    found = probe.run(MemoryRecorder())
    assert found.conclusive and len(found.refused) == 12


class Limited(LockingDoor):
    """Says after some wrong passwords for how long it refuses every attempt."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__(ACCOUNTS, None)
        self.retry_after, self.wrong = retry_after, 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.now += 0.25
        if self.wrong >= 4:
            return LoginAttempt(Answer.SILENT, "429 Too Many Requests", limited=True, retry_after=self.retry_after)
        if password == "valid one":
            return LoginAttempt(Answer.SEEN, "a session opened")
        self.wrong += 1
        return REFUSED


def measure(door: Limited) -> MeasureGuessing:
    return MeasureGuessing(door, "admin", "valid one", 4, 1.0, clock=door.clock, wait=door.wait, patience=60)


def test_a_limit_that_the_device_states_for_longer_than_the_bench_waits_is_seen_at_once() -> None:
    door = Limited(3_600)
    found = measure(door).run(MemoryRecorder())
    assert "limit" in found.seen
    assert "refused for 3600 s (429 Too Many Requests)" in found.detail("limit")
    assert door.now < 10


@pytest.mark.parametrize("retry_after", [None, 10.0])
def test_another_limit_is_waited_for_no_longer_than_the_bench_waits(retry_after: float | None) -> None:
    door = Limited(retry_after)
    found = measure(door).run(MemoryRecorder())
    assert "limit" in found.silent
    assert door.now < 60


class Slow(LockingDoor):
    """Takes its time for each wrong password, and lets nobody try at once."""

    def __init__(self, seconds: float, accounts: dict[str, str] = ACCOUNTS) -> None:
        super().__init__(accounts, None)
        self.seconds, self.order = seconds, list[str]()

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.order.append(f"{user}:{password}")
        attempt = super().attempt(user, password)
        self.now += 0.0 if attempt.answer is Answer.SEEN else self.seconds
        return attempt


MANY = (*pairs("root", 20), *pairs("admin", 12), *pairs("user", 2), *pairs("guest", 1))
OWN = (Pair("admin", "SN 1", DERIVED, "{serial}"),)


def in_time(door: LockingDoor, budget: float) -> Guesses:
    probe = GuessLogins(door, (*MANY, *OWN), "admin", "valid one", patience=60, budget=budget, clock=door.clock)
    return probe.run(MemoryRecorder())


def test_guesses_at_a_slow_door_end_with_the_patience_of_the_bench_and_name_what_is_left_out() -> None:
    found = in_time(Slow(2.0), 20)
    assert 8 <= len(found.refused) < 20
    assert not found.of_user("root").conclusive
    unproven = found.of_user("root").unproven
    assert "root:guess 19" in unproven and "set `patience_seconds: " in unproven
    assert unproven.count("patience_seconds") == 1
    assert found.of_user("guest").conclusive and found.of_user("user").conclusive


def test_the_likeliest_guesses_come_first() -> None:
    door = Slow(0.0)
    in_time(door, 60)
    guessed = [about for about in door.order if ":guess " in about or ":SN " in about]  # and no random password
    assert guessed[:3] == ["admin:SN 1", "root:guess 0", "admin:guess 0"]
    assert guessed[3:6] == ["guest:guess 0", "user:guess 0", "user:guess 1"]
    assert len(guessed) == len(MANY) + 1


def test_a_password_that_works_is_found_before_the_patience_ends() -> None:
    door = Slow(2.0, {**ACCOUNTS, "root": "guess 0"})
    assert in_time(door, 20).seen == {"root:guess 0"}


def test_a_fast_door_leaves_nothing_out() -> None:
    found = in_time(Slow(0.0), 30)
    assert found.conclusive and len(found.refused) == len(MANY) + 1


class Rated(LockingDoor):
    """Judges so many attempts, and limits each second one after them."""

    def __init__(self, burst: int, retry_after: float) -> None:
        super().__init__(ACCOUNTS, None)
        self.left, self.retry_after, self.limits = burst, retry_after, 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.left -= 1
        if self.left < 0 and self.left % 2:
            self.limits += 1
            return LoginAttempt(Answer.SILENT, "429 slow down", limited=True, retry_after=self.retry_after)
        return super().attempt(user, password)


def test_a_rate_that_the_bench_has_the_patience_for_leaves_nothing_out() -> None:
    door = Rated(5, 0.01)
    found = GuessLogins(door, (*MANY, *OWN), "admin", "valid one", patience=60, budget=60).run(MemoryRecorder())
    assert found.conclusive and len(found.refused) == len(MANY) + 1
    assert door.limits > 20


def test_a_rate_that_is_too_low_leaves_the_rest_open_and_what_was_refused_stands() -> None:
    door = Rated(14, 0.15)
    probe = GuessLogins(door, (*MANY, *OWN), "admin", "valid one", patience=0.2, budget=60)
    found = probe.run(MemoryRecorder())
    assert found.of_user("guest").conclusive
    assert not found.of_user("root").conclusive
    assert "429 slow down. That protects against guessing" in found.of_user("root").unproven
