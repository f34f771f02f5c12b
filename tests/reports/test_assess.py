import pytest

from lab_config.rules import Strength
from reports.assess import assess, requirement_result
from reports.results import CaseResult, Overall, RequirementVerdict, Verdict
from tests.reports.samples import case

V = Verdict
R = RequirementVerdict


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        ([], R.UNCOVERED),
        ([V.PASS], R.PASS),
        ([V.PASS, V.PASS], R.PASS),
        ([V.PASS, V.NOT_APPLICABLE], R.PASS),
        ([V.NOT_APPLICABLE], R.OPEN),
        ([V.NOT_APPLICABLE, V.NOT_APPLICABLE], R.OPEN),
        ([V.FAIL], R.FAIL),
        ([V.PASS, V.FAIL], R.FAIL),
        ([V.ERROR, V.FAIL, V.INCONCLUSIVE], R.FAIL),
        *[([V.PASS, unsettled], R.OPEN) for unsettled in (V.INCONCLUSIVE, V.MANUAL, V.NOT_RUN, V.ERROR)],
        *[([unsettled], R.OPEN) for unsettled in (V.INCONCLUSIVE, V.MANUAL, V.NOT_RUN, V.ERROR)],
    ],
)
def test_a_requirement_follows_from_its_required_cases(required: list[Verdict], expected: RequirementVerdict) -> None:
    cases = [case(f"case.{number}", verdict, "IAC-1a") for number, verdict in enumerate(required)]
    assert requirement_result("IAC-1a", "text", cases).verdict is expected


@pytest.mark.parametrize("strength", [Strength.EXPECTED, Strength.ADVISORY])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_case_below_required_never_changes_a_requirement(strength: Strength, verdict: Verdict) -> None:
    below = case("case.below", verdict, "IAC-1a", strength=strength)
    assert requirement_result("IAC-1a", "", [case("case.a", V.PASS, "IAC-1a"), below]).verdict is R.PASS
    assert requirement_result("IAC-1a", "", [case("case.a", V.FAIL, "IAC-1a"), below]).verdict is R.FAIL
    assert requirement_result("IAC-1a", "", [below]).verdict is R.OPEN


def test_an_open_requirement_names_the_open_cases_only() -> None:
    cases = [case("login.a", V.PASS, "IAC-1b"), case("login.b", V.INCONCLUSIVE, "IAC-1b")]
    result = requirement_result("IAC-1b", "", cases)
    assert result.reason == "open: login.b (INCONCLUSIVE)"
    assert result.cases == ("login.a", "login.b")


def test_a_requirement_is_covered_by_its_exact_id_only() -> None:
    cases = [case("ports", V.FAIL, "IAC-1"), case("more", V.FAIL, "IAC-1ab")]
    assert requirement_result("IAC-1a", "", cases).verdict is R.UNCOVERED


@pytest.mark.parametrize(
    ("verdicts", "expected", "exit_code"),
    [
        ({"A": V.PASS, "B": V.PASS}, Overall.CONFORMING, 0),
        ({"A": V.FAIL, "B": V.PASS}, Overall.NONCONFORMING, 1),
        ({"A": V.FAIL, "B": V.ERROR}, Overall.NONCONFORMING, 1),
        ({"A": V.FAIL, "B": None}, Overall.NONCONFORMING, 1),
        ({"A": V.PASS, "B": None}, Overall.INCOMPLETE, 2),
        ({"A": V.PASS, "B": V.NOT_RUN}, Overall.INCOMPLETE, 2),
        ({"A": V.PASS, "B": V.NOT_APPLICABLE}, Overall.INCOMPLETE, 2),
        ({"A": None, "B": None}, Overall.INCOMPLETE, 2),
        ({}, Overall.INCOMPLETE, 2),
    ],
)
def test_the_overall_word_is_over_every_requirement(
    verdicts: dict[str, Verdict | None], expected: Overall, exit_code: int
) -> None:
    cases = [case(f"case.{name}", verdict, name) for name, verdict in verdicts.items() if verdict]
    assessment = assess(dict.fromkeys(verdicts, "text"), cases)
    assert assessment.overall is expected
    assert assessment.overall.exit_code == exit_code
    assert assessment.reason.startswith(f"{expected}: ")
    assert [result.id for result in assessment.requirements] == list(verdicts)


def conforming() -> tuple[dict[str, str], list[CaseResult]]:
    return {"A": "text"}, [case("case.a", V.PASS, "A")]


def test_a_case_without_a_result_keeps_a_run_from_conforming() -> None:
    assert assess(*conforming()).overall is Overall.CONFORMING
    spoilt = assess(*conforming(), missing=["case.z", "case.b"])
    assert spoilt.reason == "INCOMPLETE: no result for case.b, case.z"


def test_a_run_level_reason_comes_first_and_keeps_a_run_from_conforming() -> None:
    spoilt = assess(*conforming(), run_reason="the device did not answer\nbefore the run: no canary.")
    assert spoilt.overall is Overall.INCOMPLETE
    assert spoilt.reason == "INCOMPLETE: the device did not answer before the run: no canary"


def test_what_failed_stays_failed_in_a_spoilt_run() -> None:
    failed = assess({"A": "", "B": ""}, [case("case.a", V.FAIL, "A")], run_reason="interrupted", missing=["case.b"])
    assert failed.reason == "NONCONFORMING: interrupted; 1 of 2 requirements fails: A (case.a)"


def test_the_reason_names_the_failed_cases_that_decided() -> None:
    cases = [
        case("ports", V.FAIL, "IAC-1a", "IAC-2"),
        case("banner", V.FAIL, "IAC-1a", strength=Strength.ADVISORY),
        case("fine", V.PASS, "IAC-1a"),
    ]
    assessment = assess({"IAC-1a": "", "IAC-2": "", "SU-1": ""}, cases)
    assert assessment.reason == "NONCONFORMING: 2 of 3 requirements fail: IAC-1a (ports), IAC-2 (ports)"


def test_the_reason_is_one_line_and_counts_what_it_does_not_name() -> None:
    assessment = assess({f"AI-{number}": "" for number in range(40)}, [])
    assert assessment.reason == (
        "INCOMPLETE: 40 requirements uncovered: AI-0, AI-1, AI-2, AI-3, AI-4, AI-5 and 34 more"
    )


def test_a_requirement_whose_condition_does_not_hold_is_settled_with_its_reason() -> None:
    result = requirement_result("A", "", [], excused="F:w (telemetry): it sends none")
    assert result.verdict is R.NOT_APPLICABLE
    assert result.reason == "not applicable: F:w (telemetry): it sends none"
    assessment = assess({"A": "", "B": ""}, [case("case.b", V.PASS, "B")], excused={"A": "it sends none"})
    assert assessment.reason == "CONFORMING: 1 requirement passes, 1 not applicable as declared"


def test_what_is_declared_not_to_apply_and_is_seen_to_fail_fails() -> None:
    result = requirement_result("A", "", [case("debug.port", V.FAIL, "A")], excused="there is no such port")
    assert result.verdict is R.FAIL
    assert result.reason == "failed: debug.port, although it is declared as not applicable: there is no such port"


def test_a_product_to_which_nothing_applies_does_not_conform() -> None:
    assessment = assess({"A": ""}, [], excused={"A": "it is a brick"})
    assert assessment.reason == "INCOMPLETE: every requirement is declared as not applicable, so nothing was shown"


@pytest.mark.parametrize("verdict", [V.FAIL, V.INCONCLUSIVE, V.NOT_RUN, V.MANUAL, None])
def test_a_recommendation_is_shown_and_does_not_decide(verdict: Verdict | None) -> None:
    cases = [case("case.a", V.PASS, "A")]
    cases += [case("case.r", verdict, "R", strength=Strength.EXPECTED)] if verdict else []
    assessment = assess({"A": "", "R": ""}, cases, recommended={"R"})
    assert assessment.overall is Overall.CONFORMING
    shown = assessment.requirements[1]
    assert shown.recommended
    assert shown.verdict is {V.FAIL: R.FAIL, None: R.UNCOVERED}.get(verdict, R.OPEN)


def test_a_recommendation_that_is_not_met_is_named_in_the_reason() -> None:
    cases = [case("case.a", V.PASS, "A"), case("case.r", V.FAIL, "R", strength=Strength.EXPECTED)]
    assessment = assess({"A": "", "R": ""}, cases, recommended={"R"})
    assert assessment.reason == "CONFORMING: the requirement passes; recommended but not met: R"


def test_recommendations_alone_make_no_product_conform() -> None:
    cases = [case("case.r", V.PASS, "R", strength=Strength.EXPECTED)]
    assert assess({"R": ""}, cases, recommended={"R"}).overall is Overall.INCOMPLETE
