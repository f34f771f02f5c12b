"""Guesses where no account is declared, below the lockouts of the address that another door declares."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.failures import FailedLogins
from drivers.guessing.logins import Guesses
from drivers.network.logins.undeclared import GuessUndeclared
from lab_config.account import LockoutDeclaration
from tests.drivers.network.logins.test_undeclared import Door
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.recorder import MemoryRecorder

PAIRS = tuple(Pair(f"user{number}", "x", "general") for number in range(20))


def lockout(attempts: int, **more: Any) -> LockoutDeclaration:
    return LockoutDeclaration(attempts=attempts, per="source", interfaces=("web",), **{"seconds": 1e-6, **more})


def guess(
    door: Door, *lockouts: LockoutDeclaration, valid: Callable[[], LoginAttempt] | None = None, **more: Any
) -> Guesses:
    probe = GuessUndeclared("telnet", LOOPBACK, (door,), PAIRS, None, lockouts=lockouts, valid=valid, **more)
    return probe.run(MemoryRecorder())


@pytest.mark.parametrize("attempts", [2, 3, 8])
@pytest.mark.parametrize("others", [(), ({"seconds": 1e-6, "within": 1e-6},)])
def test_without_a_valid_login_a_row_of_failed_logins_never_becomes_a_lockout(
    attempts: int, others: tuple[dict[str, float], ...]
) -> None:
    door = Door()
    found = guess(door, lockout(attempts), *(lockout(attempts, **one) for one in others))
    assert len(door.tried) == max(1, attempts - 2)
    assert not found.conclusive
    assert "no valid login that ends the row" in found.detail(PAIRS[-1].about)


def test_the_row_goes_on_at_the_next_port() -> None:
    first, second, failed = Door(), Door(interface="tcp-21"), FailedLogins()
    guess(first, lockout(6), failed=failed)
    guess(second, lockout(6), failed=failed)
    assert (len(first.tried), second.tried) == (4, [])


@pytest.mark.parametrize(
    "more", [{"within": 1e-6}, {"within": 1e-6, "reset_by_login": True}, {"reset_by_login": False}]
)
def test_a_count_that_time_ends_is_waited_for_without_a_valid_login(more: dict[str, Any]) -> None:
    door = Door()
    assert len(guess(door, lockout(6, **more)).refused) == len(PAIRS)
