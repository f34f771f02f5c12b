"""How a fixture declares the rows of its cases and how it may be scheduled: decorators below `@pytest.fixture`.

    @pytest.fixture(scope="session")
    @scheduled(ahead=udp_sweep, steady=True, place=Place.AFTER_THE_LONGEST)
    def udp_ports(observe: Observer, run: Run) -> UdpPorts: ...

Fixtures refer to other fixtures as objects, never by name, so that a misspelling is a NameError.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Any, TypeVar

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

from reports.results import Verdict
from trustprobe.errors import HarnessError
from trustprobe.judging.outcomes import FailsOn, Outcome
from trustprobe.judging.run import Run
from trustprobe.probe import Observation, Probe

Rows = list[tuple[str, object]]
"""Pairs of the id of a row and what the fixture gets as `request.param`."""
RowsOf = Callable[[Run], Rows]
NoneOf = Callable[[Run], Outcome]
Build = Callable[[], Probe[Observation]]
FixtureFunction = TypeVar("FixtureFunction", bound=Callable[..., Any])
_ATTRIBUTE = "trustprobe_schedule"
_FIRST = (Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.MANUAL, Verdict.INCONCLUSIVE)


class Place(IntEnum):
    """Where the cases of a fixture run among the cases of the same rank."""

    FIRST = 0
    """In parallel with what was asked ahead."""
    AFTER_WAITING = 1
    """The cases wait for something that was asked ahead."""
    AFTER_THE_LONGEST = 2
    """The cases wait for the longest of it, or tolerate nothing in parallel."""


class Alone(Enum):
    """Which of the probes that were asked ahead must have ended before the fixture is set up."""

    NO = "no"
    BUT_STEADY = "but_steady"
    """All but the steady ones: the fixture takes the only console, or counts records."""
    YES = "yes"
    """All: the fixture stops the processor, or restarts the device."""


@dataclass(frozen=True)
class NoRows:
    """The value of the only row of a case that has no rows for this product: the verdict, with its reason."""

    outcome: Outcome


@dataclass(frozen=True)
class Schedule:
    """What a fixture declares. The default is a fixture without rows that needs no place of its own."""

    rows: RowsOf | None = None
    none: NoneOf | None = None
    """The verdict of the case if the product has no row."""
    ahead: Callable[[Run], Iterable[Build]] | None = None
    """Builds the probes that begin before the first case."""
    ahead_fixture: FixtureFunctionDefinition | None = None
    """The fixture that returns such a probe, if it takes other fixtures to build it."""
    restart: FixtureFunctionDefinition | None = None
    """The fixture that returns the probe with its part in the shared restart."""
    steady: bool = False
    """The probe tolerates everything that leaves the device running."""
    guesses: bool = False
    """The probe guesses logins, of which only a few run at a time."""
    before_guesses: bool = False
    """The probe ends before the first guess: a device may close its ports to somebody who guesses."""
    place: Place = Place.FIRST
    alone: Alone = Alone.NO
    last: bool = False
    """The fixture looks back at the whole run."""
    declared: Callable[[Run], object] | None = None
    """Raises an Outcome if the declaration or the bench decides the case. It sends nothing."""


def rows(of: RowsOf, *, none: NoneOf | Outcome | None = None) -> Callable[[FixtureFunction], FixtureFunction]:
    """Declare the rows of a fixture: from the declaration, the profile and the tables, never from the device.

    A product thus has the same list of cases in every run. `none` is the verdict for a product without a row.
    """
    of_none = (lambda _run: none) if isinstance(none, Outcome) else none
    return lambda function: _declare(function, rows=of, none=of_none)


def scheduled(
    *,
    ahead: Callable[[Run], Probe[Observation]] | None = None,
    ahead_of_rows: Callable[[Run], Iterable[Build]] | None = None,
    ahead_fixture: FixtureFunctionDefinition | None = None,
    restart: FixtureFunctionDefinition | None = None,
    steady: bool = False,
    guesses: bool = False,
    before_guesses: bool = False,
    place: Place = Place.FIRST,
    alone: Alone = Alone.NO,
    last: bool = False,
    declared: Callable[[Run], object] | None = None,
) -> Callable[[FixtureFunction], FixtureFunction]:
    """Declare how a fixture may be scheduled; the fields of `Schedule` say what each word means.

    `ahead` builds the one probe that begins before the first case, `ahead_of_rows` one probe per row.
    """
    builds = ahead_of_rows if ahead is None else _one(ahead)
    return lambda function: _declare(
        function,
        ahead=builds,
        ahead_fixture=ahead_fixture,
        restart=restart,
        steady=steady,
        guesses=guesses,
        before_guesses=before_guesses,
        place=place,
        alone=alone,
        last=last,
        declared=declared,
    )


def _one(build: Callable[[Run], Probe[Observation]]) -> Callable[[Run], Iterable[Build]]:
    return lambda run: (lambda: build(run),)


def _declare(function: FixtureFunction, **fields: Any) -> FixtureFunction:
    if isinstance(function, FixtureFunctionDefinition):
        raise HarnessError(f"{function.name} is already a fixture.", "Write the decorator below @pytest.fixture.")
    known = getattr(function, _ATTRIBUTE, Schedule())
    setattr(function, _ATTRIBUTE, replace(known, **fields))
    return function


def schedule_of(function: Callable[..., Any]) -> Schedule:
    """Return what a fixture function declares."""
    declared = getattr(function, _ATTRIBUTE, None)
    return declared if isinstance(declared, Schedule) else Schedule()


@dataclass(frozen=True)
class Scheduled:
    """A fixture that a test item uses, with what it declares."""

    name: str
    function: Callable[..., Any]
    schedule: Schedule

    @property
    def source(self) -> tuple[str, int]:
        """Where the fixture is defined: the order in which probes begin."""
        return self.function.__module__, self.function.__code__.co_firstlineno


def fixtures_of(item: pytest.Item | pytest.Metafunc) -> Iterator[Scheduled]:
    """Return the fixtures that a test uses, directly and through others."""
    function = item.definition if isinstance(item, pytest.Metafunc) else item
    if not isinstance(function, pytest.Function):
        return
    definitions = function._fixtureinfo.name2fixturedefs
    for name in function.fixturenames:
        if known := definitions.get(name):
            yield Scheduled(name, known[-1].func, schedule_of(known[-1].func))


def uses(item: pytest.Item, fixture: FixtureFunctionDefinition) -> bool:
    """Whether a test uses a fixture, directly or through others."""
    return fixture.name in getattr(item, "fixturenames", ())


def value_of(request: pytest.FixtureRequest, fixture: FixtureFunctionDefinition) -> Any:
    """Return the value of a fixture that is asked for only now."""
    return request.getfixturevalue(fixture.name)


def parametrize(metafunc: pytest.Metafunc, run: Run) -> None:
    """Give a case its rows."""
    for one in fixtures_of(metafunc):
        if one.schedule.rows is None:
            continue
        pairs = one.schedule.rows(run)
        if not pairs:
            if one.schedule.none is None:
                raise HarnessError(
                    f"the fixture {one.name} has no row for {run.product.id}.", "Add `none` to its @rows."
                )
            pairs = [("none", NoRows(one.schedule.none(run)))]
        metafunc.parametrize(one.name, [value for _, value in pairs], ids=[row for row, _ in pairs], indirect=True)


def decided_by_declaration(item: pytest.Item, run: Run, fails_on: FailsOn) -> Outcome | None:
    """Return the verdict that the declaration or the bench gives before anything is sent; None if neither does.

    A failure comes before NOT_APPLICABLE, and that before a question that is open.
    """
    decided: list[Outcome] = []
    for one in fixtures_of(item):
        if one.schedule.declared is not None:
            try:
                one.schedule.declared(run)
            except Outcome as outcome:
                decided.append(outcome)
    return min(decided, key=lambda outcome: _FIRST.index(outcome.verdict_of(fails_on)), default=None)


def without_rows(item: pytest.Item) -> Outcome | None:
    """Return the verdict of a case that has no rows for this product; None for every other case."""
    callspec = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec is not None else ()
    return next((value.outcome for value in values if isinstance(value, NoRows)), None)
