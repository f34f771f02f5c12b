"""A row of the benchmark: what was done, by us and by the peer, and whether it holds."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

COLUMNS = "work | ours | peer | ratio | target | holds"


@dataclass(frozen=True)
class Row:
    """One line; `holds` is more than the ratio where something must not be missed."""

    work: str
    ours: str
    peer: str
    ratio: float | None
    target: str
    holds: bool
    findings: Sequence[tuple[str, Iterable[str]]] = ()
    """Lists of findings with their titles, printed below the line."""

    def line(self) -> str:
        """Return the row as it is printed, with a line below it for each list of findings."""
        ratio = "-" if self.ratio is None else f"{self.ratio:.3g}"
        word = "holds" if self.holds else "FALLS SHORT"
        lists = [f"\n    {title}: {'; '.join(sorted(found)) or 'nothing'}" for title, found in self.findings]
        return " | ".join([self.work, self.ours, self.peer, ratio, self.target, word]) + "".join(lists)


Measure = Callable[[], Sequence[Row]]
"""Measures, and returns the rows that came of it."""


def median(values: Sequence[float]) -> float:
    """Return the middle of what was measured."""
    return statistics.median(values)


def in_every(rounds: Iterable[Iterable[str]]) -> frozenset[str]:
    """Return what was found in every round."""
    return frozenset[str].intersection(*map(frozenset[str], rounds))
