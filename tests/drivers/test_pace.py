from typing import Any

from drivers.pace import Pace
from lab_config.models import LockoutDeclaration


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def pace(clock: Clock, per: Any = "account") -> Pace:
    return Pace(LockoutDeclaration(attempts=4, seconds=2, per=per, interfaces=("ssh",)), {"admin"}, clock, clock.wait)


def test_a_valid_login_is_due_two_attempts_before_the_lockout() -> None:
    guesses = pace(Clock())
    due = []
    for _ in range(3):
        due.append(guesses.due("admin"))
        guesses.failed("admin")
    assert due == [False, False, True]
    guesses.succeeded("admin")
    assert not guesses.due("admin")


def test_a_name_without_a_valid_login_rests_after_as_many_attempts_as_lock_an_account_out() -> None:
    clock = Clock()
    guesses = pace(clock)
    for _ in range(4):
        guesses.failed("root")
    assert guesses.next_of(["root", "guest"]) == 1
    assert clock.waits == []
    assert guesses.next_of(["root"]) == 0
    assert clock.waits == [2.0]


def test_a_lockout_of_the_source_counts_all_names_together() -> None:
    guesses = pace(Clock(), "source")
    for user in ("root", "guest"):
        assert not guesses.due(user)
        guesses.failed(user)
    assert guesses.due("anybody")
    guesses.succeeded("admin")
    assert not guesses.due("root")


def test_real_accounts_with_failures_are_unsettled_until_they_get_in() -> None:
    guesses = pace(Clock())
    guesses.failed("admin")
    guesses.failed("root")
    assert guesses.unsettled == ("admin",)
    guesses.succeeded("admin")
    assert not guesses.unsettled


def test_without_a_lockout_nothing_is_due_and_nobody_rests() -> None:
    clock = Clock()
    guesses = Pace(None, {"admin"}, clock, clock.wait)
    for _ in range(100):
        guesses.failed("admin")
        guesses.failed("root")
    assert not guesses.due("admin")
    assert guesses.next_of(["root"]) == 0
    assert clock.waits == []
