from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

import pytest

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import Guesses
from drivers.guessing.pace import GuessPace
from drivers.network.logins.undeclared import Corridor, GuessUndeclared, Knock, OpenDoor
from lab_config.account import LockoutDeclaration
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

PAIRS = (Pair("admin", "admin", "general"), Pair("admin", "1234", "general"), Pair("root", "", "general"))
OPEN, SHUT = Knock(Answer.SEEN, "asks"), Knock(Answer.REFUSED, "connection refused", connected=False)


@dataclass
class Door:
    """A door in memory."""

    knocked: Knock = OPEN
    takes: tuple[str, ...] = ()
    anything: bool = False
    answer: Answer = Answer.REFUSED
    interface: str = "tcp-23"
    tried: list[str] = field(default_factory=list)

    def knock(self) -> Knock:
        return self.knocked

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.tried.append(f"{user}:{password}")
        seen = self.anything or f"{user}:{password}" in self.takes
        return LoginAttempt(Answer.SEEN if seen else self.answer, "in" if seen else "no")


def guess(*doors: OpenDoor, canary: bool = True) -> Guesses:
    with tcp_server(lambda client: None) as port:
        alive = port if canary else closed_port()
        return GuessUndeclared("telnet", LOOPBACK, doors, PAIRS, alive).run(MemoryRecorder())


def test_a_closed_port_refuses_every_pair() -> None:
    door = Door(SHUT)
    found = guess(door)
    assert len(found.refused) == len(PAIRS) and found.conclusive
    assert not door.tried


def test_silence_needs_the_canary() -> None:
    silent = Door(Knock(Answer.SILENT, "no answer to connect()", connected=False))
    assert guess(silent).conclusive
    assert not guess(silent, canary=False).conclusive


def test_a_pair_that_opens_one_of_the_doors_is_seen() -> None:
    found = guess(Door(SHUT), Door(takes=("admin:1234",)), Door())
    assert found.seen == {"admin:1234"}
    assert found.detail("admin:1234").startswith("tcp-23: in")
    assert found.conclusive


def test_where_a_door_answers_a_guess_without_an_answer_proves_nothing() -> None:
    found = guess(Door(answer=Answer.SILENT))
    assert not found.seen and not found.conclusive


def test_a_door_that_stops_answering_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.network.logins.undeclared.AT_ONCE", 1)
    monkeypatch.setattr("drivers.network.logins.undeclared.SILENCES", 2)
    door = Door(answer=Answer.SILENT)
    found = guess(door)
    assert found.silent == {pair.about for pair in PAIRS}
    assert len(door.tried) == 3  # the nonsense password, and two guesses


def test_a_door_that_takes_anything_is_shown_by_one_pair_of_each_user() -> None:
    door = Door(anything=True)
    found = guess(door)
    assert found.accepts_anything
    assert {about.split(":")[0] for about in found.seen} == {"admin", "root"}
    assert len(door.tried) == 3


def test_the_paths_of_a_server_are_one_door_of_which_each_realm_is_asked_once() -> None:
    same = Door(Knock(Answer.SEEN, "asks", "cam"))
    again = Door(Knock(Answer.SEEN, "asks", "cam"))
    other = Door(Knock(Answer.SEEN, "asks", "admin"), takes=("root:",))
    found = guess(Corridor("tcp-80", (Door(Knock(Answer.REFUSED, "404")), same, again, other)))
    assert found.seen == {"root:"}
    assert same.tried and other.tried and not again.tried


def test_a_port_that_takes_no_connection_is_knocked_at_once() -> None:
    second = Door(OPEN)
    assert Corridor("tcp-80", (Door(SHUT), second)).knock() == SHUT
    assert Corridor("tcp-80", (Door(OPEN),)).attempt("admin", "admin").answer is Answer.REFUSED
    assert Corridor("tcp-80", ()).attempt("admin", "admin").answer is Answer.SILENT


def test_a_port_that_says_nothing_leaves_open_what_another_one_refuses() -> None:
    mute = Door(Knock(Answer.SILENT, "time was up", answered=False), interface="tcp-2323")
    found = guess(Door(takes=("admin:1234",)), mute)
    assert found.seen == {"admin:1234"} and not found.refused
    assert not found.about("root:").conclusive


def test_a_filtered_port_beside_an_open_one_needs_the_canary() -> None:
    filtered = Door(Knock(Answer.SILENT, "no answer to connect()", connected=False), interface="tcp-2323")
    assert guess(Door(), filtered).conclusive
    assert not guess(Door(), filtered, canary=False).conclusive


def test_each_port_that_lets_in_is_named() -> None:
    second = Door(takes=("admin:1234",), interface="tcp-2323")
    found = guess(Door(takes=("admin:1234",)), second)
    assert found.at == {"admin:1234": ("tcp-23", "tcp-2323")}
    assert "tcp-23: in; tcp-2323: in" in found.detail("admin:1234")


def test_a_door_that_asks_for_nothing_is_told_apart_from_one_that_takes_anything() -> None:
    @dataclass
    class Open(Door):
        """Asks for nothing."""

        def attempt(self, user: str, password: str) -> LoginAttempt:
            return LoginAttempt(Answer.SEEN, "in", without_login=True)

    assert guess(Open()).without_login
    found = guess(Door(anything=True))
    assert found.accepts_anything and not found.without_login


@pytest.mark.parametrize(("own", "is_tried"), [("Basic cam", False), ("Basic other", True), ("Basic ", True)])
def test_a_realm_at_which_another_probe_guesses_is_left_to_it(own: str, is_tried: bool) -> None:
    door = Door(Knock(Answer.SEEN, "asks", "Basic cam" if own.strip() != "Basic" else "Basic "))
    found = guess(Corridor("tcp-80", (door,), Door(Knock(Answer.SEEN, "asks", own))))
    assert bool(door.tried) is is_tried
    assert found.conclusive


def test_a_port_whose_paths_are_all_answered_alike_is_knocked_once() -> None:
    second = Door(OPEN, takes=("root:",))
    found = guess(Corridor("tcp-80", (Door(Knock(Answer.REFUSED, "pictures", everywhere=True)), second)))
    assert not second.tried and found.conclusive


def test_guesses_end_with_the_patience_of_the_bench() -> None:
    door = Door()
    probe = GuessUndeclared("telnet", LOOPBACK, (door,), PAIRS, None, patience=0.0)
    found = probe.run(MemoryRecorder())
    assert len(door.tried) == 1 and not found.conclusive
    assert "patience_seconds" in found.detail(PAIRS[0].about)


LOST = LoginAttempt(Answer.SILENT, "no answer", unanswered=True)
LIMITED = LoginAttempt(Answer.SILENT, "429 slow down", limited=True, retry_after=5.0)
LONG = replace(LIMITED, retry_after=3_600.0)
WRONG = LoginAttempt(Answer.REFUSED, "Login incorrect")
MANY = tuple(Pair("admin", str(number), "general") for number in range(12))


def guess_locked(
    resets: list[LoginAttempt] | None, waits: list[float], patience: float = 600.0
) -> tuple[Door, Guesses]:
    """Guess at a door whose address locks, with another door at which the valid logins end like this, then get in.

    None if no valid login is known.
    """
    left = list(resets or [])

    def valid() -> LoginAttempt:
        return left.pop(0) if left else LoginAttempt(Answer.SEEN, "a session opened")

    within = 100_000 if resets is None else None
    lockout = LockoutDeclaration(attempts=4, seconds=100_000, within=within, per="source", interfaces=("web",))
    door = Door()
    probe = GuessUndeclared(
        "telnet",
        LOOPBACK,
        (door,),
        MANY,
        None,
        patience=patience,
        lockouts=(lockout,),
        valid=None if resets is None else valid,
        wait=waits.append,
    )
    return door, probe.run(MemoryRecorder())


@pytest.mark.parametrize(
    ("resets", "waits"),
    [([LOST], [1.0]), ([LOST, LOST], [1.0, 3.0]), ([LIMITED], [5.0]), ([LIMITED, LOST], [5.0, 3.0])],
)
def test_a_valid_login_that_is_lost_or_limited_between_guesses_is_made_again(
    resets: list[LoginAttempt], waits: list[float]
) -> None:
    waited: list[float] = []
    door, found = guess_locked(resets, waited)
    assert found.refused == {pair.about for pair in MANY}
    assert len(door.tried) == len(MANY) + 1
    assert waited == waits


@pytest.mark.parametrize(
    ("resets", "words"), [([WRONG], "refused: Login incorrect"), ([LOST] * 3, "no answer"), ([LONG], "429")]
)
def test_guesses_that_are_left_out_for_want_of_a_valid_login_say_so(resets: list[LoginAttempt], words: str) -> None:
    door, found = guess_locked(resets, [])
    assert len(door.tried) < 5
    details = [found.detail(about) for about in found.silent]
    assert len(details) > len(MANY) - 5
    assert all("the valid login at another door did not succeed" in detail for detail in details)
    assert all(words in detail and "no longer answers" not in detail for detail in details)


def test_guesses_that_a_lockout_leaves_no_time_for_do_not_say_that_the_device_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = partial(next, count(0.0, 0.5))
    monkeypatch.setattr("drivers.network.logins.undeclared.GuessPace", partial(GuessPace, clock=clock))
    _, found = guess_locked(None, [], patience=30.0)
    details = [found.detail(about) for about in found.silent]
    assert len(details) > len(MANY) - 5
    assert all("patience_seconds" in detail and "no longer answers" not in detail for detail in details)
