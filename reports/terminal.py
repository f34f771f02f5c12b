"""The summary on the terminal: cases, requirements, findings, the overall word, and where the report lies.

Reads in 80 columns and without colour, as CI logs are; whatever quotes the device is taken as text, never as markup.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from reports.results import CaseResult, Overall, RequirementVerdict, Results, Verdict
from trustprobe.probe import printable

REASON = 160
"""Characters of a reason in a table; the whole of it is in the report."""
REPORTS = ("summary.html", "allure-report/index.html", "results.json")
"""Reports of the run folder, the one to open first before the others."""
DISCLAIMER = "This is a pre-check, not a certification: no Cyber Trust Mark test procedure is approved yet."

_STYLES: dict[Verdict | RequirementVerdict | Overall, str] = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.MANUAL: "yellow",
    RequirementVerdict.OPEN: "yellow",
    RequirementVerdict.UNCOVERED: "yellow",
    Overall.CONFORMING: "bold green",
    Overall.NONCONFORMING: "bold red",
    Overall.INCOMPLETE: "bold yellow",
}


def print_summary(results: Results, console: Console, run_folder: Path) -> None:
    """Print the whole summary; `run_folder` is where the reports of this run lie."""
    console.print(_cases(results.cases, results.findings))
    console.print(_counts(results.cases))
    console.print()
    console.print(_requirements(results))
    _print_failures(results, console)
    if results.limits:
        console.print("\nWhat this run could not see:", style="bold")
        for limit in results.limits:
            console.print(_hanging("-", limit))
    console.print()
    console.print(Rule(characters="-", style=""))
    _print_overall(results, console, run_folder)


def _print_overall(results: Results, console: Console, run_folder: Path) -> None:
    console.print(_plain(results.reason), style=_STYLES[results.overall])
    console.print(_hanging("Profile:", f"{results.profile.title} ({results.profile.id})"))
    console.print(_hanging("Outside it:", results.profile.outside))
    firmware = f", firmware {', '.join(results.firmware_seen)}" if results.firmware_seen else ""
    console.print(_hanging("Product:", f"{results.product.name}, sample {results.sample}{firmware}"))
    console.print(_plain(DISCLAIMER))
    _print_reports(console, run_folder)


def _print_reports(console: Console, run_folder: Path) -> None:
    """Name the reports that are there, the one to open first before the others."""
    found = [path for name in REPORTS if (path := run_folder / name).is_file()] or [run_folder / "results.json"]
    for number, path in enumerate(found):
        console.print(Text(f"{'Report: ' if number == 0 else 'Also:   '}{printable(str(path))}"), soft_wrap=True)


def _cases(cases: Iterable[CaseResult], findings: Collection[CaseResult]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Cases", title_justify="left", title_style="bold")
    table.add_column("case", overflow="fold", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("rests on", overflow="fold", ratio=4)
    table.expand = True
    for case in cases:
        finding = f"({case.strength}) " if case in findings else ""
        table.add_row(_plain(case.id), _verdict(case.verdict), _plain(finding + rests_on(case), REASON))
    return table


def _requirements(results: Results) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Requirements", title_justify="left", title_style="bold")
    table.add_column("requirement", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=5)
    table.expand = True
    for result in results.requirements:
        why = result.reason or f"passed: {', '.join(result.cases)}"
        table.add_row(_plain(result.id), _verdict(result.verdict), _plain(why, REASON))
    return table


def rests_on(case: CaseResult) -> str:
    """Return in one line what a verdict rests on: the reason, or for a PASS what was observed and its witness."""
    reason = " ".join(case.reason.split())
    if case.verdict is not Verdict.PASS:
        return reason or "no reason was given"
    witnesses = [o.witness for o in case.observations if o.witness and o.witness_holds]
    answers = sum(o.seen + o.refused for o in case.observations)
    silent = sum(o.silent for o in case.observations)
    silence = f", {silent} silent" if silent else ""
    parts = [reason, f"{answers} answered{silence}" if case.observations else ""]
    if witnesses:
        parts.append(f"witness: {witnesses[0]}")
    return "; ".join(part for part in parts if part)


def _counts(cases: Iterable[CaseResult]) -> Text:
    verdicts = [case.verdict for case in cases]
    counted = [f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts]
    return Text(f"{len(verdicts)} cases: {', '.join(counted)}" if verdicts else "no case was run")


def _print_failures(results: Results, console: Console) -> None:
    """Print what failed and what to do about it: first what decides, then the findings below `required`."""
    deciding = [case for case in results.cases if case.verdict is Verdict.FAIL and case not in results.findings]
    _print_recommendations("Failed:", deciding, console)
    _print_recommendations("Findings below required (they change no requirement):", results.findings, console)


def _print_recommendations(heading: str, cases: Collection[CaseResult], console: Console) -> None:
    if cases:
        console.print(f"\n{heading}", style="bold")
    for case in cases:
        console.print(_hanging("-", f"{case.id} ({case.strength}): {case.reason}"))
        if case.recommendation:
            console.print(_hanging(" ", f"Recommended: {case.recommendation}"))


def _hanging(label: str, text: str) -> Table:
    """Return a line with a label whose text wraps beside it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label), _plain(text))
    return grid


def _verdict(verdict: Verdict | RequirementVerdict) -> Text:
    return Text(verdict.value, style=_STYLES.get(verdict, ""))


def _plain(text: str, limit: int = 2_000) -> Text:
    """Return text that holds no markup and no control character, cut at a limit."""
    line = printable(" ".join(text.split()), limit=None)
    return Text(line if len(line) <= limit else f"{line[: limit - 3]}...", overflow="fold")
