"""The output during a run: the case, what a long probe is doing and how far it is.

On a terminal, the last line is rewritten. Elsewhere (CI, a file), a line now and then shows how far the run is. With
`verbose`, each verdict is a line. This replaces pytest's own terminal output.
"""

import time
from typing import TextIO

import pytest

from reports.results import Verdict
from trustprobe.errors import HarnessError, TrustprobeError
from trustprobe.judging.case import case_of, row_of
from trustprobe.judging.judge import Judge
from trustprobe.judging.plugin import JUDGE
from trustprobe.judging.unexpected import let_go, sentence_for

QUIET_SECONDS = 5.0
"""Without a terminal, a line shows this often how far the run is."""
MOVING_SECONDS = 0.1
_COLOUR = {Verdict.PASS: "32", Verdict.FAIL: "31;1", Verdict.ERROR: "35;1"}


class Progress:
    """The reporter of a judging run. `file` is a duplicate of standard output, which pytest captures."""

    def __init__(self, file: TextIO, *, verbose: bool = False) -> None:
        self.file = file
        self._verbose = verbose
        self.judge: Judge | None = None
        self.broken: TrustprobeError | None = None
        """The error that ended the run before its last case."""
        self._unread = False
        self._moving = file.isatty()
        self._shown = 0.0
        self._case = ""
        self._done = 0
        self._total = 0

    def report(self, _probe: str, done: int, total: int, what: str) -> None:
        """Show how far a probe is; the probe calls it as often as it likes."""
        if self._is_due():
            self._move(f"{self._case}: {what} ({done:,} of {total:,})")

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._shown < (MOVING_SECONDS if self._moving else QUIET_SECONDS):
            return False
        self._shown = now
        return True

    def _move(self, text: str) -> None:
        counted = f"[{self._done + 1}/{self._total}] {text}"
        self._write(f"\r\x1b[K{counted[:100]}" if self._moving else f"  ... {counted}\n")

    def _line(self, verdict: Verdict, text: str) -> None:
        word = f"{verdict:<14}"
        if self._moving:
            word = f"\r\x1b[K\x1b[{_COLOUR.get(verdict, '33')}m{word}\x1b[0m"
        self._write(f"{word} {text}\n")

    def _write(self, text: str) -> None:
        """Print, until the output is closed or full. The run does not depend on its reader."""
        if self._unread:
            return
        try:
            self.file.write(text)
            self.file.flush()
        except (OSError, ValueError):
            self._unread = True
            let_go(self.file)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take the place of pytest's terminal."""
        config.pluginmanager.unregister(name="terminalreporter")
        self.judge = config.stash.get(JUDGE, None)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many rows there are."""
        self._total = len(session.items)

    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Name the case that begins."""
        entry = case_of(item)
        row = row_of(item)
        self._case = f"{entry.id if entry else item.name}{f' [{row}]' if row else ''}"
        if self._verbose:  # the line of the verdict names the case: nothing is due yet
            self._shown = time.monotonic()
        if self._moving or self._is_due():
            self._move(self._case)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Print the verdict of the row that ended, if every verdict is wanted."""
        self._done += 1
        if not self._verbose or self.judge is None or (judgement := self.judge.judgements.get(nodeid)) is None:
            return
        reason = f"  {judgement.reason}" if judgement.reason else ""
        self._line(judgement.verdict, f"{self._case:<44} {judgement.seconds:6.2f} s{reason}")

    def pytest_sessionfinish(self) -> None:
        """Leave the moving line."""
        if self._moving:
            self._write("\r\x1b[K")

    def pytest_internalerror(self, excrepr: object, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what broke off the run. The command prints it as one sentence."""
        error = excinfo.value
        self.broken = error if isinstance(error, TrustprobeError) else sentence_for(error)
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a suite could not be read. The command prints it as one sentence."""
        if report.failed:
            why = " ".join((report.longreprtext.strip().splitlines() or ["unknown"])[-1].split())
            self.broken = HarnessError(f"{report.nodeid} cannot be read: {why}.", "Report this fault.")
