"""Guesses below several lockouts at once: moving windows, of an address and of an account, for a whole run."""

import math
import time
from typing import Any

import pytest

from drivers.guessing import plan as guess_plan
from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.failures import FailedLogins
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.guessing.pace import GuessPace
from drivers.guessing.plan import GuessPlan
from drivers.guessing.rate import Guessing, MeasureGuessing
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.locking_door import REFUSED
from tests.drivers.guessing.test_pace import Clock, fail
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ACCOUNTS = {"admin": "valid one", "viewer": "valid two"}


def lockout(attempts: int, seconds: float, per: Any = "source", **more: Any) -> LockoutDeclaration:
    return LockoutDeclaration(attempts=attempts, seconds=seconds, per=per, interfaces=("web",), **more)


MINUTE = lockout(5, 60, within=60)
HOUR = lockout(20, 3600, within=3600)
DAY = lockout(100, 86_400, "account", within=86_400)
IN_A_ROW = lockout(6, 30, "account")


def pace(clock: Clock, *lockouts: LockoutDeclaration, failed: FailedLogins | None = None) -> GuessPace:
    return GuessPace(lockouts, tuple(ACCOUNTS), clock, failed=failed or FailedLogins())


def most_in(times: list[float], seconds: float) -> int:
    """The most events within any window of so many seconds."""
    return max(sum(1 for one in times if at - seconds < one <= at) for at in times)


@pytest.mark.parametrize("users", [("admin",), ("root",), ("admin", "root", "guest")])
def test_every_window_is_respected_at_once(users: tuple[str, ...]) -> None:
    clock, times = Clock(), list[float]()
    guesses = pace(clock, MINUTE, HOUR, DAY)
    while len(times) < 60:
        user = users[len(times) % len(users)]
        if guesses.may(user):
            fail(guesses, user)
            guesses.succeeded("admin")  # a window counts whoever logs in meanwhile
            times.append(clock.now)
        else:
            left = guesses.rest([user])
            assert left is not None
            clock.now += left
    assert most_in(times, 60) < 5
    assert most_in(times, 3600) < 20
    assert times[-1] > 3 * 3600
    assert times[-1] < 5 * 3600  # and no longer than the windows require


def test_the_tightest_of_the_lockouts_in_a_row_and_of_a_window_decides() -> None:
    guesses = pace(Clock(), IN_A_ROW, lockout(4, 60, within=60))
    fail(guesses, "admin", "admin")
    assert not guesses.may("admin") and not guesses.may("root")
    assert not guesses.due("admin")
    guesses.succeeded("admin")
    assert not guesses.may("admin")
    assert guesses.rest(["admin"]) == 60


def test_a_window_that_a_valid_login_empties_needs_only_the_login() -> None:
    guesses = pace(Clock(), lockout(4, 60, within=60, reset_by_login=True))
    fail(guesses, "admin", "root")
    assert guesses.due("guest")
    assert guesses.rest(["guest"]) is None
    guesses.succeeded("admin")
    assert guesses.may("guest")


def test_a_count_that_no_login_resets_is_over_with_its_lock() -> None:
    clock = Clock()
    guesses = pace(clock, lockout(4, 60, reset_by_login=False))
    fail(guesses, "admin", "admin")
    guesses.succeeded("admin")
    assert guesses.rest(["root"]) == 60
    clock.now = 60
    assert guesses.may("root")


def test_a_guess_that_is_on_its_way_counts_in_every_window() -> None:
    guesses = pace(Clock(), MINUTE, HOUR)
    for _ in range(3):
        assert guesses.may("admin")
        guesses.asked("admin")
    assert not guesses.may("admin")
    guesses.answered("admin", got_in=True)
    assert guesses.may("admin")


def test_a_name_without_a_valid_login_rests_for_lock_and_window() -> None:
    clock = Clock()
    guesses = pace(clock, lockout(3, 60, "account", within=600))
    for _ in range(3):
        assert guesses.may("root")
        fail(guesses, "root")
    assert guesses.rest(["root"]) == 600
    assert guesses.may("guest")
    clock.now = 600
    assert guesses.may("root")


def test_the_failed_logins_of_an_earlier_probe_count_in_a_window_and_not_in_a_row() -> None:
    clock, failed = Clock(), FailedLogins()
    fail(pace(clock, MINUTE, IN_A_ROW, failed=failed), "viewer", "viewer", "viewer")
    guesses = pace(clock, MINUTE, failed=failed)
    assert not guesses.may("admin")
    assert guesses.rest(["admin"]) == 60
    assert pace(clock, IN_A_ROW, failed=failed).may("viewer")


@pytest.mark.parametrize(
    ("of", "left"), [(MINUTE, {"admin", "guest"}), (lockout(5, 3600, "account", within=3600), {"admin"})]
)
def test_what_would_rest_for_longer_than_the_bench_waits_is_left_out_before_anything_is_sent(
    of: LockoutDeclaration, left: set[str]
) -> None:
    clock, failed = Clock(), FailedLogins()
    fail(GuessPace((of,), ("admin",), clock, failed=failed), "admin", "admin", "admin")
    pairs = tuple(Pair(user, f"guess {number}", "general") for user in ("admin", "guest") for number in range(4))
    guesses = GuessPace((of,), ("admin",), clock, patience=30, failed=failed)
    plan = GuessPlan(pairs, guesses, "admin", 1, MemoryRecorder(), "web", judge=lambda *_: None)  # type: ignore[arg-type]
    assert set(plan.given_up) == left
    assert all("set `patience_seconds: " in why for why in plan.given_up.values())


class Windowed:
    """A door that locks its one client for the time of a window, whoever logs in meanwhile."""

    interface = "web"

    def __init__(self, *windows: tuple[int, float]) -> None:
        self.windows, self.now, self.wrong, self.locked = windows, 0.0, list[float](), list[float]()
        self.until = -math.inf

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.now += 0.25
        if self.now < self.until:
            return REFUSED
        if ACCOUNTS.get(user) == password:
            return LoginAttempt(Answer.SEEN, "a session opened")
        self.wrong.append(self.now)
        for attempts, seconds in self.windows:
            if sum(1 for at in self.wrong if at > self.now - seconds) >= attempts:
                self.until = max(self.until, self.now + seconds)
                self.locked.append(seconds)
        return REFUSED


def measured(door: Windowed, failed: FailedLogins, patience: float = math.inf) -> Guessing:
    lockouts = (lockout(5, 60, within=60), lockout(12, 3600, within=3600))
    probe = MeasureGuessing(door, "viewer", "valid two", 5, 1.0, 60.0, clock=door.clock, wait=door.wait)
    probe = MeasureGuessing(**{**vars(probe), "patience": patience, "lockouts": lockouts, "failed": failed})
    return probe.run(MemoryRecorder())


def test_a_measurement_triggers_the_first_lockout_and_rests_below_the_others() -> None:
    door, failed = Windowed((5, 60), (12, 3600)), FailedLogins()
    for _ in range(3):
        found = measured(door, failed)
        assert found.conclusive and found.seen >= {"limit"}, found.unproven
        assert found.locked_seconds is not None and 60 <= found.locked_seconds < 70
    assert set(door.locked) == {60}
    assert door.now > 3600


def test_a_measurement_that_would_rest_for_too_long_proves_nothing_and_tries_no_password() -> None:
    door, failed = Windowed((5, 60), (12, 3600)), FailedLogins()
    measured(door, failed, patience=100)
    door.wait(100)
    measured(door, failed, patience=100)
    wrong = len(door.wrong)
    found = measured(door, failed, patience=100)
    assert len(door.wrong) == wrong
    assert not found.conclusive and not found.seen & {"limit"}
    assert "10 logins failed within 3600 s, and 5 more would trigger the declared lockout after 12" in found.unproven
    assert "set `patience_seconds: " in found.unproven


def test_a_longer_declared_lock_of_earlier_failures_is_awaited_too() -> None:
    door = Windowed((5, 60), (12, 3600))
    door.wrong = [-100.0] * 8  # by somebody else: nothing of this run
    found = measured(door, FailedLogins())
    assert found.conclusive and "limit" in found.seen
    assert found.locked_seconds is not None and found.locked_seconds >= 3600


def guess(door: Windowed, *lockouts: LockoutDeclaration) -> Guesses:
    pairs = tuple(Pair("root", f"guess {number}", "general") for number in range(20))
    return GuessLogins(door, pairs, "admin", "valid one", lockouts, patience=0.5).run(MemoryRecorder())


def test_real_guesses_stay_below_all_windows_and_leave_open_what_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guess_plan, "BATCH_SECONDS", 0.0)
    door = Windowed((5, 60), (20, 3600))
    found = guess(door, MINUTE, HOUR)
    assert not door.locked
    assert 0 < len(found.refused) < 4
    assert not found.conclusive
    assert "to stay below the declared lockout" in found.unproven


@pytest.mark.parametrize(("per", "failed_as"), [("source", "viewer"), ("source", "admin"), ("account", "admin")])
@pytest.mark.parametrize("before", [3, 4])
def test_not_even_a_nonsense_password_goes_above_what_other_probes_have_left(
    per: Any, failed_as: str, before: int
) -> None:
    failed = FailedLogins()
    for _ in range(before):
        failed.note(failed_as, time.monotonic())
    door, hour = Windowed(), lockout(5, 3600, per, within=3600)
    pairs = (Pair("root", "guess", "general"), Pair("admin", "guess", "general"))
    probe = GuessLogins(door, pairs, "admin", "valid one", (hour,), patience=60, failed=failed)
    found = probe.run(MemoryRecorder())
    assert not door.wrong
    assert not found.conclusive and not found.accepts_anything
    assert found.silent == {"root:guess", "admin:guess"}
    assert "set `patience_seconds: 3" in found.unproven


@pytest.mark.parametrize("per", ["source", "account"])
def test_the_first_wrong_password_rests_where_the_bench_waits_so_long(per: Any) -> None:
    failed, started = FailedLogins(), time.monotonic()
    for _ in range(3):
        failed.note("admin", started)
    window = lockout(5, 0.2, per, within=0.2)
    probe = GuessLogins(Windowed(), (Pair("root", "x", "general"),), "admin", "valid one", (window,), failed=failed)
    record = MemoryRecorder()
    found = probe.run(record)
    assert found.refused == {"root:x"} and found.conclusive
    assert time.monotonic() - started > 0.2
