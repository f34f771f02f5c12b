import json
from pathlib import Path

import pytest

from virtual_lab.field.compare import JudgedRow, Outcome, compare, differences, read_rows
from virtual_lab.field.device import FieldDevice
from virtual_lab.field.table import report, write_page

FILES = {
    "device.yaml": "schema_version: 1\ntitle: x\nsoftware: {}\nready: {port: 80}\nwell: {}\nbadly: {}\n",
    "product.yaml": "id: toaster\n",
    "bench.yaml": "{}\n",
    "truth.yaml": """\
schema_version: 1
declared: {made.up: it is declared absent}
beyond_the_bench: {far.away*: no arm is that long}
both:
  findings: [{about: The door is open., case: door, row: front, words: open}]
badly:
  findings: [{about: A window is open., case: window}, {about: A gate is open., case: gate.*}]
  disputed: {paint: red or green}
""",
}


@pytest.fixture
def device(tmp_path: Path) -> FieldDevice:
    folder = tmp_path / "toaster"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return FieldDevice("toaster", tmp_path)


def judged(device: FieldDevice, *rows: tuple[str, str, str, str], configuration: str = "well") -> Outcome:
    return compare(device, configuration, tuple(JudgedRow(*row) for row in rows), 1.0)


def names(rows: tuple[JudgedRow, ...]) -> list[str]:
    return [row.name for row in rows]


def test_a_finding_is_found_where_its_row_fails_in_its_words(device: FieldDevice) -> None:
    outcome = judged(device, ("door", "front", "FAIL", "it stands open"), ("door", "back", "PASS", ""))
    assert (len(outcome.found), outcome.missed, outcome.false_fails, outcome.false_passes) == (1, (), (), ())


def test_a_row_that_fails_in_other_words_is_a_false_fail_and_finds_nothing(device: FieldDevice) -> None:
    outcome = judged(device, ("door", "front", "FAIL", "it is blue"))
    assert (outcome.found, names(outcome.false_fails), outcome.false_passes) == ((), ["door[front]"], ())


@pytest.mark.parametrize("verdict", ["PASS", "NOT_APPLICABLE"])
def test_a_finding_whose_rows_show_no_fault_is_a_false_pass(device: FieldDevice, verdict: str) -> None:
    outcome = judged(device, ("door", "front", verdict, ""), ("door", "back", "INCONCLUSIVE", ""))
    assert names(outcome.false_passes) == ["door[front]"]


def test_a_finding_that_any_of_several_cases_may_report_is_missed_and_no_false_pass(device: FieldDevice) -> None:
    outcome = judged(device, ("gate.left", "gate.left", "PASS", ""), configuration="badly")
    assert ("gate.*" in [one.case for one in outcome.missed], outcome.false_passes) == (True, ())


def test_a_finding_whose_row_is_open_is_missed_and_no_false_pass(device: FieldDevice) -> None:
    outcome = judged(device, ("window", "window", "INCONCLUSIVE", ""), configuration="badly")
    assert ([one.case for one in outcome.missed], outcome.false_passes) == (["door", "window", "gate.*"], ())


def test_a_finding_of_one_configuration_explains_no_row_of_the_other(device: FieldDevice) -> None:
    row = ("window", "window", "FAIL", "")
    assert names(judged(device, row).false_fails) == ["window"]
    assert judged(device, row, configuration="badly").false_fails == ()


def test_declared_and_disputed_rows_are_no_false_fails(device: FieldDevice) -> None:
    rows = (("made.up", "made.up", "FAIL", ""), ("paint", "left", "FAIL", ""))
    assert names(judged(device, *rows).false_fails) == ["paint[left]"]
    assert judged(device, *rows, configuration="badly").false_fails == ()


def test_the_settled_share_leaves_out_what_the_bench_cannot_settle_and_what_is_false(device: FieldDevice) -> None:
    outcome = judged(
        device,
        ("far.away", "a", "INCONCLUSIVE", ""),
        ("near", "near", "MANUAL", ""),
        ("wrong", "wrong", "FAIL", ""),
        ("door", "front", "PASS", ""),
        ("other", "other", "PASS", ""),
    )
    assert (names(outcome.open_rows), outcome.unsettled_by_bench, outcome.settled) == (["near"], 1, 0.25)


def test_rows_that_differ_between_runs_are_named_with_their_verdicts(device: FieldDevice) -> None:
    runs = [judged(device, ("a", "1", "PASS", ""), ("b", "b", word, "")) for word in ("PASS", "FAIL")]
    assert differences(runs) == ["b: PASS, FAIL"]
    assert differences([runs[0], judged(device, ("b", "b", "PASS", ""))]) == ["a[1]: PASS, no row"]


def test_the_rows_of_a_run_are_those_of_its_results(tmp_path: Path) -> None:
    row = {"id": "front", "verdict": "FAIL", "reason": "open"}
    times = {"started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:01:30+00:00"}
    (tmp_path / "results.json").write_text(json.dumps({"cases": [{"id": "door", "rows": [row]}], **times}))
    assert read_rows(tmp_path) == ((JudgedRow("door", "front", "FAIL", "open"),), 90.0)


def test_the_table_shows_each_run_with_what_is_wrong_with_it(
    device: FieldDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    report([judged(device, ("door", "front", "FAIL", "open")), judged(device, ("a", "a", "FAIL", "why"))])
    printed = capsys.readouterr().out
    assert "toaster (well): false FAIL a: why" in printed
    assert "toaster (well): missed door[front]: The door is open." in printed
    assert "toaster (well): differs between runs: a: no row, FAIL" in printed


def test_the_page_keeps_its_text_and_gets_a_new_table(device: FieldDevice, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Devices\n\n")
    write_page(page, [judged(device, ("a", "a", "FAIL", "why"))])
    write_page(page, [judged(device, ("door", "front", "FAIL", "open"))])
    assert page.read_text().splitlines() == [
        "# Devices",
        "",
        "| device | configuration | findings | false FAIL | false PASS | open rows | settled | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| toaster | well | 1/1 | 0 | 0 | 0 | 100% | 1 |",
        "| all |  | 1/1 | 0 | 0 | 0 | 100% | 1 |",
    ]
