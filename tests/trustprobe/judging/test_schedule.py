"""What fixtures declare of rows and scheduling, and how a test finds it; test_scheduled_runs.py judges with it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

import fixtures.network.cloud
from tests.trustprobe.judging.made_up_run import Item, case
from trustprobe.errors import HarnessError
from trustprobe.judging.outcomes import NotApplicable
from trustprobe.judging.run import Run
from trustprobe.judging.schedule import (
    Alone,
    NoRows,
    Place,
    Schedule,
    Scheduled,
    fixtures_of,
    parametrize,
    rows,
    schedule_of,
    scheduled,
    uses,
    value_of,
    without_rows,
)

NOTHING = Schedule(None, None, None, None, None, False, False, Place.FIRST, Alone.NO, False)
RUN = cast(Run, SimpleNamespace(product=SimpleNamespace(id="thing")))


def plain() -> Callable[[], None]:
    def observed() -> None:
        """Nothing."""

    return observed


def test_a_decorator_above_the_fixture_is_refused() -> None:
    with pytest.raises(HarnessError, match="cloud_trust is already a fixture"):
        rows(lambda _run: [])(fixtures.network.cloud.cloud_trust)


def test_both_decorators_add_to_each_other() -> None:
    @rows(lambda _run: [("a", 1)])
    @scheduled(alone=Alone.YES, place=Place.AFTER_WAITING)
    def observed() -> None:
        """Nothing."""

    schedule = schedule_of(observed)
    assert schedule.rows is not None
    assert (schedule.alone, schedule.place) == (Alone.YES, Place.AFTER_WAITING)


def test_a_fixture_that_declares_nothing_needs_no_place_of_its_own() -> None:
    assert schedule_of(plain()) == NOTHING
    assert schedule_of(scheduled()(plain())) == NOTHING
    other = plain()
    other.trustprobe_schedule = "of another plugin"  # type: ignore[attr-defined]
    assert schedule_of(other) == NOTHING


def test_places_stand_in_their_order() -> None:
    assert list(Place) == [0, 1, 2]
    assert sorted([Place.AFTER_THE_LONGEST, Place.FIRST, Place.AFTER_WAITING])[0] is Place.FIRST


def test_every_word_of_a_schedule_is_kept() -> None:
    fixture = fixtures.network.cloud.cloud_trust
    schedule = schedule_of(
        scheduled(
            ahead_fixture=fixture,
            restart=fixture,
            steady=True,
            guesses=True,
            place=Place.AFTER_THE_LONGEST,
            alone=Alone.BUT_STEADY,
            last=True,
        )(plain())
    )
    words = (None, None, None, fixture, fixture, True, True, Place.AFTER_THE_LONGEST, Alone.BUT_STEADY, True)
    assert schedule == Schedule(*words)


def test_one_probe_ahead_is_built_when_it_is_wanted_from_the_run() -> None:
    built: list[object] = []
    ahead = schedule_of(scheduled(ahead=lambda run: cast(Any, built.append(run)))(plain())).ahead
    assert ahead is not None
    (build,) = ahead(RUN)
    assert not built
    build()
    assert built == [RUN]


def test_probes_of_rows_are_built_one_for_each() -> None:
    builds = [cast(Any, object()), cast(Any, object())]
    ahead = schedule_of(scheduled(ahead_of_rows=lambda _run: builds)(plain())).ahead
    assert ahead is not None
    assert list(ahead(RUN)) == builds


def test_the_verdict_without_rows_is_given_or_made_from_the_run() -> None:
    outcome = NotApplicable("it has none")
    for none in (outcome, lambda run: outcome if run is RUN else None):
        schedule = schedule_of(rows(lambda _run: [], none=none)(plain()))  # type: ignore[arg-type]
        assert schedule.none is not None
        assert schedule.none(RUN) is outcome
    assert schedule_of(rows(lambda _run: [])(plain())).none is None


def test_the_fixtures_of_a_test_come_with_what_the_innermost_definition_declares() -> None:
    outer, middle, inner = (scheduled(place=place)(plain()) for place in Place)
    item = Item.of(case(), request=None).with_fixtures(looks=inner)
    item._fixtureinfo.name2fixturedefs["looks"] = cast(Any, [SimpleNamespace(func=f) for f in (outer, middle, inner)])
    (one,) = fixtures_of(item)
    assert one == Scheduled("looks", inner, schedule_of(inner))
    assert one.schedule.place is Place.AFTER_THE_LONGEST
    assert one.source == (__name__, inner.__code__.co_firstlineno)


def test_only_functions_use_fixtures() -> None:
    item = cast(pytest.Item, SimpleNamespace(fixturenames=["looks"]))
    assert list(fixtures_of(item)) == []


def test_a_test_uses_a_fixture_by_its_name() -> None:
    fixture: FixtureFunctionDefinition = fixtures.network.cloud.cloud_trust
    assert uses(Item.of(case(), cloud_trust=None), fixture)
    assert not uses(Item.of(case(), cloud=None), fixture)
    assert not uses(cast(pytest.Item, SimpleNamespace()), fixture)


def test_the_value_of_a_fixture_is_asked_for_by_its_name() -> None:
    request = cast(pytest.FixtureRequest, SimpleNamespace(getfixturevalue=lambda name: f"value of {name}"))
    assert value_of(request, fixtures.network.cloud.cloud_trust) == "value of cloud_trust"


def rows_made(**functions: Callable[..., Any]) -> list[tuple[object, ...]]:
    """Return the rows that a test gets whose fixtures are made from these functions."""
    made: list[tuple[object, ...]] = []
    metafunc = object.__new__(pytest.Metafunc)
    metafunc.definition = cast(Any, Item.of(case()).with_fixtures(**functions))

    def record(*given: object, ids: object, indirect: object) -> None:
        made.append((*given, ids, indirect))

    vars(metafunc)["parametrize"] = record
    parametrize(metafunc, RUN)
    return made


def test_a_case_gets_the_rows_of_each_of_its_fixtures() -> None:
    ports = rows(lambda run: [("22", f"{run.product.id} 22"), ("80", 80)])(plain())
    accounts = rows(lambda _run: [("admin", "A")])(plain())
    made = rows_made(plain=plain(), ports=ports, other=plain(), accounts=accounts)
    assert made == [("ports", ["thing 22", 80], ["22", "80"], True), ("accounts", ["A"], ["admin"], True)]


def test_a_case_without_rows_gets_one_row_that_holds_the_verdict() -> None:
    outcome = NotApplicable("it has none")
    made = rows_made(ports=rows(lambda _run: [], none=outcome)(plain()))
    assert made == [("ports", [NoRows(outcome)], ["none"], True)]


def test_a_fixture_without_a_row_and_without_a_verdict_for_that_is_refused() -> None:
    with pytest.raises(HarnessError, match="ports has no row for thing"):
        rows_made(ports=rows(lambda _run: [])(plain()))


def test_the_verdict_of_a_case_without_rows_is_found_among_its_rows() -> None:
    outcome = NotApplicable("it has none")
    assert without_rows(Item.of(case())) is None
    assert without_rows(Item.of(case()).with_row("22", ports=22)) is None
    assert without_rows(Item.of(case()).with_row("22-none", ports=22, accounts=NoRows(outcome))) is outcome
