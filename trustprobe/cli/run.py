"""`trustprobe run`, outside: a separate process judges. This one waits for it, then writes the reports.

The judging process may run in a network namespace, where no package can be fetched, and it may be killed. Only its
files in the run folder count.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console

from lab_config.load import find, load, peek
from lab_config.product import Product
from reports.allure_report import generate_html
from reports.results import Results
from reports.summary import write_summary
from reports.terminal import print_summary
from trustprobe.cli.guard import UNEXPECTED, say
from trustprobe.cli.inside import STOP_SECONDS
from trustprobe.errors import ConfigurationError, HarnessError, TrustprobeError
from trustprobe.judging.case import require_capabilities
from trustprobe.judging.lock import user_name
from trustprobe.judging.run import load_profile
from trustprobe.judging.unexpected import let_go, sentence_for
from trustprobe.place import python
from virtual_lab.defects import require_defects


@dataclass(frozen=True)
class RunOptions:
    """The options of one run."""

    bench: str
    product: str | None
    profile: str
    out: Path
    defects: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    """The only capabilities that are run. If it is empty, all of them are run."""
    unpowered: bool = False
    loopback: bool = False
    verbose: bool = False
    """Print every row and every case."""

    def check(self) -> None:
        """Read what can be read before anything is started. ConfigurationError for the first mistake."""
        load_profile(self.profile)
        require_capabilities(self.capabilities)
        path = find("benches", self.bench)
        virtual = peek(path, "virtual")
        load(find("products", self.product or str(peek(path, "product"))), Product)
        if (self.defects or self.unpowered or self.loopback) and virtual is None:
            raise ConfigurationError(
                f"{path} connects a real device, so these options do not apply to it.",
                "Leave out --defect, --unpowered and --loopback, or use a bench with `virtual`.",
            )
        if virtual is not None:
            require_defects(self.defects, str(virtual))
        _require_writable(self.out)


def _require_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise ConfigurationError(
            f"the output folder {out} is not writable: {error.strerror}.", "Give another folder with --out."
        ) from None


def run_and_report(options: RunOptions, *, html: bool) -> int:
    """Judge, write the reports, print the summary; the exit code is the overall word's."""
    options.check()
    console = Console()
    folder = judge(options)
    results = read_results(folder)
    try:
        if html and (report := generate_html(folder)).path is None:
            console.print(report.note, markup=False)
        elif html:
            write_summary(results, folder)  # once more, with the link to the Allure report
    except (OSError, TrustprobeError) as error:
        say(f"{sentence_for(error)} The results are in {folder}.")
    _print_summary(results, console, folder, verbose=options.verbose)
    return results.exit_code


def _print_summary(results: Results, console: Console, folder: Path, *, verbose: bool) -> None:
    """Print the summary. The verdict is known and stored, so an output that cannot be written does not change it."""
    try:
        print_summary(results, console, folder, verbose=verbose)
        sys.stdout.flush()
    except (OSError, SystemExit) as error:
        let_go(sys.stdout)
        words = sentence_for(error).what if isinstance(error, OSError) else "the output was closed."
        say(f"bench: the summary is not printed: {words} The result is {results.overall}, in {folder}.")


def read_results(folder: Path) -> Results:
    """Read results.json; HarnessError where the judging process left none."""
    try:
        return Results.model_validate_json((folder / "results.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise HarnessError(
            f"the judging process ended without results. Its observations are in {folder / 'evidence'}.",
            "Report this fault with that folder.",
        ) from None


def judge(options: RunOptions, *, quiet: bool = False, running: set[subprocess.Popen[bytes]] | None = None) -> Path:
    """Start the judging process, pass signals on to it, and return the run folder that it created.

    In a thread, signals are not passed on: the caller gives `running`, and ends the processes in it.
    """
    given = {**asdict(options), "out": str(options.out), "operator": user_name(), "parent": os.getpid()}
    with tempfile.TemporaryDirectory(prefix="trustprobe-") as scratch:
        handover = Path(scratch) / "folder"
        command = [*python("trustprobe.cli.inside"), json.dumps(given), str(handover)]
        output = subprocess.DEVNULL if quiet else None
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True) as process:
            with _hand_on_signals(process) if running is None else _listed(process, running):
                code = process.wait()
        if code == UNEXPECTED and not _left_results(handover):
            raise SystemExit(UNEXPECTED)  # the process has said why
        if not handover.is_file():
            raise HarnessError(
                f"the judging process ended with exit code {code} before it began.", "Report this fault."
            )
        return Path(handover.read_text("utf-8"))


def _left_results(handover: Path) -> bool:
    return handover.is_file() and (Path(handover.read_text("utf-8")) / "results.json").is_file()


@contextmanager
def _listed(process: subprocess.Popen[bytes], running: set[subprocess.Popen[bytes]]) -> Iterator[None]:
    running.add(process)
    try:
        yield
    finally:
        running.discard(process)


@contextmanager
def _hand_on_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ctrl-C reaches only this process. It signals the judging process once, which gets time to write its results."""

    asked = threading.Event()

    def hand_on(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            return
        asked.set()
        process.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a shell starts in a script's background
        timer = threading.Timer(STOP_SECONDS, process.kill)
        timer.daemon = True
        timer.start()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` lets a run outlive its terminal
        numbers.append(signal.SIGHUP)
    known = {number: signal.signal(number, hand_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)
