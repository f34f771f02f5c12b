"""Guesses where no account is declared, below the lockouts of the address that another door declares."""

import threading
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
from trustprobe.probe import Answer

PAIRS = tuple(Pair(f"user{number}", "x", "general") for number in range(20))


def lockout(attempts: int, **more: Any) -> LockoutDeclaration:
    return LockoutDeclaration(attempts=attempts, per="source", interfaces=("web",), **{"seconds": 1e-6, **more})


def guess(
    door: Door, *lockouts: LockoutDeclaration, valid: Callable[[], LoginAttempt] | None = None, **more: Any
) -> Guesses:
    pairs = more.pop("pairs", PAIRS)
    probe = GuessUndeclared("telnet", LOOPBACK, (door,), pairs, None, lockouts=lockouts, valid=valid, **more)
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


class Locking:
    """Locks an address for good after failed logins in a row, at whatever door. Its words do not say so."""

    def __init__(self, attempts: int) -> None:
        self.attempts, self.row, self.most = attempts, 0, 0
        self.lock = threading.Lock()

    def door(self, interface: str) -> Door:
        device = self

        class Wrong(Door):
            """A door of this device; no password is right."""

            def attempt(self, user: str, password: str) -> LoginAttempt:
                with device.lock:
                    device.row += 1
                    device.most = max(device.most, device.row)
                return super().attempt(user, password)

        return Wrong(interface=interface)

    def valid(self) -> LoginAttempt:
        with self.lock:
            if self.most >= self.attempts:
                return LoginAttempt(Answer.REFUSED, "no")
            self.row = 0
            return LoginAttempt(Answer.SEEN, "in")


@pytest.mark.parametrize("attempts", [3, 5, 9])
@pytest.mark.parametrize("number", [1, 2, 19])
def test_successive_ports_together_stay_below_the_lockout_of_the_address(attempts: int, number: int) -> None:
    device = Locking(attempts)
    for port in range(4):
        found = guess(device.door(f"tcp-{port}"), lockout(attempts), valid=device.valid, pairs=PAIRS[:number])
        assert len(found.refused) == number and found.conclusive
    assert device.most < attempts and device.row == 0


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize("locks_at", [1, 2, 3])
def test_a_refusal_that_no_valid_login_follows_proves_nothing(locks_at: int, number: int) -> None:
    device = Locking(locks_at)  # sooner than declared
    found = guess(device.door("tcp-23"), lockout(9), valid=device.valid, pairs=PAIRS[:number])
    is_locked = number + 1 >= locks_at  # with the nonsense password
    assert len(found.refused) == (0 if is_locked else number)
    assert found.conclusive is not is_locked
    if is_locked:
        assert "a lockout may have refused it" in found.detail(PAIRS[0].about)


def test_no_guess_is_made_at_a_port_while_the_address_is_locked() -> None:
    door = Door()
    found = guess(door, lockout(5), valid=lambda: LoginAttempt(Answer.REFUSED, "locked"))
    assert not door.tried
    assert not found.refused and not found.conclusive
    assert "the valid login at another door did not succeed (refused: locked)" in found.detail(PAIRS[0].about)
