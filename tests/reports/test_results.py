import itertools
import json

import pytest
from pydantic import ValidationError

from reports.results import CaseResult, Results, Row, Verdict, case_reason, case_verdict, json_schema
from tests.reports.samples import HOSTILE, a_mixed_run, case, results

V = Verdict
ORDER = (V.FAIL, V.ERROR, V.INCONCLUSIVE, V.MANUAL, V.NOT_RUN, V.PASS, V.NOT_APPLICABLE)


@pytest.mark.parametrize("pair", list(itertools.product(ORDER, repeat=2)))
def test_the_gravest_row_is_the_verdict_of_the_case(pair: tuple[Verdict, Verdict]) -> None:
    assert case_verdict(pair) is min(pair, key=ORDER.index)


def test_a_case_is_not_applicable_only_if_all_its_rows_are() -> None:
    assert case_verdict([V.NOT_APPLICABLE] * 3) is V.NOT_APPLICABLE
    assert case_verdict([V.NOT_APPLICABLE, V.PASS, V.NOT_APPLICABLE]) is V.PASS


def test_a_case_without_rows_was_not_run() -> None:
    assert case_verdict([]) is V.NOT_RUN


def test_a_verdict_that_its_rows_do_not_make_is_refused() -> None:
    honest = case("ports", V.FAIL, "IAC-1a").model_dump()
    with pytest.raises(ValidationError, match="the rows make the verdict FAIL, not PASS"):
        CaseResult.model_validate(honest | {"verdict": "PASS"})


def test_an_exit_code_that_is_not_that_of_the_overall_word_is_refused() -> None:
    honest = results(case("ports", V.FAIL, "IAC-1a")).model_dump()
    with pytest.raises(ValidationError, match="NONCONFORMING has the exit code 1, not 0"):
        Results.model_validate(honest | {"exit_code": 0})


def test_unknown_fields_and_versions_are_refused() -> None:
    honest = a_mixed_run().model_dump()
    for change in ({"extra": 1}, {"schema_version": 2}):
        with pytest.raises(ValidationError):
            Results.model_validate(honest | change)


def test_results_survive_the_way_through_json() -> None:
    run = a_mixed_run()
    assert Results.model_validate_json(run.to_json()) == run


def test_hostile_text_is_escaped_and_keeps_its_lines() -> None:
    row = Row(id="r", verdict=V.FAIL, reason=f"first\r\n{HOSTILE}")
    first, second = row.reason.split("\n")
    assert first == "first"
    assert second.isprintable()
    assert second.startswith(r"\x1b[31mred\x1b[0m \x07\x00")
    assert r"\udc80 \u202egpj.exe" in second
    assert Row.model_validate_json(row.model_dump_json()) == row


def test_the_reason_of_a_case_comes_from_the_rows_that_decided() -> None:
    rows = [Row(id=f"row{number}", verdict=V.FAIL, reason=f"reason {number}") for number in range(5)]
    rows.append(Row(id="fine", verdict=V.PASS, reason="never shown"))
    assert case_reason(rows) == "5 of 6 rows: row0: reason 0; row1: reason 1; row2: reason 2; and 2 more"
    assert case_reason(rows[:1]) == "reason 0"
    assert case_reason([rows[-1], rows[-1]]) == ""
    assert case_reason([]) == "no row was run"


def test_findings_are_what_fails_below_required() -> None:
    assert [found.id for found in a_mixed_run().findings] == ["ssh.banner"]


def test_the_schema_names_every_field_and_refuses_others() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(json.loads(a_mixed_run().to_json()))
    assert schema["additionalProperties"] is False
    assert schema["$schema"].endswith("2020-12/schema")
