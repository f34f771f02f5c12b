"""What became of the mutants: the rows of the table, and the page of the documentation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.mutants.mutant import Mutant
from tests.mutants.targets import Equivalent

PAGE = """# Mutants

A mutant is a copy of the code with one deliberate fault: a reversed comparison, an operand of `and` removed,
a number changed, an assertion removed. A mutant is killed if the tests of its file fail. A mutant that
survives shows a line that no test proves.

`make mutants` mutates the cases, the judging engine, and the errors, observations and paths that everything
else imports. Each file is tested only by its own tests. `make mutants SINCE=origin/main` mutates what changed
since that revision. CI does the same for each change. It fails if a mutant survives that is not on the list
of equivalent mutants below.

cosmic-ray (MIT licence) makes the mutations. `tests/mutants/operators.py` states which of its operators are
used, and adds those that it lacks. The mutations leave out texts, the clauses that a case covers, and what
mypy checks: annotations, types, protocols, `@dataclass(...)`, and which arguments are given by name.

## Figures

This table is written by `make mutants PAGE=docs/mutants.md`. If only some files are mutated, the
figures of the other files stay.

{table}

## Equivalent mutants

An equivalent mutant behaves like the original, so no test can kill it. The list is in `tests/mutants/equivalent.yaml`.

{equivalent}
"""


Figures = Mapping[str, tuple[int, int, int, int]]
"""For each file: its mutants, and those that were killed, survived, and are equivalent."""


@dataclass
class Row:
    """One file: how many mutants it has, and what became of them."""

    file: str
    known: list[Equivalent]
    mutants: int = 0
    killed: int = 0
    survived: list[Mutant] = field(default_factory=list)
    equivalent: list[Mutant] = field(default_factory=list)
    seconds: float = 0.0
    broken: str = ""

    @property
    def judged(self) -> int:
        """Mutants of which it is known what became of them."""
        return self.killed + len(self.survived) + len(self.equivalent)

    def note(self, mutant: Mutant, *, survived: bool, seconds: float) -> None:
        """Count one mutant."""
        self.seconds += seconds
        if not survived:
            self.killed += 1
        elif any(entry.describes(mutant) for entry in self.known):
            self.equivalent.append(mutant)
        else:
            self.survived.append(mutant)

    @property
    def stale(self) -> list[Equivalent]:
        """Entries of the list that no surviving mutant is like."""
        if self.broken:
            return []
        return [entry for entry in self.known if not any(entry.describes(mutant) for mutant in self.equivalent)]


def figures(rows: Sequence[Row]) -> Figures:
    """Return for each file how many mutants it has, were killed, survived, and are equivalent."""
    return {row.file: (row.mutants, row.killed, len(row.survived), len(row.equivalent)) for row in rows}


def table(known: Figures) -> str:
    """Return the figures as a table in Markdown."""
    lines = ["| file | mutants | killed | survived | equivalent |", "|---|---:|---:|---:|---:|"]
    lines += [_line(file, numbers) for file, numbers in known.items()]
    return "\n".join([*lines, _line("**all**", [sum(column) for column in zip(*known.values(), strict=True)])])


def _line(file: str, numbers: Sequence[int]) -> str:
    return f"| {' | '.join([file, *map(str, numbers)])} |"


def figures_of(text: str) -> Figures:
    """Return the figures that a page shows."""
    lines = re.findall(r"^\| (\S+\.py) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    return {file: (int(all_), int(killed), int(survived), int(same)) for file, all_, killed, survived, same in lines}


def page(rows: Sequence[Row], known: Sequence[Equivalent], files: Sequence[str], before: str = "") -> str:
    """Return docs/mutants.md for these files. `before` is its text so far: other files keep their figures."""
    measured = {**figures_of(before), **figures(rows)}
    parts = []
    for entry in sorted(known, key=lambda entry: entry.file):
        old = [f"-{line}" for line in entry.was.rstrip().splitlines()]
        new = [f"+{line}" for line in entry.becomes.rstrip().splitlines()]
        parts.append("\n".join([f"{entry.file}: {entry.reason}", "", "```diff", *old, *new, "```"]))
    shown = table({file: measured[file] for file in files if file in measured})
    return PAGE.format(table=shown, equivalent="\n\n".join(parts) or "None.")
