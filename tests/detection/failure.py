"""What a failing detection test prints: the flaw, the case and the run folder, in one line per fault and nothing else.

Also a plugin of pytest: whatever the judging process wrote to the terminal is left out of such a failure. It is in the
run folder.
"""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from _pytest.outcomes import Failed

from reports.results import Results, Verdict
from trustprobe.cli.matrix import compare
from virtual_lab.defects import REFERENCE, file_name, register

LONGEST = 160
"""Characters of a reason. The report in the run folder has the rest."""
_FAULTS = {Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.MANUAL, Verdict.NOT_RUN}


class NotAsPlantedError(Failed):
    """Not exactly the cases of the planted flaws failed."""

    def __init__(self, faults: Sequence[str], folder: Path) -> None:
        super().__init__("\n".join([*faults[:-1], f"{faults[-1]}; see {folder}"]), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave the captured output out of a failure that says all that matters."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, NotAsPlantedError):
        report.sections.clear()
    return report


def require_exactly_planted(
    defects: Sequence[str], results: Results, folder: Path, capabilities: Sequence[str], device: str = REFERENCE
) -> None:
    """Raise NotAsPlantedError unless exactly the cases of these flaws failed, among those of the capabilities."""
    outcome = compare(defects, results, capabilities, device)
    owners = {
        name: defect
        for defect in defects
        for name in (*register(device)[defect].fails, *register(device)[defect].leaves_manual)
    }
    faults = [f"{owners[name]}: {name} did not fail: {_came_to(name, results)}" for name in outcome.missed]
    faults += [
        f"{'+'.join(defects)}: {case} failed and is not listed in {file_name(device)}: {_reason(case, results)}"
        for case in outcome.others
    ]
    if faults:
        raise NotAsPlantedError(faults, folder)


def require_no_fault(results: Results, folder: Path) -> None:
    """Raise NotAsPlantedError if a case of the device without a flaw failed or stayed open."""
    faults = [
        f"{case.id} is {case.verdict} on the device without a flaw: {_short(case.reason)}"
        for case in results.cases
        if case.verdict in _FAULTS
    ]
    if faults:
        raise NotAsPlantedError(faults, folder)


def _came_to(name: str, results: Results) -> str:
    """Return the verdict of a case or of one row of it, with the reason."""
    case, _, row = name.partition("[")
    for entry in results.cases:
        if entry.id == case and not row:
            return _judged(entry.verdict, entry.reason)
        for one in entry.rows if entry.id == case else ():
            if one.id == row.removesuffix("]"):
                return _judged(one.verdict, one.reason)
    return "the run has no such row" if row else "the run has no such case"


def _judged(verdict: Verdict, reason: str) -> str:
    return f"{verdict} ({_short(reason)})" if reason else str(verdict)


def _reason(case: str, results: Results) -> str:
    return next(_short(entry.reason) for entry in results.cases if entry.id == case)


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
