"""Every case is complete: an id of its own, a procedure, clauses that resolve, a rule, and a flaw that fails it.

Each message names the file to edit and the lines to add.
"""

import ast
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from standards.catalogue import catalogues
from standards.questions import questions
from tests.refusal import refuse
from trustprobe.cli.published import published
from trustprobe.errors import ConfigurationError, HarnessError
from trustprobe.judging.case import case
from trustprobe.judging.run import load_profile
from virtual_lab.defects import file_name, found_elsewhere, register

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "suites"
PROFILE = "cyber_trust_mark"
RULES = f"lab_config/profiles/{PROFILE}.yaml"
QUESTIONS = "standards/questions.yaml"
ONLY_ELSEWHERE = {"storage.permissions", "update.boot_verification"}
"""Cases that no flaw of the reference device can make fail: it has no shell with files, and starts from no storage."""


def without_rule(cases: Collection[str], rules: Collection[str]) -> list[str]:
    """Say which cases lack a rule, and which rules lack a case."""
    lacking = [
        f"{RULES} has no rule for {name}: add under `cases`, with the clause or our reading and its reason\n"
        f'  {name}: {{strength: advisory, reading: "..."}}'
        for name in sorted(set(cases) - set(rules))
    ]
    unknown = [f"{RULES}, `cases`: {name} is no case of suites/" for name in sorted(set(rules) - set(cases))]
    return lacking + unknown


def without_flaw(cases: Collection[str], failed: Collection[str]) -> list[str]:
    """Say which cases no flaw makes fail."""
    return [
        f"no flaw makes {name} fail: add under `defects` of {file_name()}\n"
        f"  your_flaw:\n    title: what is planted\n    fails: [{name}]\n"
        f'and ask `device.defects("your_flaw")` where virtual_lab/reference/firmware/ behaves otherwise'
        for name in sorted(set(cases) - set(failed))
    ]


def without_decorator(path: Path, text: str) -> list[str]:
    """Say which test functions of a module of suites/ are no case."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return [
        f"{path}, line {node.lineno}: put @case(...) on {node.name}, as CONTRIBUTING.md shows"
        for node in functions
        if node.name.startswith("test_") and not any(_is_case(decorator) for decorator in node.decorator_list)
    ]


def _is_case(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "case"


def failed_by(flaws: Iterable[Collection[str]]) -> set[str]:
    return {name.split("[")[0] for names in flaws for name in names}


def test_there_are_at_least_twenty_cases() -> None:
    assert len(published()) >= 20


def test_every_test_function_of_the_suites_is_a_case() -> None:
    wrong = [
        message
        for path in sorted(SUITES.rglob("test_*.py"))
        for message in without_decorator(path.relative_to(ROOT), path.read_text("utf-8"))
    ]
    refuse(wrong)


def with_several_assertions(path: Path, text: str) -> list[str]:
    """Say which cases of a module could stop at their first fault."""
    cases = [
        node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return [
        f"{path}, line {case.lineno}: {case.name} has several assertions: collect every fault, and assert once"
        for case in cases
        if sum(isinstance(node, ast.Assert) for node in ast.walk(case)) > 1
    ]


def test_no_case_stops_at_its_first_fault() -> None:
    paths = sorted(SUITES.rglob("test_*.py"))
    refuse(
        wrong for path in paths for wrong in with_several_assertions(path.relative_to(ROOT), path.read_text("utf-8"))
    )


def test_a_case_that_asserts_twice_is_refused_with_its_line() -> None:
    text = "def test_one(it):\n    assert it.a\n\n\ndef test_two(it):\n    assert it.a\n    assert it.b\n"
    (said,) = with_several_assertions(Path("suites/x/test_x.py"), text)
    assert said.startswith("suites/x/test_x.py, line 5: test_two has several assertions")


def test_every_question_for_a_person_is_a_case_of_its_own() -> None:
    asked = {question.case_id: (question.leaf, *question.also) for question in questions().values()}
    made = {name: entry.covers for name, entry in published().items() if name.startswith("document.")}
    wrong = [f"{QUESTIONS} asks {name}, which no suite publishes" for name in sorted(asked.keys() - made.keys())]
    wrong += [f"{QUESTIONS} does not ask {name}" for name in sorted(made.keys() - asked.keys())]
    wrong += [
        f"{QUESTIONS}: {name} covers {made[name]}, and asks about {asked[name]}"
        for name in sorted(asked.keys() & made.keys())
        if asked[name] != made[name]
    ]
    refuse(wrong)


def test_every_case_says_how_it_is_done_and_what_to_do_about_a_failure() -> None:
    wrong = [
        f"suites/{entry.capability}/: the {what} of {entry.id} has {len(text)} characters; write at least {least}"
        for entry in published().values()
        for what, text, least in (("docstring", entry.procedure, 60), ("advice", entry.advice, 20))
        if len(text) < least
    ]
    refuse(wrong)


def test_every_case_covers_an_item_of_ir_8425_that_nothing_subdivides() -> None:
    leaves = set(catalogues().leaves)
    wrong = [
        f"suites/{entry.capability}/: `covers` of {entry.id} names no item of IR 8425 such as DP-3 or IAC-1a"
        for entry in published().values()
        if leaves.isdisjoint(entry.covers)
    ]
    refuse(wrong)


def test_every_folder_of_a_capability_holds_cases() -> None:
    folders = {path.name for path in SUITES.iterdir() if (path / "__init__.py").is_file()}
    empty = folders - {entry.capability for entry in published().values()}
    refuse(f"suites/{name}/ holds no case" for name in sorted(empty))


def test_the_whole_profile_gives_every_case_a_strength() -> None:
    wrong = without_rule(published(), load_profile(PROFILE).cases)
    refuse(wrong)


def test_the_whole_profile_holds_every_item_of_ir_8425() -> None:
    held, leaves = load_profile(PROFILE).requirements, catalogues().leaves
    wrong = [f"{RULES}: add under `requirements`\n  - {item}" for item in leaves if item not in held]
    wrong += [f"{RULES}, `requirements`: {item} is no item of IR 8425" for item in held if item not in leaves]
    refuse(wrong)
    assert held == leaves, f"{RULES}: put `requirements` in the order of IR 8425"


def test_every_case_has_a_flaw_that_must_fail_it() -> None:
    failed = failed_by(flaw.fails for flaw in register().values())
    wrong = without_flaw(published(), failed | found_elsewhere())
    refuse(wrong)


def test_only_a_case_that_the_reference_device_cannot_fail_has_its_flaw_elsewhere() -> None:
    lacking = published().keys() - failed_by(flaw.fails for flaw in register().values())
    wrong = without_flaw(lacking & found_elsewhere(), ONLY_ELSEWHERE)
    wrong += [
        f"tests/suites/test_cases.py: {name} has a flaw in {file_name()}; take it out of ONLY_ELSEWHERE"
        for name in sorted(ONLY_ELSEWHERE - lacking)
    ]
    refuse(wrong)


def test_a_missing_rule_is_named_with_the_file_and_the_line_to_add() -> None:
    lacking, unknown = without_rule(["a.b", "c.d"], ["c.d", "e.f"])
    assert lacking.startswith("lab_config/profiles/cyber_trust_mark.yaml has no rule for a.b")
    assert lacking.endswith('\n  a.b: {strength: advisory, reading: "..."}')
    assert unknown == "lab_config/profiles/cyber_trust_mark.yaml, `cases`: e.f is no case of suites/"


def test_a_missing_flaw_is_named_with_the_file_and_the_lines_to_add() -> None:
    (said,) = without_flaw(["a.b", "c.d"], ["c.d"])
    assert "virtual_lab/reference/defects.yaml\n  your_flaw:\n" in said
    assert "fails: [a.b]" in said


def test_a_function_without_the_decorator_is_named_with_its_line() -> None:
    text = '@case("a.b")\ndef test_one(): ...\n\n\n@other\ndef test_two(): ...\n\n\ndef helper(): ...\n'
    (said,) = without_decorator(Path("suites/data_protection/test_x.py"), text)
    assert said.startswith("suites/data_protection/test_x.py, line 6: put @case(...) on test_two")


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
