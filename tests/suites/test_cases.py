"""Every case is complete: an id of its own, a procedure, clauses that resolve, a rule, and a defect that fails it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from standards.catalogue import catalogues
from standards.questions import questions
from trustprobe.cli.published import published
from trustprobe.errors import ConfigurationError, HarnessError
from trustprobe.judging.case import Case, case
from trustprobe.judging.run import load_profile
from virtual_lab.defects import found_elsewhere, register

ROOT = Path(__file__).parents[2]
CAPABILITIES = {path.name for path in (ROOT / "suites").iterdir() if (path / "__init__.py").is_file()}


@pytest.fixture(scope="module", name="published")
def _published() -> Mapping[str, Case]:
    return published()


def test_there_are_at_least_twenty_cases(published: Mapping[str, Case]) -> None:
    assert len(published) >= 20


def test_every_test_function_of_the_suites_is_a_case(published: Mapping[str, Case]) -> None:
    functions = sum(path.read_text("utf-8").count("\ndef test_") for path in (ROOT / "suites").rglob("test_*.py"))
    assert functions == len(set(published) - {question.case_id for question in questions().values()})


def test_every_question_for_a_person_is_a_case_of_its_own(published: Mapping[str, Case]) -> None:
    asked = {question.case_id: (question.leaf, *question.also) for question in questions().values()}
    assert {name: entry.covers for name, entry in published.items() if name.startswith("document.")} == asked


def test_every_case_says_how_it_is_done_and_what_to_do_about_a_failure(published: Mapping[str, Case]) -> None:
    poor = [entry.id for entry in published.values() if len(entry.procedure) < 60 or len(entry.advice) < 20]
    assert not poor


def test_every_case_covers_an_item_of_ir_8425_that_nothing_subdivides(published: Mapping[str, Case]) -> None:
    leaves = set(catalogues().leaves)
    assert not [entry.id for entry in published.values() if leaves.isdisjoint(entry.covers)]


def test_every_case_lies_in_the_folder_of_a_capability(published: Mapping[str, Case]) -> None:
    assert {entry.capability for entry in published.values()} == CAPABILITIES


def test_the_whole_profile_gives_every_case_a_strength(published: Mapping[str, Case]) -> None:
    assert set(load_profile("cyber_trust_mark").cases) == set(published)


def test_the_whole_profile_holds_every_item_of_ir_8425() -> None:
    assert load_profile("cyber_trust_mark").requirements == catalogues().leaves


def test_every_case_has_a_defect_that_must_fail_it(published: Mapping[str, Case]) -> None:
    failed = {name.split("[")[0] for defect in register().values() for name in defect.fails}
    assert failed | found_elsewhere() == set(published)


def test_only_a_case_that_the_reference_device_cannot_fail_has_its_defect_elsewhere(
    published: Mapping[str, Case],
) -> None:
    failed = {name.split("[")[0] for defect in register().values() for name in defect.fails}
    assert set(published) - failed == {"storage.permissions", "update.boot_verification"}


def test_a_second_case_of_the_same_id_is_refused() -> None:
    def test_one() -> None:
        """Do this, then look whether that has happened, and say so."""

    def test_two() -> None:
        """Do this, then look whether that has happened, and say so."""

    publish = case("tests.same.id", covers=["AI-1"], fails_on="presence", advice="There is nothing to do.")
    publish(test_one)
    with pytest.raises(HarnessError, match="id of another case"):
        publish(test_two)


def test_a_case_without_a_docstring_is_refused() -> None:
    def test_nothing() -> None: ...

    with pytest.raises(HarnessError, match="docstring"):
        case("tests.no.docstring", covers=["AI-1"], fails_on="presence", advice="None.")(test_nothing)


def test_a_clause_that_no_catalogue_holds_is_refused() -> None:
    def test_something() -> None:
        """Do this."""

    with pytest.raises(ConfigurationError, match=r"EN303645 5\.99-1"):
        case("tests.no.clause", covers=["EN303645 5.99-1"], fails_on="presence", advice="None.")(test_something)
