"""Guesses at doors without a known login, below the lockouts of the address."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.guard import AddressGuard
from drivers.guessing.pace import GuessPace
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.locking_door import LockingDoor
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ACCOUNTS = {"admin": "valid one"}


class Locked:
    """A device with two doors, which locks an address that fails too often in a row at any of them."""

    def __init__(self, attempts: int) -> None:
        self.door = LockingDoor(ACCOUNTS, attempts, 1_000, by_source=True)
        self.lock, self.open, self.most_open = threading.Lock(), 0, 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        with self.lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        with self.lock:
            self.open -= 1
            return self.door.attempt(user, password)

    def reset(self) -> LoginAttempt:
        return self.attempt("admin", "valid one")


def guard(device: Locked, attempts: int, *, reset: bool = True, patience: float = 60.0, **more: Any) -> AddressGuard:
    lockout = LockoutDeclaration(attempts=attempts, seconds=1_000, per="source", interfaces=("web",), **more)
    pace = GuessPace((lockout,), ())
    return AddressGuard(pace, MemoryRecorder(), device.reset if reset else None, time.monotonic() + patience)


@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize("attempts", [3, 6])
def test_any_number_of_guesses_at_once_stays_below_the_lockout_of_the_address(width: int, attempts: int) -> None:
    device = Locked(attempts)
    way = guard(device, attempts).way(device, 1)
    with ThreadPoolExecutor(width) as pool:
        found = list(pool.map(lambda number: way.attempt(f"user{number % 3}", f"guess {number}"), range(60)))
    assert {one.answer for one in found} == {Answer.REFUSED}
    assert device.door.locked == []


@pytest.mark.parametrize("tries", [2, 3, 5])
def test_an_attempt_that_sends_several_passwords_counts_as_many(tries: int) -> None:
    device = Locked(6)
    held = guard(device, 6)

    class Several:
        def attempt(self, user: str, password: str) -> LoginAttempt:
            return [device.attempt(user, password) for _ in range(min(tries, 4))][-1]

    way = held.way(Several(), tries)
    assert {way.attempt("root", f"guess {number}").answer for number in range(10)} == {Answer.REFUSED}
    assert device.door.locked == []
    assert device.door.tried.count("admin") == (4 if tries == 2 else 9)


@pytest.mark.parametrize("attempts", [2, 3])
@pytest.mark.parametrize("more", [{}, {"within": 1_000}, {"reset_by_login": False}])
def test_an_attempt_that_alone_would_trigger_the_lockout_is_not_made(attempts: int, more: dict[str, Any]) -> None:
    device = Locked(attempts)
    held = guard(device, attempts, **more)

    class Several:
        def attempt(self, user: str, password: str) -> LoginAttempt:
            return [device.attempt(user, password) for _ in range(3)][-1]

    found = held.way(Several(), 3).attempt("root", "x")
    assert (found.answer, device.door.tried) == (Answer.SILENT, [])
    assert "each guess sends 3 passwords here, as many as trigger a declared lockout" in found.detail
    assert held.way(device, 1).attempt("root", "y").answer is Answer.REFUSED, "other doors are not affected"


def test_a_valid_login_that_no_longer_works_ends_the_guesses() -> None:
    device = Locked(4)  # one sooner than declared
    way = guard(device, 9).way(device, 1)
    found = [way.attempt("root", f"guess {number}") for number in range(30)]
    assert found[-1].answer is Answer.SILENT
    assert "the valid login at another door did not succeed" in found[-1].detail
    assert len(device.door.tried) < 12


@pytest.mark.parametrize("more", [{"reset_by_login": False}, {"within": 1_000}])
def test_a_count_that_only_time_resets_leaves_out_what_does_not_fit(more: dict[str, Any]) -> None:
    device = Locked(6)
    way = guard(device, 6, patience=0.3, **more).way(device, 1)
    found = [way.attempt("root", f"guess {number}") for number in range(6)]
    assert [one.answer for one in found] == [Answer.REFUSED] * 4 + [Answer.SILENT] * 2
    assert "set a longer `patience_seconds`" in found[-1].detail
    assert device.door.locked == []


def test_without_a_lockout_nothing_is_guarded() -> None:
    device = Locked(6)
    assert AddressGuard(GuessPace((), ()), MemoryRecorder()).way(device, 1) is device


def test_a_way_that_breaks_leaves_its_place_to_others() -> None:
    device = Locked(3)
    held = guard(device, 3)

    class Broken:
        def attempt(self, user: str, password: str) -> LoginAttempt:
            raise OSError("no socket")

    with pytest.raises(OSError, match="no socket"):
        held.way(Broken(), 1).attempt("root", "x")
    assert held.way(device, 1).attempt("root", "y").answer is Answer.REFUSED
