import io
from pathlib import Path

import pytest
from rich.console import Console

from reports.results import Results, Verdict
from reports.terminal import print_summary, rests_on
from tests.reports.samples import a_mixed_run, case, observation


def printed(run: Results, folder: Path, width: int = 80, *, colour: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=not colour, force_terminal=colour)
    print_summary(run, console, folder)
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
    assert all(case.id in text and case.verdict in text for case in run.cases)
    assert all(requirement.id in text and requirement.verdict in text for requirement in run.requirements)
    assert "Outside it: The app and the cloud." in text
    assert "pre-check, not a certification" in text
    assert "Recommended: Hide the version." in text
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
