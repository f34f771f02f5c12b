"""Guesses beside each other: how many at once, what eases them, and what never goes above a limit."""

import math
import threading
from typing import Any

import pytest

from drivers.guessing import plan as guess_plan
from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.guessing.pace import GuessPace
from drivers.guessing.plan import GuessPlan
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.wide_door import SILENT, WideDoor
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Witness

ACCOUNTS = {"admin": "valid one", "viewer": "valid two"}


def pairs(*users: str, each: int) -> tuple[Pair, ...]:
    return tuple(Pair(user, f"guess {number}", "general") for number in range(each) for user in users)


def guess(
    door: WideDoor, guesses: tuple[Pair, ...], lockout: LockoutDeclaration | None = None
) -> tuple[Guesses, MemoryRecorder]:
    record = MemoryRecorder()
    others = {"viewer": ACCOUNTS["viewer"]}
    return GuessLogins(door, guesses, "admin", ACCOUNTS["admin"], (lockout,) if lockout else (), others).run(
        record
    ), record


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a rest, or to try a control again, and no batch goes on because it goes fast."""
    monkeypatch.setattr(guess_plan, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(GuessPace, "rests", lambda self, user: False)
    monkeypatch.setattr(guess_plan, "RETRY_SECONDS", (0.0, 0.0))


def test_as_many_guesses_are_tried_at_once_as_the_bench_allows() -> None:
    together = threading.Barrier(3)

    def in_threes(door: WideDoor, user: str, password: str) -> None:
        if password == "together":
            together.wait(10)

    door = WideDoor(ACCOUNTS, 3, in_threes)
    warm_up = pairs("root", each=30)
    found, _ = guess(door, (*warm_up, *(Pair("root", "together", str(n)) for n in range(3))))
    assert door.most_open == 3
    assert len(found.refused) == 31
    assert found.conclusive


def test_the_facts_are_in_the_order_of_the_guesses_and_the_one_that_gets_in_is_among_them() -> None:
    guesses = (*pairs("root", "viewer", "guest", each=40), Pair("viewer", ACCOUNTS["viewer"], "general"))
    found, _ = guess(WideDoor(ACCOUNTS, 8), guesses)
    assert [fact.about for fact in found.facts] == [pair.about for pair in guesses]
    assert found.seen == {"viewer:valid two"}
    assert len(found.refused) == 120


@pytest.mark.parametrize("per", ["account", "source"])
def test_no_account_is_guessed_at_above_a_declared_lockout_by_however_many(per: Any) -> None:
    door = WideDoor(ACCOUNTS, 8)
    lockout = LockoutDeclaration(attempts=5, seconds=2, per=per, interfaces=("ssh",))
    found, _ = guess(door, pairs("admin", "viewer", each=60), lockout)
    assert len(found.refused) == 120
    assert found.conclusive
    assert max(door.most_failed[key] for key in (("everybody",) if per == "source" else ACCOUNTS)) < 5


def test_a_valid_login_comes_after_each_batch_and_at_the_end() -> None:
    door = WideDoor(ACCOUNTS, 2)
    guess(door, pairs("root", each=100))
    assert door.tried.count("admin") >= 2 + 100 // (2 * guess_plan.BATCH + door.at_once) + 2
    assert door.tried[-1] == "admin"


def test_a_device_that_bears_fewer_at_once_is_eased_and_every_guess_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guess_plan, "SLOWED", math.inf)  # a busy machine must not ease before there is a crowd
    crowded = threading.Event()

    def at_most_two(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        if door.open > 2 and user == "root":
            crowded.set()
            return SILENT
        if len(door.tried) > 40:
            crowded.wait(10)
        return None

    # From eight it takes two silences to come down to two, and each guess is asked three times (ASKED_MOST); from
    # sixteen one guess can be met by a crowd each time.
    found, record = guess(WideDoor(ACCOUNTS, 8, at_most_two), pairs("root", each=200))
    assert len(found.refused) == 200
    assert found.conclusive
    assert any("at once from now on" in note for note in record.notes)


def test_a_device_that_stops_answering_in_the_middle_is_asked_little_more() -> None:
    def forty(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        return SILENT if len(door.tried) > 40 else None

    door = WideDoor(ACCOUNTS, 4, forty)
    found, _ = guess(door, pairs("root", each=200))
    assert len(door.tried) < 40 + 4 + 5
    assert not found.conclusive
    assert "the valid login no longer worked" in found.detail("root:guess 199")


def test_a_lockout_that_nobody_declared_ends_the_guesses_and_is_said() -> None:
    def banned(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        return LoginAttempt(Answer.REFUSED, "account locked") if door.failed["root"] >= 12 else None

    found, _ = guess(WideDoor(ACCOUNTS, 1, banned), pairs("root", each=100))
    assert len(found.refused) == 2 * guess_plan.BATCH
    assert found.witness is not None
    assert "did not succeed (refused: account locked)" in found.witness.what
    assert "A lockout or a ban may be the cause: declare it under `lockout`" in found.witness.what


def test_wrong_passwords_that_lose_their_answer_on_the_way_end_the_guesses() -> None:
    answers = threading.Semaphore(3)  # the door counts a failure only after it was asked here

    def only_the_first(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        return None if user != "root" or answers.acquire(blocking=False) else SILENT

    door = WideDoor(ACCOUNTS, 4, only_the_first)
    found, _ = guess(door, pairs("root", each=100))
    assert len(found.refused) == 3
    assert not found.conclusive
    assert "guesses in a row got no answer" in found.detail("root:guess 99")


def test_a_device_that_never_answers_wrong_passwords_is_witnessed_by_the_valid_login() -> None:
    def mute(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        return None if door.accounts.get(user) == password else SILENT

    door = WideDoor(ACCOUNTS, 4, mute)
    found, _ = guess(door, pairs("root", each=30))
    assert len(found.silent) == 30
    assert door.tried.count("root") == 30
    assert found.conclusive


def test_a_control_without_an_answer_is_tried_again() -> None:
    lost: list[str] = []

    def one_lost(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        if user == "admin" and door.failed["root"] and not lost:
            lost.append(user)
            return SILENT
        return None

    found, _ = guess(WideDoor(ACCOUNTS, 4, one_lost), pairs("root", each=60))
    assert lost
    assert len(found.refused) == 60
    assert found.conclusive


def test_an_attempt_whose_connection_had_served_others_is_asked_again_without_a_doubt() -> None:
    ended: list[str] = []

    def ends(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        if password == "guess 7" and not ended:
            ended.append(password)
            return LoginAttempt(Answer.SILENT, "the connection ended", stale=True)
        return None

    found, record = guess(WideDoor(ACCOUNTS, 1, ends), pairs("root", each=9))
    assert len(found.refused) == 9
    assert not any("at once" in note and "no answer" in note for note in record.notes)


def test_a_device_that_begins_to_take_anything_proves_nothing() -> None:
    def later(door: WideDoor, user: str, password: str) -> LoginAttempt | None:
        return LoginAttempt(Answer.SEEN, "a session opened") if user == "admin" and len(door.tried) > 5 else None

    found, _ = guess(WideDoor(ACCOUNTS, 1, later), pairs("root", each=9))
    assert not found.conclusive
    assert not found.accepts_anything


def test_a_bench_that_cannot_send_is_an_error_whichever_way_met_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guess_plan, "SLOWED", math.inf)  # a busy machine must not bring all guesses to the first way

    def broken(door: WideDoor, user: str, password: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise BenchError("this machine could not send.")

    with pytest.raises(BenchError, match="could not send"):
        guess(WideDoor(ACCOUNTS, 4, broken), pairs("root", each=10_000))


def eased_after(*batches: tuple[int, Answer, float]) -> int:
    """How often a device is eased after batches of so many guesses, each with the same end and time in seconds."""
    total = sum(count for count, _, _ in batches)
    plan = GuessPlan(
        pairs("root", each=total),
        GuessPace((), ("admin",)),
        "admin",
        4,
        MemoryRecorder(),
        "web",
        judge=lambda *_: Witness(what="the valid login succeeded", holds=True),
    )
    for answer, seconds in [(answer, seconds) for count, answer, seconds in batches for _ in range(count)]:
        step = plan.next(0)
        while step is not None and step.pair is None:
            plan.done(0, LoginAttempt(Answer.SEEN, "in"), 0.002)
            step = plan.next(0)
        plan.done(0, LoginAttempt(answer, "told"), seconds)
    return plan.eased


@pytest.mark.parametrize("right", [2, 4, 30])
def test_a_device_that_delays_after_wrong_passwords_only_has_not_slowed_down(right: int) -> None:
    assert eased_after((right, Answer.SEEN, 0.002), (60, Answer.REFUSED, 2.0)) == 0


def test_a_device_that_delays_more_than_before_after_wrong_passwords_is_eased() -> None:
    assert eased_after((60, Answer.REFUSED, 0.002), (60, Answer.REFUSED, 2.0)) > 0


@pytest.mark.parametrize("together", [2, 8, 16])
def test_a_limit_that_several_guesses_met_together_is_waited_for_once(together: int) -> None:
    now = [0.0]
    record = MemoryRecorder()
    limited = LoginAttempt(Answer.SILENT, "429 slow down", limited=True)
    plan = GuessPlan(
        pairs("root", "guest", each=20), GuessPace((), ("admin",)), "admin", together, record, "web", judge=_holds
    )
    plan.clock = lambda: now[0]
    plan._width = together
    steps = [plan.next(way) for way in range(together)]
    assert all(step is not None and step.pair is not None for step in steps)
    for way in range(together):
        now[0] += 0.01
        plan.done(way, limited, 0.01)
    assert not plan.given_up, "nobody has waited as long as the bench does"
    now[0] += 2.0
    assert plan.next(0) is not None
    assert sum("one at a time from now on" in line for line in record.notes) == 1


RESTS = {
    "a moving window of the account": {"per": "account", "within": 60},
    "a moving window of the address": {"per": "source", "within": 60},
    "a lock that time alone resets": {"per": "source", "reset_by_login": False},
    "a limit in the words of the device": None,
}


@pytest.mark.parametrize("rest", RESTS)
def test_a_rest_that_ends_while_it_is_looked_at_is_not_waited_for_without_end(
    rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, declared = [0.0], RESTS[rest]
    more: dict[str, Any] = {} if declared is None else declared
    lockouts = (LockoutDeclaration(attempts=4, seconds=60, interfaces=("ssh",), **more),) if more else ()
    monkeypatch.undo()  # names rest here
    pace = GuessPace(lockouts, ("admin",), clock=lambda: now[0])
    plan = GuessPlan(
        pairs("admin", each=9), pace, "admin", 1, MemoryRecorder(), "ssh", judge=_holds, clock=lambda: now[0]
    )
    for _ in range(2 if more else 1):
        assert plan.next(0) is not None
        if more:
            plan.done(0, LoginAttempt(Answer.REFUSED, "no"), 0.01)
        else:
            plan.done(0, LoginAttempt(Answer.SILENT, "429", limited=True, retry_after=60.0), 0.01)
    now[0] = 59.999999
    ways, patience = [False], plan._patience

    def later() -> float | None:
        now[0] = 60.000001
        return patience()

    monkeypatch.setattr(plan, "_patience", later)
    waits = threading.Thread(target=lambda: ways.append(plan.wanted(0)), daemon=True)
    waits.start()
    waits.join(60)
    assert ways == [False, True]


def _holds(_user: str, _attempt: LoginAttempt) -> Witness:
    return Witness(what="the valid login gets in", holds=True)
