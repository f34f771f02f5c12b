"""What a published case is, where it stands in a run, and which rule of a profile it is judged by."""

from collections.abc import Callable

import pytest

from lab_config.bench import Permission
from lab_config.rules import Profile, Strength
from standards.catalogue import catalogues
from tests.trustprobe.judging import made_up_run
from tests.trustprobe.judging.made_up_run import Item
from trustprobe.errors import ConfigurationError, HarnessError
from trustprobe.judging.case import (
    LAST,
    Case,
    applies,
    case,
    case_of,
    cases,
    require_capabilities,
    row_of,
    rule_of,
)

RECOMMENDED, MANDATORY = "EN303645 5.3-9", "EN303645 5.3-2"


def case_that_needs(*needs: Permission) -> Case:
    return Case("a.case", ("IAC-2a",), "presence", needs, "", "", "", "")


def test_what_may_break_the_device_comes_late_and_before_updates_and_the_reset() -> None:
    order = [(), (Permission.LOCKOUT,), (Permission.POWER,), (Permission.MALFORMED,), (Permission.UPDATE,)]
    ranks = [case_that_needs(*needs).rank for needs in (*order, (Permission.RESET,))]
    assert ranks == sorted(set(ranks))
    assert ranks == [0, 1, 2, 3, 4, 5]
    assert ranks[-1] == LAST


def test_a_restart_is_a_restart_however_it_is_done_and_a_setting_leaves_the_device_alone() -> None:
    assert case_that_needs(Permission.REBOOT).rank == case_that_needs(Permission.POWER).rank
    assert case_that_needs(Permission.CONFIGURE).rank == case_that_needs().rank == 0


def test_a_lock_comes_before_a_restart_and_leaves_the_device_running() -> None:
    assert case_that_needs(Permission.CONFIGURE, Permission.LOCKOUT).leaves_running
    assert case_that_needs().leaves_running
    assert not case_that_needs(Permission.LOCKOUT, Permission.REBOOT).leaves_running


def test_the_gravest_permission_decides() -> None:
    assert case_that_needs(Permission.POWER, Permission.MALFORMED).rank == case_that_needs(Permission.MALFORMED).rank
    assert case_that_needs(Permission.MALFORMED, Permission.RESET).rank == case_that_needs(Permission.RESET).rank


@pytest.fixture(autouse=True)
def register(monkeypatch: pytest.MonkeyPatch) -> dict[str, Case]:
    known: dict[str, Case] = {}
    monkeypatch.setattr("trustprobe.judging.case._register", known)
    return known


def function(doc: str | None = "Look.\n\n    Then compare.", module: str = "suites.logs.test_x") -> Callable[..., None]:
    def test_a_thing_is_there() -> None:
        """Stands for a case."""

    test_a_thing_is_there.__doc__, test_a_thing_is_there.__module__ = doc, module
    return test_a_thing_is_there


def published(
    id: str = "log.there",  # noqa: A002
    *,
    covers: tuple[str, ...] = ("SSA-1",),
    advice: str = "Log it.",
    of: Callable[..., None] | None = None,
) -> Case:
    made = case(id, covers=list(covers), fails_on="absence", advice=advice, needs=(Permission.POWER,))(of or function())
    (mark,) = made.pytestmark  # type: ignore[attr-defined]
    assert mark.name == "case"
    (entry,) = mark.args
    assert isinstance(entry, Case)
    return entry


CLAUSE = next(iter(catalogues().leaves))


def test_a_published_case_has_its_title_and_procedure_from_its_function() -> None:
    entry = published(covers=(CLAUSE,))
    assert entry == Case(
        "log.there", (CLAUSE,), "absence", (Permission.POWER,), "Log it.", "a thing is there", entry.procedure, "logs"
    )
    assert entry.procedure == "Look.\n\nThen compare."
    assert cases() == {"log.there": entry}


def test_a_case_outside_a_package_has_no_capability() -> None:
    assert published(covers=(CLAUSE,), of=function(module="test_x")).capability == ""


def test_the_register_is_not_changed_through_what_is_returned(register: dict[str, Case]) -> None:
    cases()["other"] = published(covers=(CLAUSE,))
    assert list(register) == ["log.there"]


@pytest.mark.parametrize(
    "missing", [{"of": function(None)}, {"of": function("")}, {"covers": ()}, {"advice": ""}, {"id": "Log.There"}]
)
def test_a_case_that_lacks_something_is_refused_and_named(missing: dict[str, object]) -> None:
    given: dict[str, object] = {"covers": (CLAUSE,)} | missing
    with pytest.raises(HarnessError, match=r"case \S+ \(suites.logs.test_x.test_a_thing_is_there\) lacks"):
        published(**given)  # type: ignore[arg-type]
    assert not cases()


def test_a_case_names_clauses_that_exist() -> None:
    with pytest.raises(ConfigurationError, match="AI-99"):
        published(covers=("AI-99",))


def test_an_id_belongs_to_one_case() -> None:
    assert published(covers=(CLAUSE,)) == published(covers=(CLAUSE,))  # imported twice
    with pytest.raises(HarnessError, match="id of another case"):
        published(covers=(CLAUSE,), advice="Do something else.")


def judged_by(strength: str, *requirements: str) -> Profile:
    return made_up_run.profile({"made.one": strength}, requirements=requirements)


@pytest.mark.parametrize(
    ("id", "requirements", "expected"),
    [("made.one", ["AI-1"], True), ("made.one", ["AI-2"], False), ("made.two", ["AI-1"], False)],
)
def test_a_profile_asks_for_a_case_by_its_rule_and_a_requirement(
    id: str,  # noqa: A002
    requirements: list[str],
    expected: bool,
) -> None:
    entry = made_up_run.case(id, covers=("AI-1", "DP-1"))
    assert applies(judged_by("required", *requirements), entry) is expected


@pytest.mark.parametrize(
    ("covers", "requirements", "expected"),
    [
        ((RECOMMENDED,), (RECOMMENDED,), "expected"),
        ((RECOMMENDED, MANDATORY), (RECOMMENDED, MANDATORY), "required"),
        ((RECOMMENDED, MANDATORY), (RECOMMENDED,), "expected"),
        ((MANDATORY,), (MANDATORY,), "required"),
        (("SU-1", RECOMMENDED), ("SU-1", RECOMMENDED), "required"),
        (("SU-1",), (RECOMMENDED,), "required"),
    ],
)
def test_only_what_a_catalogue_recommends_makes_a_required_case_expected(
    covers: tuple[str, ...], requirements: tuple[str, ...], expected: str
) -> None:
    profile = judged_by("required", *requirements)
    rule = rule_of(profile, made_up_run.case(covers=covers))
    assert (rule.strength, rule.clause) == (Strength(expected), "ours")


def test_a_case_that_is_not_required_keeps_its_strength() -> None:
    profile = judged_by("advisory", RECOMMENDED)
    assert rule_of(profile, made_up_run.case(covers=(RECOMMENDED,))).strength is Strength.ADVISORY


def test_a_test_belongs_to_a_case_or_to_the_harness() -> None:
    entry = made_up_run.case()
    assert case_of(Item.of(entry)) is entry
    assert case_of(Item.of(None)) is None


def test_a_mark_by_hand_makes_no_case() -> None:
    item = Item.of(None)
    item.own_markers = [pytest.mark.case("made.one").mark]
    with pytest.raises(AssertionError, match="only @case"):
        case_of(item)


def test_only_a_parametrized_test_is_a_row() -> None:
    item = Item.of(made_up_run.case())
    assert row_of(item) == ""
    assert row_of(item.with_row("tcp-22")) == "tcp-22"


def test_a_capability_has_a_folder_of_cases() -> None:
    require_capabilities([])
    require_capabilities(["state_awareness", "asset_identification"])
    with pytest.raises(ConfigurationError, match=r"no capability 'nowhere'.* asset_identification, data_protection, "):
        require_capabilities(["state_awareness", "nowhere"])
