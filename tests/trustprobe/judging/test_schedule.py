"""What fixtures declare of rows and scheduling, and how a test finds it; test_scheduled_runs.py judges with it."""

from collections.abc import Callable
from itertools import combinations
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

import fixtures.network.cloud
from tests.trustprobe.judging.made_up_run import Item, case
from trustprobe.errors import HarnessError
from trustprobe.judging.outcomes import (
    FailsOn,
    Inconclusive,
    Lacking,
    Manual,
    NotApplicable,
    NotProvided,
    Outcome,
)
from trustprobe.judging.run import Run
from trustprobe.judging.schedule import (
    Alone,
    NoRows,
    Place,
    Schedule,
    Scheduled,
    decided_by_declaration,
    fixtures_of,
    parametrize,
    rows,
    schedule_of,
    scheduled,
    uses,
    value_of,
    without_rows,
)

NOTHING = Schedule(
    rows=None,
    none=None,
    ahead=None,
    ahead_fixture=None,
    restart=None,
    steady=False,
    guesses=False,
    before_guesses=False,
    place=Place.FIRST,
    alone=Alone.NO,
    last=False,
    declared=None,
)
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


def decided(_run: Run) -> None:
    """Decide nothing."""


def test_every_word_of_a_schedule_is_kept() -> None:
    fixture = fixtures.network.cloud.cloud_trust
    schedule = schedule_of(
        scheduled(
            ahead_fixture=fixture,
            restart=fixture,
            steady=True,
            guesses=True,
            before_guesses=True,
            place=Place.AFTER_THE_LONGEST,
            alone=Alone.BUT_STEADY,
            last=True,
            declared=decided,
        )(plain())
    )
    assert schedule == Schedule(
        ahead_fixture=fixture,
        restart=fixture,
        steady=True,
        guesses=True,
        before_guesses=True,
        place=Place.AFTER_THE_LONGEST,
        alone=Alone.BUT_STEADY,
        last=True,
        declared=decided,
    )


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


def raising(outcome: Outcome | None) -> Callable[[Run], object]:
    def declared(run: Run) -> None:
        assert run is RUN
        if outcome is not None:
            raise outcome

    return declared


def declaration_says(*outcomes: Outcome | None, fails_on: FailsOn = "absence") -> Outcome | None:
    """Return the verdict of a case whose fixtures raise these before anything is sent."""
    parts = {f"part{number}": scheduled(declared=raising(one))(plain()) for number, one in enumerate(outcomes)}
    return decided_by_declaration(Item.of(case()).with_fixtures(plain=plain(), **parts), RUN, fails_on)


def test_fixtures_that_raise_nothing_decide_nothing() -> None:
    assert declaration_says() is None
    assert declaration_says(None, None) is None


@pytest.mark.parametrize(
    ("first", "second"),
    list(combinations([NotProvided("a"), NotApplicable("b"), Manual("c"), Inconclusive("d")], 2)),
    ids=lambda outcome: type(outcome).__name__,
)
def test_a_failure_comes_first_and_an_open_question_last(first: Outcome, second: Outcome) -> None:
    assert declaration_says(first, None, second) is first
    assert declaration_says(second, first) is first


def test_a_capability_that_is_lacking_ranks_by_what_the_case_fails_on() -> None:
    lacking, other = Lacking("it has no log"), NotProvided("it has no update")
    assert declaration_says(lacking, other, fails_on="absence") is lacking
    assert declaration_says(lacking, other, fails_on="presence") is other
