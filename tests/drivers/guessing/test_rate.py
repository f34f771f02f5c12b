import threading
from contextlib import nullcontext

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.rate import Guessing, MeasureGuessing
from tests.drivers.guessing.locking_door import REFUSED, LockingDoor
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ACCOUNTS = {"service": "valid", "other": "valid too"}


def measure(door: LockingDoor, attempts: int = 4, lock_seconds: float | None = 3.0) -> tuple[Guessing, MemoryRecorder]:
    record = MemoryRecorder()
    probe = MeasureGuessing(
        door, "service", "valid", attempts, 1.0, lock_seconds, ("other", "valid too"), door.clock, door.wait
    )
    return probe.run(record), record


def test_a_lock_is_measured_from_the_last_wrong_password_to_the_next_valid_login() -> None:
    found, _ = measure(LockingDoor(ACCOUNTS, 4, seconds=3.0))
    assert found.seen >= {"limit", "rate_before", "rate_after"}
    assert found.rate_before == 4.0
    assert found.locked_seconds == 3.25
    assert found.rate_after == round(4 / (1.0 + 3.25), 2)
    assert "4.0 attempts per second" in found.detail("rate_before")
    assert found.conclusive


def test_another_account_is_tried_while_the_first_is_locked() -> None:
    found, _ = measure(LockingDoor(ACCOUNTS, 4))
    assert found.detail("others") == "meanwhile other logs in"
    everybody, _ = measure(LockingDoor(ACCOUNTS, 4, by_source=True))
    assert "others" in everybody.refused


def test_a_door_that_neither_locks_nor_slows_down_has_no_limit() -> None:
    found, _ = measure(LockingDoor(ACCOUNTS, None), attempts=8)
    assert found.silent == {"limit"}
    assert found.attempts == 8
    assert found.rate_after == found.rate_before == 4.0
    assert found.conclusive


def test_a_refusal_that_takes_its_time_is_a_limit() -> None:
    door = LockingDoor(ACCOUNTS, None)
    door.delay = 2.0
    found, _ = measure(door)
    assert "limit" in found.seen
    assert found.locked_seconds is None
    assert found.rate_after < 0.5


def test_a_lock_that_is_over_too_soon_is_no_limit() -> None:
    found, _ = measure(LockingDoor(ACCOUNTS, 4, seconds=0.3), lock_seconds=None)
    assert "limit" in found.silent
    assert found.conclusive


def test_an_account_that_never_comes_back_proves_nothing() -> None:
    found, _ = measure(LockingDoor(ACCOUNTS, 4, seconds=10_000))
    assert "limit" in found.silent
    assert "the valid login did not succeed" in found.detail("limit")
    assert not found.conclusive


def test_a_door_that_takes_any_password_proves_nothing() -> None:
    class Open(LockingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            super().attempt(user, password)
            return LoginAttempt(Answer.SEEN, "in")

    found, _ = measure(Open(ACCOUNTS, None))
    assert found.attempts == 1
    assert "limit" in found.silent
    assert not found.conclusive


def test_nothing_is_guessed_where_the_valid_login_does_not_get_in() -> None:
    class Shut(LockingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            super().attempt(user, password)
            return REFUSED

    door = Shut(ACCOUNTS, None)
    found, _ = measure(door)
    assert found.attempts == 0
    assert door.tried == ["service", "service", "other"]
    assert not found.conclusive


class Losing(LockingDoor):
    """Leaves some valid logins without an answer, by their numbers, for as long as a time-out lasts."""

    def __init__(self, *lost: int, attempts: int | None = None, answer: Answer = Answer.SILENT) -> None:
        super().__init__(ACCOUNTS, attempts, seconds=3.0)
        self.lost = lost
        self.answer = answer
        self.valid = 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        if user != "service" or password != "valid":
            return super().attempt(user, password)
        self.valid += 1
        if self.valid not in self.lost:
            return super().attempt(user, password)
        self.now += 3.0
        return LoginAttempt(self.answer, "no connection", unanswered=True)


@pytest.mark.parametrize("lock_seconds", [None, 300.0])
def test_a_valid_login_whose_answer_was_lost_once_is_no_lock_and_proves_nothing(lock_seconds: float | None) -> None:
    found, _ = measure(Losing(2), lock_seconds=lock_seconds)
    assert found.silent == {"limit"}
    assert found.locked_seconds is None
    assert "an answer was lost, or a ban was short" in found.detail("limit")
    assert found.witness is not None
    assert "got no answer once and then succeeded" in found.witness.what
    assert not found.conclusive


def test_a_lock_is_measured_though_the_first_answer_after_it_was_lost() -> None:
    found, _ = measure(Losing(2, attempts=4), lock_seconds=None)
    assert not found.conclusive  # the time-out outlasted the lock
    door = Losing(2, attempts=4)
    door.seconds = 10.0
    found, _ = measure(door, lock_seconds=10.0)
    assert "limit" in found.seen
    assert found.conclusive


def test_an_account_that_is_banned_without_a_word_is_locked_where_another_one_is_answered() -> None:
    found, _ = measure(Losing(2, 3, 4), lock_seconds=None)
    assert "limit" in found.seen
    assert found.locked_seconds is not None
    assert found.conclusive


def banned(door: Losing, elsewhere: LockingDoor | None = None) -> Guessing:
    """Measure at a door that does not answer valid logins; the bench has no other account."""
    probe = MeasureGuessing(door, "service", "valid", 4, 1.0, clock=door.clock, wait=door.wait, elsewhere=elsewhere)
    return probe.run(MemoryRecorder())


def test_an_address_that_is_banned_without_a_word_is_locked_where_the_door_answers_another_one() -> None:
    found = banned(Losing(2, 3, 4), LockingDoor(ACCOUNTS, None))
    assert "limit" in found.seen
    assert found.locked_seconds is not None
    assert found.locked_what == "source"
    assert found.conclusive


@pytest.mark.parametrize("answer", [Answer.SILENT, Answer.REFUSED])
def test_a_device_that_was_away_behind_the_guesses_has_no_lock_and_proves_nothing(answer: Answer) -> None:
    away = Losing(1, 2, 3, answer=answer)
    for found in (banned(Losing(2, 3, answer=answer)), banned(Losing(2, 3, answer=answer), away)):
        assert found.silent >= {"limit"}
        assert "a device that was not reachable" in found.detail("limit")
        assert (found.locked_seconds, found.locked_what) == (None, None)
        assert found.rate_after == found.rate_before
        assert not found.conclusive


def test_who_lacks_a_second_address_is_told_that_it_would_help() -> None:
    assert "add `other_source: ADDRESS`" in banned(Losing(2, 3)).detail("limit")
    assert "other_source" not in banned(Losing(2, 3), Losing(1, 2, 3)).detail("limit")


def test_a_valid_login_that_gets_in_once_the_device_is_there_again_is_no_lock_and_proves_nothing() -> None:
    found = banned(Losing(2, 3), LockingDoor(ACCOUNTS, None))
    assert found.silent == {"limit"}
    assert found.locked_seconds is None
    assert not found.conclusive


def test_words_of_the_device_that_are_no_refusal_lock_without_another_sign_of_it() -> None:
    class Throttling(Losing):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            came = super().attempt(user, password)
            return LoginAttempt(Answer.SILENT, "429 Too Many Requests") if came.unanswered else came

    found = banned(Throttling(2, 3))
    assert "limit" in found.seen
    assert found.conclusive


def test_a_door_that_stops_answering_is_not_tried_to_the_end() -> None:
    class Banning(LockingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            came = super().attempt(user, password)
            banned = came is REFUSED and len(self.tried) > 3
            return LoginAttempt(Answer.SILENT, "no answer") if banned else came

    found, _ = measure(Banning(ACCOUNTS, 4), attempts=20)
    assert found.attempts < 20


@pytest.mark.parametrize("answer", [Answer.SILENT, Answer.REFUSED])
@pytest.mark.parametrize("lost", [(20,), (5, 6)])
def test_a_wrong_password_whose_answer_was_lost_is_no_delay_and_proves_nothing(
    lost: tuple[int, ...], answer: Answer
) -> None:
    class Forgetting(LockingDoor):
        def attempt(self, user: str, password: str) -> LoginAttempt:
            came = super().attempt(user, password)
            if came.answer is not Answer.REFUSED or self.tried.count(user) - 1 not in lost:
                return came
            self.now += 3.0
            return LoginAttempt(answer, "no connection", unanswered=True)

    found, _ = measure(Forgetting(ACCOUNTS, None), attempts=20)
    assert found.silent == {"limit"}
    assert found.witness is not None and "the last wrong password got no answer" in found.witness.what
    assert not found.conclusive


def test_no_password_is_in_the_observation_or_the_transcript() -> None:
    found, record = measure(LockingDoor({"service": "valid", "other": "valid too"}, 4))
    texts = [found.model_dump_json(), *record.notes]
    assert not [text for text in texts if "valid too" in text]


def test_the_numbers_are_told_with_their_units() -> None:
    door = LockingDoor(ACCOUNTS, 4, seconds=3.0)
    door.delay = 0.5
    found, _ = measure(door)
    assert found.delays == (0.75, 0.75)
    assert found.detail("delay") == "wrong password 1 took 0.750 s, wrong password 4 took 0.750 s"
    assert found.detail("back_in") == "service logged in again 3.25 s after the last wrong password"


@pytest.mark.parametrize(("by_source", "locked"), [(False, "account"), (True, "source")])
def test_a_lock_of_the_account_is_told_from_one_of_the_address(by_source: bool, locked: str) -> None:
    door = LockingDoor(ACCOUNTS, 4, by_source=by_source)
    assert measure(door)[0].locked_what == locked
    elsewhere = LockingDoor(ACCOUNTS, 4) if by_source else door
    probe = MeasureGuessing(
        door, "service", "valid", 4, 1.0, 3.0, clock=door.clock, wait=door.wait, elsewhere=elsewhere
    )
    found = probe.run(MemoryRecorder())
    assert found.locked_what == locked
    assert ("elsewhere" in found.seen) is by_source


def test_where_the_bench_cannot_tell_nothing_is_said_of_what_is_locked() -> None:
    door = LockingDoor(ACCOUNTS, 4)
    found = MeasureGuessing(door, "service", "valid", 4, 1.0, 3.0, clock=door.clock, wait=door.wait).run(
        MemoryRecorder()
    )
    assert found.locked_what is None


class Waiting:
    """A door that takes its time for a wrong password: on each connection by itself, or for all of them in turn."""

    interface = "ssh"

    def __init__(self, seconds: float, *, in_turn: bool, parallel: int = 1_000) -> None:
        self._seconds, self._turn, self._free = seconds, threading.Lock() if in_turn else nullcontext(), parallel
        self._slots = threading.BoundedSemaphore(parallel)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        if not self._slots.acquire(blocking=False):
            return LoginAttempt(Answer.REFUSED, "connection refused", unanswered=True, connected=False)
        try:
            if password == "valid":
                return LoginAttempt(Answer.SEEN, "in")
            with self._turn:
                threading.Event().wait(self._seconds)
            return REFUSED
        finally:
            self._slots.release()


DELAY = 0.12
ALONE = 1 / DELAY
"""Guesses per second that one connection cannot exceed, however fast the machine is."""


def slowly(door: Waiting) -> Guessing:
    return MeasureGuessing(door, "service", "valid", 2, 0.1).run(MemoryRecorder())


def test_a_delay_that_each_connection_waits_for_by_itself_is_no_limit() -> None:
    found = slowly(Waiting(DELAY, in_turn=False))
    assert "limit" in found.silent and found.conclusive
    assert "only its own connection waits" in found.detail("limit")
    assert found.rate_parallel is not None and found.rate_parallel > ALONE
    assert found.rate_after == found.rate_parallel


def test_a_delay_that_counts_for_all_connections_is_a_limit() -> None:
    found = slowly(Waiting(DELAY, in_turn=True))
    assert "limit" in found.seen
    assert found.rate_parallel is not None and found.rate_parallel <= ALONE


def test_connections_that_the_device_does_not_take_judge_no_password() -> None:
    found = slowly(Waiting(DELAY, in_turn=False, parallel=1))
    assert "limit" in found.seen
    assert "the device judged" in found.detail("limit")


def test_a_lock_that_only_many_connections_reach_is_measured() -> None:
    door = LockingDoor(ACCOUNTS, 20, seconds=3.0)
    door.delay = 0.8
    found, _ = measure(door)
    assert "limit" in found.seen and found.locked_seconds is not None
    assert found.conclusive


class Stretched(LockingDoor):
    """Loses packets: the valid login after the wrong ones takes so long."""

    def __init__(self, attempts: int | None, took: float) -> None:
        super().__init__(ACCOUNTS, attempts, seconds=3.0)
        self._took = took

    def attempt(self, user: str, password: str) -> LoginAttempt:
        if self.tried and password == "valid":
            self.now += self._took
        return super().attempt(user, password)


@pytest.mark.parametrize("attempts", [4, None])
def test_a_login_that_takes_longer_than_the_lock_does_not_disprove_it(attempts: int | None) -> None:
    found, _ = measure(Stretched(attempts, took=3.5))
    assert "limit" in found.silent and not found.conclusive
    assert found.witness is not None and "may have ended before it" in found.witness.what


def test_a_login_that_is_slow_but_shorter_than_the_lock_disproves_it() -> None:
    found, _ = measure(Stretched(None, took=2.0))
    assert "limit" in found.silent and found.conclusive


class Limiting(LockingDoor):
    """Answers each attempt for a while that there were too many."""

    def __init__(self, seconds: float, retry_after: float | None) -> None:
        super().__init__(ACCOUNTS, 4, seconds)
        self._retry_after = retry_after

    def attempt(self, user: str, password: str) -> LoginAttempt:
        if self.now < self._until.get(user, 0.0):
            self.now += 0.25
            self.tried.append(user)
            return LoginAttempt(Answer.SILENT, "429", limited=True, retry_after=self._retry_after)
        return super().attempt(user, password)


@pytest.mark.parametrize(("seconds", "retry_after"), [(20.0, None), (120.0, 100.0), (90.0, 90.0)])
def test_a_limit_in_the_devices_own_words_is_a_limit(seconds: float, retry_after: float | None) -> None:
    found, _ = measure(Limiting(seconds, retry_after), lock_seconds=None)
    assert "limit" in found.seen and found.conclusive
    assert found.locked_seconds is not None and found.locked_seconds >= seconds


def test_tries_become_rarer_while_the_device_says_that_it_limits_them() -> None:
    door = Limiting(25.0, None)
    measure(door, lock_seconds=None)
    assert len(door.tried) < 20
