from dataclasses import dataclass, field

import pytest

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import Guesses
from drivers.network.logins.undeclared import Corridor, GuessUndeclared, Knock, OpenDoor
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
