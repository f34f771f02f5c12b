import io
from pathlib import Path

import pytest
from rich.console import Console

from reports.results import Results, Row, Verdict
from reports.terminal import print_summary, rests_on
from tests.reports.samples import a_mixed_run, case, case_of_rows, observation, results


def printed(run: Results, folder: Path, width: int = 80, *, colour: bool = False, verbose: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=not colour, force_terminal=colour)
    print_summary(run, console, folder, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_but_the_path(tmp_path: Path, width: int) -> None:
    lines = printed(a_mixed_run(), tmp_path, width).splitlines()
    assert all(len(line) <= width for line in lines if not line.startswith(("Report: ", "Also: ")))


def test_everything_that_decides_is_said(tmp_path: Path) -> None:
    run = a_mixed_run()
    text = printed(run, tmp_path)
    assert run.reason in text
    assert all(case.id in text and case.verdict in text for case in run.cases if case.verdict is not Verdict.PASS)
    assert all(requirement.id in text and requirement.verdict in text for requirement in run.requirements)
    assert "Outside the profile: The app and the cloud." in text
    assert "pre-check, not a certification" in text
    assert "ssh.banner (advisory): Hide the version." in text
    assert "UDP ports were not swept." in text


def test_the_path_of_the_report_is_whole_and_names_what_is_there(tmp_path: Path) -> None:
    assert f"Report: {tmp_path / 'results.json'}\n" in printed(a_mixed_run(), tmp_path)
    page = tmp_path / "allure-report" / "index.html"
    page.parent.mkdir()
    page.touch()
    assert f"Report: {page}\n" in printed(a_mixed_run(), tmp_path)


def test_the_summary_is_the_first_report_to_open(tmp_path: Path) -> None:
    (tmp_path / "summary.html").touch()
    (tmp_path / "results.json").touch()
    text = printed(a_mixed_run(), tmp_path)
    assert f"Report: {tmp_path / 'summary.html'}\nAlso:   {tmp_path / 'results.json'}\n" in text


def test_without_colour_there_is_no_escape_sequence(tmp_path: Path) -> None:
    assert "\x1b" not in printed(a_mixed_run(), tmp_path)


@pytest.mark.parametrize("colour", [True, False])
def test_device_text_is_neither_markup_nor_control(tmp_path: Path, colour: bool) -> None:
    text = "".join(printed(a_mixed_run(), tmp_path, width=400, colour=colour).split())
    assert "[bold]markup[/bold][/nonsense]" in text
    assert ":smile:" in text
    assert "\\x1b[31mred" in text
    assert "\x1b[31mred" not in text


def test_a_pass_says_what_it_rests_on() -> None:
    swept = case("ports", Verdict.PASS).model_copy(update={"observations": (observation("the canary answered"),)})
    assert rests_on(swept) == "65002 answered, 533 silent; witness: the canary answered"
    assert "witness" not in rests_on(swept.model_copy(update={"observations": (observation("none", holds=False),)}))


def test_a_capability_is_one_line_that_counts_its_rows(tmp_path: Path) -> None:
    lines = [" ".join(line.split()) for line in printed(a_mixed_run(), tmp_path).splitlines()]
    assert "software update 3 1 PASS, 1 FAIL, 1 NOT_APPLICABLE" in lines
    assert "documentation 1 1 MANUAL" in lines


def test_cases_that_passed_are_counted_and_not_listed_unless_all_is_wanted(tmp_path: Path) -> None:
    run = a_mixed_run()
    assert "ports.tcp.undeclared" not in printed(run, tmp_path)
    assert "the canary tcp/443 answered throughout" in " ".join(printed(run, tmp_path, verbose=True).split())


def test_every_row_that_is_not_pass_is_listed_with_its_reason(tmp_path: Path) -> None:
    text = " ".join(printed(a_mixed_run(), tmp_path).split())
    assert "NOT_APPLICABLE update.bad_images [older] no older image" in text
    assert "NOT_RUN udp.undeclared deselected" in text
    assert "update.bad_images [unsigned]" not in text


def test_rows_with_the_same_reason_share_a_line(tmp_path: Path) -> None:
    rows = tuple(Row(id=f"user{n}", verdict=Verdict.INCONCLUSIVE, reason="the bench has no login") for n in range(9))
    text = " ".join(printed(results(case_of_rows("login.default", rows, "IAC-1b")), tmp_path).split())
    assert "login.default [user0, user1, user2, user3, user4, user5, and 3 more] the bench has no login" in text
    assert text.count("the bench has no login") == 1 + ("IAC-1b" in text)


def test_a_requirement_that_passes_counts_its_cases(tmp_path: Path) -> None:
    run = results(case("ports.tcp.undeclared", Verdict.PASS, "IAC-1a"))
    lines = [" ".join(line.split()) for line in printed(run, tmp_path).splitlines()]
    assert "IAC-1a PASS 1 case" in lines
