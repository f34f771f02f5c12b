"""Probes that begin before the first case, and cases that let them end."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import fixtures.network.cloud
from lab_config.bench import Permission
from tests.trustprobe.judging.made_up_run import Item, case, component, product, run
from trustprobe.errors import BenchError
from trustprobe.judging import ahead
from trustprobe.judging.observe import Observer
from trustprobe.judging.outcomes import NotApplicable
from trustprobe.judging.plugin import OBSERVER, RUN
from trustprobe.judging.run import Run
from trustprobe.judging.schedule import scheduled

ENDED = True
"""In place of both words: the probe ran to its end before the next one began."""


class Begun(list[tuple[str, bool, bool]]):
    """Stands for the observer: what was begun, whether it is steady, and whether it takes turns."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[Any] = []
        self.settled: list[bool] = []

    def begin(self, probe: str, *, steady: bool, turn: Any) -> None:
        self.append((probe, steady, turn is not None))
        self.turns += [turn] if turn else []

    def __call__(self, probe: str) -> None:
        self.append((probe, ENDED, ENDED))

    def settle(self, *, but_steady: bool) -> None:
        self.settled.append(but_steady)


@pytest.fixture
def begun() -> Begun:
    return Begun()


def asks(name: str, **words: Any) -> Callable[[], None]:
    """Return a fixture function that has the probe of this name asked ahead."""

    def observed() -> None:
        """Nothing."""

    return scheduled(ahead=lambda _run: cast(Any, name), **words)(observed)


def begin(begun: Begun, made: Run | None, **functions: Callable[..., Any]) -> None:
    """Run the fixture for one case that uses these fixtures."""
    stash = pytest.Stash()
    stash[OBSERVER] = cast(Observer, begun)
    if made is not None:
        stash[RUN] = made
    item = Item.of(case()).with_fixtures(**functions)
    request = SimpleNamespace(
        config=SimpleNamespace(stash=stash),
        session=SimpleNamespace(items=[item]),
        getfixturevalue=lambda name: f"value of {name}",
    )
    ahead.asked_ahead._get_wrapped_function()(request)


def broken(error: Exception) -> Callable[[Run], Any]:
    def build(_run: Run) -> Any:
        raise error

    return build


def test_probes_begin_in_the_order_of_their_fixtures(begun: Begun, tmp_path: Path) -> None:
    steady, guesses = asks("first", steady=True), asks("second", guesses=True)

    def plain() -> None:
        """Nothing is asked ahead."""

    @scheduled(ahead_fixture=fixtures.network.cloud.cloud_trust)
    def last() -> None:
        """What another fixture builds."""

    steady.__code__ = steady.__code__.replace(co_firstlineno=1)
    guesses.__code__ = guesses.__code__.replace(co_firstlineno=2)
    begin(begun, run(tmp_path), last=last, guesses=guesses, plain=plain, steady=steady)
    assert begun == [("first", True, False), ("value of cloud_trust", False, False), ("second", False, True)]


def test_a_sweep_ends_before_the_first_guess_and_after_what_waits_has_begun(begun: Begun, tmp_path: Path) -> None:
    guess, sweep, waits = asks("guess", guesses=True), asks("sweep", before_guesses=True), asks("waits")
    begin(begun, run(tmp_path), guess=guess, sweep=sweep, waits=waits)
    assert begun == [("waits", False, False), ("sweep", ENDED, ENDED), ("guess", False, True)]


def test_without_guesses_a_sweep_is_not_asked_ahead(begun: Begun, tmp_path: Path) -> None:
    begin(begun, run(tmp_path), sweep=asks("sweep", before_guesses=True), waits=asks("waits"))
    assert begun == [("waits", False, False)]


def test_two_interfaces_are_guessed_at_in_parallel(begun: Begun, tmp_path: Path) -> None:
    begin(begun, run(tmp_path), one=asks("one", guesses=True), two=asks("two", guesses=True))
    turn, other = begun.turns
    assert turn is other
    assert isinstance(turn, threading.BoundedSemaphore)
    assert [turn.acquire(blocking=False) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("per", "expected"), [("source", ["steady"]), ("account", ["guess", "steady"])])
def test_nothing_is_guessed_ahead_if_that_locks_the_address_of_the_bench(
    begun: Begun, tmp_path: Path, per: str, expected: list[str]
) -> None:
    locks = {"attempts": 5, "seconds": 60, "per": per, "interfaces": ["console"]}
    made = run(tmp_path, product=product(component=component(lockout=locks).model_dump(exclude_unset=True)))
    begin(begun, made, guess=asks("guess", guesses=True), steady=asks("steady"))
    assert sorted(name for name, _, _ in begun) == expected


def test_a_product_that_locks_nothing_is_guessed_at(begun: Begun, tmp_path: Path) -> None:
    nothing = {"absent": "this product locks nothing"}
    made = run(tmp_path, product=product(component=component(lockout=nothing).model_dump(exclude_unset=True)))
    begin(begun, made, guess=asks("guess", guesses=True))
    assert [name for name, _, _ in begun] == ["guess"]


@pytest.mark.parametrize("error", [NotApplicable("has none"), BenchError("no cable.")])
def test_a_probe_that_cannot_be_built_is_left_to_its_case(begun: Begun, tmp_path: Path, error: Exception) -> None:
    def observed() -> None:
        """Nothing."""

    fails = scheduled(ahead=broken(error))(observed)
    begin(begun, run(tmp_path), fails=fails, other=asks("other"))
    assert [name for name, _, _ in begun] == ["other"]


def test_nothing_begins_without_a_run_or_once_the_device_is_lost(begun: Begun, tmp_path: Path) -> None:
    begin(begun, None, one=asks("one"))
    made = run(tmp_path)
    made.lost = "gone"
    begin(begun, made, one=asks("one"))
    assert not begun


def test_it_begins_in_every_session_without_being_asked_for() -> None:
    marker = ahead.asked_ahead._fixture_function_marker
    assert (marker.scope, marker.autouse) == ("session", True)


def set_up(begun: Begun, item: Item, observer: bool = True) -> None:
    """Call the hook, with a plugin that was registered after it: it comes first all the same."""
    stash = pytest.Stash()
    if observer:
        stash[OBSERVER] = cast(Observer, begun)
    item.config = cast(pytest.Config, SimpleNamespace(stash=stash))
    order: list[int] = []

    class Later:
        def pytest_runtest_setup(self) -> None:
            order.append(len(begun.settled))

    manager = pytest.PytestPluginManager()
    manager.register(ahead)
    manager.register(Later())
    manager.hook.pytest_runtest_setup(item=item)
    assert order == [len(begun.settled)]


@pytest.mark.parametrize(
    ("needs", "settled"),
    [((), []), ((Permission.CONFIGURE,), [True]), ((Permission.LOCKOUT,), [True]), ((Permission.POWER,), [False])],
)
def test_what_was_begun_ends_before_a_case_that_changes_something(
    begun: Begun, needs: tuple[Permission, ...], settled: list[bool]
) -> None:
    set_up(begun, Item.of(case(needs=needs)))
    assert begun.settled == settled


def test_the_tests_of_the_harness_wait_for_nothing(begun: Begun) -> None:
    set_up(begun, Item.of(None))
    set_up(begun, Item.of(case(needs=(Permission.POWER,))), observer=False)
    assert begun.settled == []
