"""Text of a hostile device, from the facts of an observation to every report that a run writes: it stays text."""

import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from reports.results import Results
from reports.terminal import print_summary
from tests.trustprobe.judging.judging import MadeUp, judge

HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b]0;title\x07 nul\x00 <script>alert(1)</script><img src=x onerror=alert(2)> "
    "\u202egpj.exe\u202c [bold]markup[/bold] ]]> &amp; \x9b1m \u2066\u200f {{ 7 * 7 }} " + "W" * 300
)
SAW = (
    "Observation(question={text!r}, facts=(Fact(about={text!r}, answer=Answer.{answer}, detail={text!r}),), "
    "witness=Witness(what={text!r}, holds={holds}))"
)
DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and what changes the direction of text."""


def saw(answer: str, *, holds: bool = True) -> str:
    return SAW.format(text=HOSTILE, answer=answer, holds=holds)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("hostile")
    cases = [
        MadeUp("failed", saw("SEEN"), "assert False, seen_failed.facts[0].detail"),
        MadeUp("passed", saw("REFUSED")),
        MadeUp("inconclusive", saw("SILENT", holds=False)),
        MadeUp("broken", saw("SEEN"), "raise ValueError(seen_broken.facts[0].detail)"),
        MadeUp("broken_fixture", f"(_ for _ in ()).throw(BenchError({HOSTILE!r}))"),
    ]
    _, results, output = judge(folder, cases)
    assert results, output
    return next((folder / "out").glob("*-thing")), results, output


def dangerous(value: object) -> list[str]:
    """Return the strings of a JSON document that a terminal or a page would interpret."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in dangerous(part)]
    if isinstance(value, list):
        return [text for part in value for text in dangerous(part)]
    return [value] if isinstance(value, str) and DANGEROUS.search(value) else []


def test_the_cases_are_judged_as_if_the_text_were_harmless(run: tuple[Path, dict[str, Any], str]) -> None:
    verdicts = {case["id"].removeprefix("made."): case["verdict"] for case in run[1]["cases"]}
    words = {"failed": "FAIL", "passed": "PASS", "inconclusive": "INCONCLUSIVE", "broken": "ERROR"}
    assert verdicts == words | {"broken_fixture": "ERROR"}


def test_results_json_holds_nothing_that_is_interpreted(run: tuple[Path, dict[str, Any], str]) -> None:
    assert dangerous(run[1]) == []
    assert r"\x1b[2J\x1b[31mred" in json.loads(json.dumps(run[1]))["cases"][0]["reason"]


def test_the_terminal_shows_it_as_text(run: tuple[Path, dict[str, Any], str]) -> None:
    console = Console(file=io.StringIO(), width=400, force_terminal=True)
    print_summary(Results.model_validate(run[1]), console, run[0])
    assert isinstance(console.file, io.StringIO)
    text = re.sub("\x1b\\[[0-9;]*m", "", console.file.getvalue())  # the colours of the summary itself
    assert not DANGEROUS.search(text)
    assert r"\x1b[2J\x1b[31mred" in text
    assert "[bold]markup[/bold]" in text


def test_what_pytest_prints_shows_it_as_text(run: tuple[Path, dict[str, Any], str]) -> None:
    assert not DANGEROUS.search(run[2])


def test_the_summary_shows_it_as_text(run: tuple[Path, dict[str, Any], str]) -> None:
    html = (run[0] / "summary.html").read_text("utf-8")
    assert not DANGEROUS.search(html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html
    assert "{{ 7 * 7 }}" in html


def test_junit_shows_it_as_text(run: tuple[Path, dict[str, Any], str]) -> None:
    text = (run[0] / "junit.xml").read_text("utf-8")
    assert not DANGEROUS.search(text)
    failure = ElementTree.fromstring(text.encode()).find(".//failure")
    assert failure is not None
    assert "<script>alert(1)</script>" in (failure.text or "")
    assert {element.tag for element in ElementTree.fromstring(text.encode()).iter()} <= {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped")
    }


def test_allure_gets_it_as_text(run: tuple[Path, dict[str, Any], str]) -> None:
    folder = run[0] / "allure-results"
    results = {path.name: json.loads(path.read_text("utf-8")) for path in folder.glob("*-result.json")}
    assert {name: found for name, result in results.items() if (found := dangerous(result))} == {}
    assert any(
        r"\x1b[2J\x1b[31mred" in str(result["statusDetails"]["message"])
        for result in results.values()
        if "statusDetails" in result
    )
    attached = [path.read_text("utf-8") for path in folder.glob("*-attachment.json")]
    assert attached
    assert not [text for text in attached if DANGEROUS.search(text)]
