from typing import Any

from drivers.guessing.pace import GuessPace
from lab_config.account import LockoutDeclaration


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def pace(clock: Clock, per: Any = "account") -> GuessPace:
    return GuessPace((LockoutDeclaration(attempts=4, seconds=2, per=per, interfaces=("ssh",)),), ("admin",), clock)


def fail(guesses: GuessPace, *users: str) -> None:
    for user in users:
        guesses.asked(user)
        guesses.answered(user, got_in=False)


def test_a_valid_login_is_due_two_attempts_before_the_lockout() -> None:
    guesses = pace(Clock())
    fail(guesses, "admin")
    assert guesses.may("admin")
    assert not guesses.due("admin")
    fail(guesses, "admin")
    assert not guesses.may("admin")
    assert guesses.due("admin")
    guesses.succeeded("admin")
    assert guesses.may("admin")


def test_a_guess_counts_from_when_it_is_asked() -> None:
    guesses = pace(Clock())
    guesses.asked("admin")
    guesses.asked("admin")
    assert not guesses.may("admin")
    guesses.answered("admin", got_in=True)
    assert guesses.may("admin")
    guesses.asked("admin")
    assert not guesses.may("admin")  # one that was asked before may yet fail


def test_a_name_without_a_valid_login_rests_after_as_many_attempts_as_lock_an_account_out() -> None:
    clock = Clock()
    guesses = pace(clock)
    fail(guesses, "root", "root", "root")
    assert guesses.may("root")
    guesses.asked("root")
    assert not guesses.may("root")
    assert guesses.rest(["root"]) is None  # the rest begins with the last answer
    clock.now = 1.0
    guesses.answered("root", got_in=False)
    assert not guesses.may("root")
    assert guesses.rest(["root", "guest"]) == 2.0
    assert guesses.may("guest")
    clock.now = 3.0
    assert guesses.may("root")
    assert guesses.rest(["root"]) is None


def test_a_lockout_of_the_source_counts_all_names_together() -> None:
    guesses = pace(Clock(), "source")
    fail(guesses, "root", "guest")
    assert guesses.due("anybody")
    assert not guesses.may("anybody")
    guesses.succeeded("admin")
    assert guesses.may("root")


def test_real_accounts_with_failures_are_unsettled_until_they_get_in() -> None:
    guesses = pace(Clock())
    fail(guesses, "admin", "root")
    assert guesses.unsettled == ("admin",)
    guesses.succeeded("admin")
    assert not guesses.unsettled


def test_without_a_lockout_nothing_is_due_and_nobody_rests() -> None:
    guesses = GuessPace((), ("admin",), Clock())
    fail(guesses, *["admin", "root"] * 100)
    assert guesses.may("admin")
    assert guesses.may("root")
    assert not guesses.due("admin")
    assert guesses.rest(["admin", "root"]) is None
