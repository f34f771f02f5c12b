"""The summary on the terminal: capabilities, rows that are not PASS, requirements, findings, and the overall result.

It reads well at 80 columns and without colour, as CI logs are. Text that quotes the device is never markup.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from reports.results import CaseResult, Overall, RequirementVerdict, Results, Row, Verdict
from trustprobe.probe import printable

REASON = 160
"""Characters of a reason in a table. The report has the whole reason."""
ROWS_NAMED = 6
"""Rows with the same reason that are named on one line."""
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


def print_summary(results: Results, console: Console, run_folder: Path, *, verbose: bool = False) -> None:
    """Print the summary; `run_folder` contains the reports of this run.

    By default: one line per capability, every row that is not PASS, the requirements and what to do. With `verbose`,
    also every case and the basis of its verdict.
    """
    if verbose:
        console.print(_cases(results.cases, results.findings))
    console.print(_capabilities(results.cases))
    console.print(_counts(results.cases))
    _print_open_rows(results, console)
    console.print()
    console.print(_requirements(results, verbose=verbose))
    _print_failures(results, console)
    if results.limits:
        console.print("\nLimits of this run:", style="bold")
        for limit in results.limits:
            console.print(_hanging("-", limit))
    console.print()
    console.print(Rule(characters="-", style=""))
    _print_overall(results, console, run_folder)


def _print_overall(results: Results, console: Console, run_folder: Path) -> None:
    console.print(_plain(results.reason), style=_STYLES[results.overall])
    console.print(_hanging("Profile:", f"{results.profile.title} ({results.profile.id})"))
    console.print(_hanging("Outside the profile:", results.profile.outside))
    firmware = f", firmware {', '.join(results.firmware_seen)}" if results.firmware_seen else ""
    console.print(_hanging("Product:", f"{results.product.name}, sample {results.sample}{firmware}"))
    console.print(_plain(DISCLAIMER))
    _print_reports(console, run_folder)


def _print_reports(console: Console, run_folder: Path) -> None:
    """Name the existing reports, the one to open first before the others."""
    found = [path for name in REPORTS if (path := run_folder / name).is_file()] or [run_folder / "results.json"]
    for number, path in enumerate(found):
        console.print(Text(f"{'Report: ' if number == 0 else 'Also:   '}{printable(str(path))}"), soft_wrap=True)


def _cases(cases: Iterable[CaseResult], findings: Collection[CaseResult]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Cases", title_justify="left", title_style="bold")
    table.add_column("case", overflow="fold", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("basis", overflow="fold", ratio=4)
    table.expand = True
    for case in cases:
        finding = f"({case.strength}) " if case in findings else ""
        table.add_row(_plain(case.id), _verdict(case.verdict), _plain(finding + rests_on(case), REASON))
    return table


def _capabilities(cases: Sequence[CaseResult]) -> Table:
    """Return one line per capability: the number of rows per verdict."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Capabilities", title_justify="left", title_style="bold")
    table.add_column("capability", overflow="fold", ratio=2)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("verdicts", overflow="fold", ratio=3)
    table.expand = True
    for name in dict.fromkeys(case.capability for case in cases):
        verdicts = [_row_verdict(row, case) for case in cases if case.capability == name for row in _rows(case)]
        counted = Text(", ").join(
            Text(f"{verdicts.count(verdict)} {verdict}", style=_STYLES.get(verdict, ""))
            for verdict in Verdict
            if verdict in verdicts
        )
        table.add_row(_plain(name.replace("_", " ")), str(len(verdicts)), counted)
    return table


def _rows(case: CaseResult) -> Sequence[Row | None]:
    """Return the rows of a case. A case that never ran counts as one row."""
    return case.rows or (None,)


def _row_verdict(row: Row | None, case: CaseResult) -> Verdict:
    return case.verdict if row is None else row.verdict


def _print_open_rows(results: Results, console: Console) -> None:
    """Print every row that is not PASS. Rows of one case with the same verdict and reason share a line."""
    shared: dict[tuple[str, Verdict, str], list[str]] = {}
    for case in results.cases:
        for row in _rows(case):
            verdict = _row_verdict(row, case)
            if verdict is not Verdict.PASS:
                reason = (row.reason if row else case.reason) or "no reason given"
                shared.setdefault((case.id, verdict, reason), []).append(row.id if row else case.id)
    if shared:
        console.print("\nRows that are not PASS:", style="bold")
    for verdict in Verdict:
        for (case_id, found, reason), rows in shared.items():
            if found is verdict:
                console.print(_row_line(verdict, _named(case_id, rows), reason))


def _named(case_id: str, rows: Sequence[str]) -> str:
    if rows == [case_id]:
        return case_id
    more = f", and {len(rows) - ROWS_NAMED} more" if len(rows) > ROWS_NAMED else ""
    return f"{case_id} [{', '.join(rows[:ROWS_NAMED])}{more}]"


def _row_line(verdict: Verdict, name: str, reason: str) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, width=len(Verdict.NOT_APPLICABLE))
    grid.add_column(overflow="fold")
    grid.add_row(_verdict(verdict), _plain(name))
    grid.add_row("", _plain(reason, REASON))
    return grid


def _requirements(results: Results, *, verbose: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Requirements", title_justify="left", title_style="bold")
    table.add_column("requirement", overflow="fold", ratio=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=5)
    table.expand = True
    for result in results.requirements:
        passed = f"passed: {', '.join(result.cases)}" if verbose else _counted(len(result.cases), "case")
        table.add_row(_plain(result.id), _verdict(result.verdict), _plain(result.reason or passed, REASON))
    return table


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rests_on(case: CaseResult) -> str:
    """Return the basis of a verdict in one line: the reason, or for a PASS the observations and their witness."""
    reason = " ".join(case.reason.split())
    if case.verdict is not Verdict.PASS:
        return reason or "no reason given"
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
    """Print what to do about each failure: first those that decide, then the findings below `required`."""
    deciding = [case for case in results.cases if case.verdict is Verdict.FAIL and case not in results.findings]
    _print_recommendations("What to do:", deciding, console)
    _print_recommendations("Findings below required, which change no requirement:", results.findings, console)


def _print_recommendations(heading: str, cases: Collection[CaseResult], console: Console) -> None:
    if cases:
        console.print(f"\n{heading}", style="bold")
    for case in cases:
        advice = case.recommendation or "The case gives no advice."
        console.print(_hanging("-", f"{case.id} ({case.strength}): {advice}"))


def _hanging(label: str, text: str) -> Table:
    """Return a line with a label whose text wraps next to it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label), _plain(text))
    return grid


def _verdict(verdict: Verdict | RequirementVerdict) -> Text:
    return Text(verdict.value, style=_STYLES.get(verdict, ""))


def _plain(text: str, limit: int = 2_000) -> Text:
    """Return text without markup and control characters, cut at a limit."""
    line = printable(" ".join(text.split()), limit=None)
    return Text(line if len(line) <= limit else f"{line[: limit - 3]}...", overflow="fold")
