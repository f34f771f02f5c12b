"""The verdict rules: no verdict on silence without a witness, whatever the author of a case forgot."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trustprobe.judging.judging import MadeUp, judge, reasons, verdicts
from trustprobe.judging.judge import DESELECTED, NOT_REACHED

ASSERT_NOT_SEEN = 'assert not {0}.seen, "it was seen"'
CASES = [
    MadeUp("refused_passes", "saw(Answer.REFUSED)"),
    MadeUp("silence_with_witness_passes", "saw(Answer.SILENT, HOLDS)"),
    MadeUp("silence_without_witness", "saw(Answer.SILENT)"),
    MadeUp("silence_with_a_dead_witness", "saw(Answer.SILENT, FAILS)"),
    MadeUp("refusal_with_a_dead_witness", "saw(Answer.REFUSED, FAILS)"),
    MadeUp("presence_seen", "saw(Answer.SEEN)", 'assert False, "it was seen"'),
    MadeUp("presence_seen_with_a_dead_witness", "saw(Answer.SEEN, FAILS)", 'assert False, "it was seen"'),
    MadeUp("absence_seen", "saw(Answer.SEEN)", fails_on="absence"),
    MadeUp("absence_silent", "saw(Answer.SILENT)", 'assert False, "nothing came"', "absence"),
    MadeUp("absence_silent_witnessed", "saw(Answer.SILENT, HOLDS)", 'assert False, "nothing came"', "absence"),
    MadeUp("absence_refused", "saw(Answer.REFUSED)", 'assert False, "refused"', "absence"),
    MadeUp("absence_passed_without_seeing", "saw(Answer.SILENT, HOLDS)", fails_on="absence"),
    MadeUp("presence_failed_without_seeing", "saw(Answer.SILENT, HOLDS)", 'assert False, "it was seen"'),
    MadeUp("left_open", "left_open(Answer.SILENT, HOLDS)"),
    MadeUp("left_open_absence", "left_open(Answer.SILENT, HOLDS)", 'assert False, "nothing came"', "absence"),
    MadeUp("observed_nothing", "saw(None)"),
    MadeUp("not_even_an_observation", "None"),
    MadeUp("bench_broke", "(_ for _ in ()).throw(BenchError('the cable is out.'))"),
    MadeUp("bench_broke_inside", "saw(Answer.SEEN)", "raise BenchError('the cable is out.')"),
    MadeUp("not_forwarded", "(_ for _ in ()).throw(NotForwardedError('tcp', 23))"),
    MadeUp("not_forwarded_inside", "saw(Answer.SEEN)", "raise NotForwardedError('tcp', 23)"),
    MadeUp("harness_broke", "saw(Answer.SEEN)", "1 / 0"),
    MadeUp("assertion_in_a_fixture", "(_ for _ in ()).throw(AssertionError('inside a library'))"),
    MadeUp("not_allowed", "saw(Answer.REFUSED)", needs="(Permission.UPDATE,)"),
    MadeUp("not_applicable", "(_ for _ in ()).throw(NotApplicable('has none'))"),
    MadeUp("not_provided", "(_ for _ in ()).throw(NotProvided('has no log'))"),
]
EXPECTED = {
    "refused_passes": "PASS",
    "silence_with_witness_passes": "PASS",
    "silence_without_witness": "INCONCLUSIVE",
    "silence_with_a_dead_witness": "INCONCLUSIVE",
    "refusal_with_a_dead_witness": "INCONCLUSIVE",
    "presence_seen": "FAIL",
    "presence_seen_with_a_dead_witness": "FAIL",
    "absence_seen": "PASS",
    "absence_silent": "INCONCLUSIVE",
    "absence_silent_witnessed": "FAIL",
    "absence_refused": "FAIL",
    "absence_passed_without_seeing": "INCONCLUSIVE",
    "presence_failed_without_seeing": "INCONCLUSIVE",
    "left_open": "INCONCLUSIVE",
    "left_open_absence": "INCONCLUSIVE",
    "observed_nothing": "ERROR",
    "not_even_an_observation": "ERROR",
    "bench_broke": "ERROR",
    "bench_broke_inside": "ERROR",
    "not_forwarded": "INCONCLUSIVE",
    "not_forwarded_inside": "INCONCLUSIVE",
    "harness_broke": "ERROR",
    "assertion_in_a_fixture": "ERROR",
    "not_allowed": "INCONCLUSIVE",
    "not_applicable": "NOT_APPLICABLE",
    "not_provided": "FAIL",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("judge")
    code, results, output = judge(folder, CASES)
    assert results, output
    (folder / "output").write_text(output, "utf-8")
    return code, results, folder


@pytest.mark.parametrize("name", EXPECTED)
def test_the_verdict_follows_from_what_was_observed(name: str, run: tuple[int, dict[str, Any], Path]) -> None:
    assert verdicts(run[1])[name] == EXPECTED[name]


def test_a_case_that_is_refused_is_torn_down_like_any_other(run: tuple[int, dict[str, Any], Path]) -> None:
    assert "ERROR at teardown" not in (run[2] / "output").read_text("utf-8")


def test_a_failure_makes_the_run_nonconforming_with_exit_code_1(run: tuple[int, dict[str, Any], Path]) -> None:
    assert (run[0], run[1]["overall"]) == (1, "NONCONFORMING")


def test_an_error_says_whose_fault_it_is(run: tuple[int, dict[str, Any], Path]) -> None:
    reasons = {case["id"]: case["reason"] for case in run[1]["cases"]}
    assert reasons["made.bench_broke"] == "bench: the cable is out."
    assert reasons["made.harness_broke"].startswith("harness: ZeroDivisionError")


def test_a_question_that_is_left_open_says_why(run: tuple[int, dict[str, Any], Path]) -> None:
    reasons = {case["id"]: case["reason"] for case in run[1]["cases"]}
    assert reasons["made.left_open"] == "silence proves nothing here without a witness: it: nothing was sent"


@pytest.mark.parametrize("name", ["made.not_forwarded", "made.not_forwarded_inside"])
def test_a_port_that_the_bench_does_not_forward_shows_the_line_to_add(
    name: str, run: tuple[int, dict[str, Any], Path]
) -> None:
    (reason,) = (case["reason"] for case in run[1]["cases"] if case["id"] == name)
    line = "add `tcp/23: PORT` to `network.port_map` of the bench file"
    assert reason == f"the bench forwards no tcp/23 to the device: {line}"


def test_allure_shows_a_failure_as_failed_an_error_as_broken_and_the_rest_as_skipped(
    run: tuple[int, dict[str, Any], Path],
) -> None:
    shown = {}
    for path in run[2].glob("out/*/allure-results/*-result.json"):
        entry = json.loads(path.read_text("utf-8"))
        shown[entry["name"].removeprefix("test_")] = entry["status"]
    words = {
        "PASS": "passed",
        "FAIL": "failed",
        "ERROR": "broken",
        "INCONCLUSIVE": "skipped",
        "NOT_APPLICABLE": "skipped",
    }
    assert shown == {name: words[verdict] for name, verdict in EXPECTED.items()}


def test_allure_keeps_the_reason_of_what_is_skipped(run: tuple[int, dict[str, Any], Path]) -> None:
    texts = [path.read_text("utf-8") for path in run[2].glob("out/*/allure-results/*-result.json")]
    assert any(
        "INCONCLUSIVE: silence proves nothing here without a witness: the canary is dead" in text for text in texts
    )


def test_only_passes_make_a_run_conforming_with_exit_code_0(tmp_path: Path) -> None:
    code, results, output = judge(tmp_path, [MadeUp("one", "saw(Answer.REFUSED)")])
    assert (code, results["overall"]) == (0, "CONFORMING"), output


def test_a_failure_below_required_is_a_finding_and_changes_nothing_else(tmp_path: Path) -> None:
    cases = [
        MadeUp("one", "saw(Answer.REFUSED)"),
        MadeUp("two", "saw(Answer.SEEN)", "assert False, 'seen'", strength="expected"),
    ]
    code, results, _ = judge(tmp_path, cases)
    assert (code, results["overall"], verdicts(results)["two"]) == (0, "CONFORMING", "FAIL")


def test_a_deselected_case_is_not_run_and_the_run_is_incomplete(tmp_path: Path) -> None:
    cases = [MadeUp("one", "saw(Answer.REFUSED)"), MadeUp("two", "saw(Answer.REFUSED)")]
    code, results, _ = judge(tmp_path, cases, "-k", "test_one")
    assert (code, results["overall"]) == (2, "INCOMPLETE")
    assert verdicts(results) == {"one": "PASS", "two": "NOT_RUN"}
    assert reasons(results)["two"] == DESELECTED


def test_a_case_that_an_interrupted_run_did_not_reach_says_so(tmp_path: Path) -> None:
    cases = [MadeUp("one", "saw(Answer.REFUSED)", "raise KeyboardInterrupt"), MadeUp("two", "saw(Answer.REFUSED)")]
    _, results, _ = judge(tmp_path, cases)
    assert verdicts(results)["two"] == "NOT_RUN"
    assert reasons(results)["two"] == NOT_REACHED


def test_an_empty_selection_is_incomplete(tmp_path: Path) -> None:
    code, results, _ = judge(tmp_path, [MadeUp("one", "saw(Answer.REFUSED)")], "-k", "nothing_of_this_name")
    assert (code, results["overall"], verdicts(results)) == (2, "INCOMPLETE", {"one": "NOT_RUN"})


def test_a_case_that_the_profile_names_and_nobody_wrote_is_a_configuration_error(tmp_path: Path) -> None:
    rule = "  made.nowhere: {strength: required, clause: ours}\n"
    _, results, output = judge(tmp_path, [MadeUp("one", "saw(Answer.REFUSED)")], more_rules=rule)
    assert not results
    assert "made.nowhere, but there is no such case" in output


def test_assertions_that_are_switched_off_are_refused(tmp_path: Path) -> None:
    _, results, output = judge(tmp_path, [MadeUp("one", "saw(Answer.REFUSED)")], "--assert=plain")
    assert not results
    assert "no case can fail" in output


def test_what_a_person_has_to_look_at_leaves_the_requirement_open(tmp_path: Path) -> None:
    body = "from trustprobe.judging.outcomes import Manual; raise Manual('nobody has looked')"
    code, results, _ = judge(tmp_path, [MadeUp("asked", "saw(Answer.SEEN)", body), MadeUp("seen", "saw(Answer.SEEN)")])
    assert code == 2
    assert verdicts(results) == {"asked": "MANUAL", "seen": "PASS"}
    assert results["requirements"][0]["reason"] == "open: made.asked (MANUAL)"
