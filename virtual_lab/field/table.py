"""The table of the field devices, for the terminal and for docs/field.md."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from virtual_lab.field.compare import JudgedRow, Outcome, differences

COLUMNS: Final = (
    "device",
    "configuration",
    "findings",
    "false FAIL",
    "false PASS",
    "open rows",
    "settled",
    "seconds",
)
_HEADER: Final = f"| {COLUMNS[0]} |"


def _cells(one: Outcome) -> tuple[str, ...]:
    return (
        one.device,
        one.configuration,
        f"{len(one.found)}/{len(one.found) + len(one.missed)}",
        str(len(one.false_fails)),
        str(len(one.false_passes)),
        str(len(one.open_rows)),
        f"{one.settled:.0%}",
        f"{one.seconds:.0f}",
    )


def _total(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    found, missed = sum(len(one.found) for one in outcomes), sum(len(one.missed) for one in outcomes)
    settled = sum(one.settled for one in outcomes) / len(outcomes)
    return (
        "all",
        "",
        f"{found}/{found + missed}",
        str(sum(len(one.false_fails) for one in outcomes)),
        str(sum(len(one.false_passes) for one in outcomes)),
        str(sum(len(one.open_rows) for one in outcomes)),
        f"{settled:.0%}",
        f"{sum(one.seconds for one in outcomes):.0f}",
    )


def report(outcomes: Sequence[Outcome]) -> None:
    """Print what is wrong with each run, the rows that differ between runs, and the table."""
    console = Console(soft_wrap=True, highlight=False)
    for line in (line for one in outcomes for line in _faults(one)):
        console.print(line, markup=False)
    for line in _differing(outcomes):
        console.print(line, markup=False)
    if outcomes:
        table = Table(*COLUMNS, box=None)
        for one in outcomes:
            table.add_row(*_cells(one))
        table.add_row(*_total(outcomes))
        console.print(table)


def _faults(one: Outcome) -> Iterator[str]:
    name = f"{one.device} ({one.configuration})"
    yield from (f"{name}: false PASS {_shown(row)}" for row in one.false_passes)
    yield from (f"{name}: false FAIL {_shown(row)}" for row in one.false_fails)
    yield from (f"{name}: missed {finding.case}[{finding.row}]: {finding.about}" for finding in one.missed)


def _shown(row: JudgedRow) -> str:
    return f"{row.name}: {row.reason}"


def _differing(outcomes: Iterable[Outcome]) -> Iterator[str]:
    runs: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        runs.setdefault((one.device, one.configuration), []).append(one)
    for (device, configuration), same in runs.items():
        yield from (f"{device} ({configuration}): differs between runs: {line}" for line in differences(same))


def write_page(page: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the table to the end of the page, in place of the table that is there."""
    kept = page.read_text("utf-8").partition(_HEADER)[0] if page.is_file() else ""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_cells, outcomes), *([_total(outcomes)] if outcomes else [])]
    page.write_text(kept + "".join(f"| {' | '.join(row)} |\n" for row in rows), "utf-8")
