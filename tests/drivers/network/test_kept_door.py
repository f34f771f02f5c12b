"""What doors share whose attempts go over one connection: a way is closed with its `with` block."""

import pytest

from drivers.guessing.attempt import LoginAttempt, WideDoor
from drivers.network.kept_door import KeptDoor
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from trustprobe.probe import Answer


class Way:
    def __init__(self) -> None:
        self.tried: list[str] = []
        self.closed = 0

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.tried.append(f"{user}:{password}")
        return LoginAttempt(Answer.REFUSED, "no")

    def close(self) -> None:
        self.closed += 1


class Door(KeptDoor):
    interface = "shell"

    def __init__(self) -> None:
        self.target = Target(NetworkBench(address="127.0.0.1", logins_at_once=3))
        self.ways: list[Way] = []

    def new_way(self) -> Way:
        self.ways.append(Way())
        return self.ways[-1]


def test_an_attempt_has_a_way_of_its_own_that_is_closed() -> None:
    door = Door()
    assert [door.attempt("root", word).answer for word in ("a", "b")] == [Answer.REFUSED] * 2
    assert [(way.tried, way.closed) for way in door.ways] == [(["root:a"], 1), (["root:b"], 1)]


def test_attempts_on_one_way_share_it_and_it_is_closed_behind_an_error() -> None:
    door = Door()
    with pytest.raises(RuntimeError, match="broken"), door.way() as way:
        way.attempt("root", "a")
        way.attempt("root", "b")
        raise RuntimeError("broken")
    assert [(way.tried, way.closed) for way in door.ways] == [(["root:a", "root:b"], 1)]


def test_as_many_try_at_once_as_the_bench_allows() -> None:
    door = Door()
    assert isinstance(door, WideDoor)
    assert door.at_once == 3
