"""The failed logins of a run: looked at before each guess, so that it may not take longer the more there are."""

import math
from typing import ClassVar

import pytest

from drivers.guessing.failures import FailedLogins
from drivers.guessing.pace import GuessPace
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.test_pace import Clock

USERS = 20


class Counted(float):
    """A time that counts how often it is compared."""

    compared: ClassVar[int] = 0

    def __lt__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) < float(other)

    def __gt__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) > float(other)


def filled(number: int) -> FailedLogins:
    failed = FailedLogins()
    for at in range(number):
        failed.note(f"user{at % USERS}", Counted(at))
    return failed


@pytest.mark.parametrize("user", [None, "user3", "nobody"])
@pytest.mark.parametrize("when", [-1.0, 100.0, 1990.5, 5000.0])
def test_the_failed_logins_since_a_time_are_those_of_the_user_in_order(user: str | None, when: float) -> None:
    failed = filled(2000)
    expected = [float(at) for at in range(2000) if at > when and user in (None, f"user{at % USERS}")]
    assert failed.since(when, user) == expected
    assert failed.count(when, user) == len(expected)
    assert failed.latest(1, user) == (-math.inf if user == "nobody" else 1999 if user is None else 1983)


def test_a_failed_login_that_another_thread_notes_late_stands_at_its_time() -> None:
    failed = FailedLogins()
    for at in (2.0, 1.0, 3.0):
        failed.note("admin", at)
    assert failed.since(0.0) == failed.since(0.0, "admin") == [1.0, 2.0, 3.0]
    assert failed.latest(3) == 1.0 and failed.latest(4) == -math.inf


@pytest.mark.parametrize("per", ["account", "source"])
@pytest.mark.parametrize("more", [{"within": 86_400}, {"reset_by_login": False}])
def test_a_guess_after_thousands_of_failed_logins_looks_at_few_of_them(per: str, more: dict[str, float]) -> None:
    clock = Clock()
    lockout = {"attempts": 3000, "seconds": 3600, "per": per, "interfaces": ("ssh",), **more}
    pace = GuessPace((LockoutDeclaration.model_validate(lockout),), ("user3",), clock, failed=filled(2000))
    clock.now, Counted.compared = 2000.0, 0
    users = [f"user{number}" for number in range(USERS)]
    assert all(pace.may(user) for user in users)
    assert pace.rest(users) is None and not any(pace.lacks(user, 9, 9) for user in users)
    assert Counted.compared < 100 * USERS
