"""`trustprobe matrix`: runs every case on every defect and on the device without a defect.

A defect is found if each of its cases fails. The outcome is clean if no other case fails. A case that no defect makes
fail proves nothing, so the table names those cases too.
"""

import signal
import subprocess
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.table import Table

from reports.results import Results, Verdict
from trustprobe.cli.kept import KeptRuns
from trustprobe.cli.published import capabilities
from trustprobe.cli.run import RunOptions, judge, read_results
from trustprobe.cli.soundness import HARDENED, DefectOutcome, require_writable, write_page
from trustprobe.errors import ConfigurationError
from virtual_lab.defects import REFERENCE, found_elsewhere, known_failures, register, require_defects, require_judged

_BROKEN: Final = {Verdict.ERROR, Verdict.NOT_RUN}
PROFILE: Final = "cyber_trust_mark"
PROFILES: Final = MappingProxyType({REFERENCE: PROFILE, "firmware": "device_interfaces"})
"""The virtual devices, and the rule book that asks for every case that each can answer."""


def compare(
    defects: Sequence[str],
    results: Results,
    capabilities: Sequence[str] = (),
    device: str = REFERENCE,
    beside: Sequence[str] = (),
) -> DefectOutcome:
    """Compare a run with the register; without a defect, what the register accepts of the hardened device must fail.

    `fails` names cases, or rows as `case[row]`. A case that fails on the hardened device counts for no defect.
    In a run of some capabilities, only their cases are expected to fail. `leaves_manual` names cases that a person
    must review because of the defect: a device that does not answer fails no case. The cases of the defects in
    `beside`, which share the device, are left out.
    """
    entries = [register(device)[defect] for defect in defects]
    elsewhere = {case.id for case in results.cases if capabilities and case.capability not in capabilities}
    own = known_failures(device)
    fails = [name for entry in entries for name in entry.fails] if entries else own
    expected = [name for name in fails if name.split("[", 1)[0] not in elsewhere]
    failed = {case.id: {row.id for row in case.rows if row.verdict is Verdict.FAIL} for case in results.cases}
    missed = [name for name in expected if not _failed(name, failed)]
    manual = {case.id for case in results.cases if case.verdict is Verdict.MANUAL}
    missed += sorted({name for entry in entries for name in entry.leaves_manual} - manual - elsewhere)
    named = {name.split("[", 1)[0] for name in expected}
    theirs = {name.split("[", 1)[0] for defect in beside for name in register(device)[defect].fails} - named
    new = {case: {row for row in rows if not _is_named(case, row, own)} for case, rows in failed.items()}
    others = sorted(case for case, rows in new.items() if rows and (case not in named | theirs or not entries))
    if entries:
        failed = new
    open_cases = [case for case in results.cases if case.verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR}]
    return DefectOutcome(
        defect=", ".join(defects) or HARDENED,
        missed=tuple(missed),
        others=tuple(others),
        inconclusive=len(open_cases),
        failed=tuple(sorted(case for case, rows in failed.items() if rows and case not in theirs)),
    )


def _failed(name: str, failed: dict[str, set[str]]) -> bool:
    case, _, row = name.partition("[")
    return row.removesuffix("]") in failed.get(case, set()) if row else bool(failed.get(case))


def _is_named(case: str, row: str, names: Iterable[str]) -> bool:
    return any(name in {case, f"{case}[{row}]"} for name in names)


def never_failed(outcomes: Iterable[DefectOutcome], results: Results) -> tuple[str, ...]:
    """Name the cases that no defect made fail."""
    found = {case for outcome in outcomes for case in outcome.failed}
    return tuple(sorted({case.id for case in results.cases} - found))


def plans(defects: Sequence[str], device: str, *, own: bool) -> list[tuple[str, ...]]:
    """Return what is planted in each device: one defect, or with `own` in the firmware device what may share it."""
    hardened = [()] if HARDENED in defects else []
    names = [defect for defect in defects if defect != HARDENED]
    if not own or device == REFERENCE:
        return [*hardened, *((name,) for name in names)]
    from virtual_lab.firmware.sharing import groups

    return [*hardened, *groups({name: register(device)[name] for name in names}, capabilities)]


def run_matrix(
    out: Path,
    wanted: tuple[str, ...],
    jobs: int,
    markdown: Path | None = None,
    *,
    device: str = REFERENCE,
    own: bool = False,
    hardened: bool = False,
    resume: bool = False,
) -> int:
    """Run each defect, `jobs` at a time, print the table, and return 0 when every one is found and nothing else.

    `markdown` is a page to write the table into (see `soundness.py`). With `own`, a defect is run with the cases of
    those capabilities only that must find it, in a device that it may share with others (see `plans`). The reference
    device has to have a defect for every case that no other device has one for. Beside `wanted` defects, `hardened`
    asks the device without one. With `resume`, what an earlier matrix found with the same software is not asked again
    (see `kept.py`).
    """
    if device not in PROFILES:
        raise ConfigurationError(f"there is no virtual device {device!r}.", f"Give one of {', '.join(PROFILES)}.")
    require_defects(wanted, device)
    require_judged(wanted, device)
    if markdown is not None:
        require_writable(markdown)
    defects = [*([HARDENED] if hardened or not wanted else []), *(wanted or register(device))]
    console = Console()
    asking = _Asking(out, device, own, console, KeptRuns(resume=resume))
    with ThreadPoolExecutor(jobs) as pool:
        try:
            done = [pair for pairs in pool.map(asking.one, plans(defects, device, own=own)) for pair in pairs]
        except BaseException:
            asking.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    outcomes = [outcome for outcome, _ in done]
    asked = {case.id for case in done[0][1].cases}
    idle = () if wanted or own else never_failed(outcomes, done[0][1])
    if markdown is not None:
        write_page(markdown, outcomes, asked, idle)
    held = _shown(console, outcomes, idle)
    return 0 if held and not (device == REFERENCE and set(idle) - found_elsewhere(device)) else 1


class _Asking:
    """Judges devices, each in a process of its own, until it is stopped."""

    def __init__(self, out: Path, device: str, own: bool, console: Console, kept: KeptRuns) -> None:
        self._out, self._device, self._own, self._console, self._kept = out, device, own, console, kept
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = threading.Event()

    def one(self, planted: tuple[str, ...]) -> list[tuple[DefectOutcome, Results]]:
        """Judge the device with these flaws; where one of them is not as expected, each in a device of its own."""
        done = self._ask(planted)
        if len(done) > 1 and not all(outcome.holds for outcome, _ in done):
            done = [pair for name in planted for pair in self._ask((name,))]  # one flaw may hide another
        for outcome, _ in done:
            word = "found" if outcome.holds else "NOT AS EXPECTED"
            self._console.print(f"{word:<16} {outcome.defect}", markup=False, highlight=False)
        return done

    def stop(self) -> None:
        """End the runs as Ctrl-C does, and start no others."""
        self._stopped.set()
        for process in list(self._running):
            process.send_signal(signal.SIGTERM)

    def _ask(self, planted: tuple[str, ...]) -> list[tuple[DefectOutcome, Results]]:
        if self._stopped.is_set():
            raise CancelledError
        asked = capabilities(register(self._device)[planted[0]]) if self._own and planted else ()
        folder = self._out / "+".join(planted or (HARDENED,)).strip("()")
        options = RunOptions(self._device, None, PROFILES[self._device], folder, planted, asked)
        if (results := self._kept.results(options)) is not None:
            return self._compared(planted, asked, results)
        self._kept.forget(options)
        run = judge(options, quiet=True, running=self._running)
        if self._stopped.is_set():
            raise CancelledError
        results = read_results(run)
        done = self._compared(planted, asked, results)
        if all(outcome.holds for outcome, _ in done) and not any(case.verdict in _BROKEN for case in results.cases):
            self._kept.keep(options, run)
        return done

    def _compared(
        self, planted: tuple[str, ...], asked: Sequence[str], results: Results
    ) -> list[tuple[DefectOutcome, Results]]:
        if not planted:
            return [(compare((), results, asked, self._device), results)]
        return [(compare((name,), results, asked, self._device, planted), results) for name in planted]


def _shown(console: Console, outcomes: Sequence[DefectOutcome], idle: Sequence[str]) -> bool:
    """Print the table and the count; whether every outcome is as expected."""
    console.print(_table(outcomes))
    if idle:
        console.print(f"No defect makes these cases fail: {', '.join(idle)}", markup=False)
    held = sum(outcome.holds for outcome in outcomes)
    console.print(f"{held} of {len(outcomes)} are as expected", markup=False)
    return held == len(outcomes)


def _table(outcomes: Iterable[DefectOutcome]) -> Table:
    table = Table("defect", "failed", "missed", "not expected", "open")
    for outcome in outcomes:
        columns = (outcome.failed, outcome.missed, outcome.others)
        table.add_row(outcome.defect, *("\n".join(column) for column in columns), str(outcome.inconclusive))
    return table
