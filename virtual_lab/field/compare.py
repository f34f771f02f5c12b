"""Compares the results of a run with the truth about its device."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from virtual_lab.field.device import FieldDevice, Finding

_SETTLED: Final = ("PASS", "FAIL", "NOT_APPLICABLE")
_NO_FAULT: Final = ("PASS", "NOT_APPLICABLE")


@dataclass(frozen=True)
class JudgedRow:
    """One row of results.json."""

    case: str
    row: str
    verdict: str
    reason: str

    @property
    def name(self) -> str:
        """The name of the row in the truth files: `case[row]`, or the case if it has one row."""
        return self.case if self.row == self.case else f"{self.case}[{self.row}]"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run of one device, compared with the truth."""

    device: str
    configuration: str
    rows: tuple[JudgedRow, ...]
    found: tuple[Finding, ...]
    missed: tuple[Finding, ...]
    false_fails: tuple[JudgedRow, ...]
    false_passes: tuple[JudgedRow, ...]
    open_rows: tuple[JudgedRow, ...]
    """Rows that the bench allows to settle, and that are not settled."""
    unsettled_by_bench: int
    seconds: float

    @property
    def settled(self) -> float:
        """The share of rows that are settled rightly, of those that the bench allows."""
        allowed = len(self.rows) - self.unsettled_by_bench
        wrong = len(self.open_rows) + len({*self.false_fails, *self.false_passes})
        return (allowed - wrong) / allowed if allowed else 0.0


def read_rows(run: Path) -> tuple[tuple[JudgedRow, ...], float]:
    """Return the rows of a run folder's results.json, and how many seconds the run took."""
    results = json.loads((run / "results.json").read_text("utf-8"))
    rows = tuple(
        JudgedRow(case["id"], row["id"], row["verdict"], row["reason"])
        for case in results["cases"]
        for row in case["rows"]
    )
    begun, ended = (datetime.fromisoformat(results[name]) for name in ("started", "finished"))
    return rows, (ended - begun).total_seconds()


def compare(device: FieldDevice, configuration: str, rows: tuple[JudgedRow, ...], seconds: float) -> Outcome:
    """Compare the rows of one run with the truth about this configuration."""
    truth = device.truth
    findings = truth.findings(configuration)
    found = tuple(one for one in findings if any(_shows(row, one) for row in rows))
    missed = tuple(one for one in findings if one not in found)
    allowed = {**truth.declared, **truth.disputed(configuration)}
    open_rows = [row for row in rows if row.verdict not in _SETTLED]
    beyond = [row for row in open_rows if _named(row, truth.beyond_the_bench)]
    return Outcome(
        device=device.name,
        configuration=configuration,
        rows=rows,
        found=found,
        missed=missed,
        false_fails=tuple(
            row
            for row in rows
            if row.verdict == "FAIL" and not _named(row, allowed) and not any(_shows(row, one) for one in findings)
        ),
        false_passes=tuple(_false_passes(rows, missed)),
        open_rows=tuple(row for row in open_rows if row not in beyond),
        unsettled_by_bench=len(beyond),
        seconds=seconds,
    )


def _false_passes(rows: Iterable[JudgedRow], missed: Iterable[Finding]) -> Iterator[JudgedRow]:
    """Yield the rows that state the absence of a fault that is there: none of the rows of the finding is open.

    A finding that any of several cases may report is not denied by those that pass.
    """
    listed = list(rows)
    for finding in (one for one in missed if "*" not in one.case):
        its = [row for row in listed if _is(row, f"{finding.case}[{finding.row}]")]
        if its and all(row.verdict in _NO_FAULT for row in its):
            yield its[0]


def _shows(row: JudgedRow, finding: Finding) -> bool:
    named = row.verdict == "FAIL" and _is(row, f"{finding.case}[{finding.row}]")
    return named and re.search(finding.words, row.reason) is not None


def _named(row: JudgedRow, patterns: Iterable[str]) -> bool:
    return any(_is(row, pattern) for pattern in patterns)


def _is(row: JudgedRow, pattern: str) -> bool:
    case, _, inner = pattern.partition("[")
    return _fits(row.case, case) and _fits(row.row, inner.removesuffix("]") or "*")


def _fits(text: str, pattern: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def differences(runs: Sequence[Outcome]) -> list[str]:
    """Name the rows whose verdicts differ between runs of one configuration. A row that is not there differs."""
    verdicts = [{row.name: row.verdict for row in run.rows} for run in runs]
    rows = dict.fromkeys(name for run in verdicts for name in run)
    words = {name: [run.get(name, "no row") for run in verdicts] for name in rows}
    return [f"{name}: {', '.join(listed)}" for name, listed in words.items() if len(set(listed)) > 1]
