"""Judges the field devices and compares the results with the truth: `python -m virtual_lab.field [DEVICE ...]`.

Exit code 0 if no run has a false PASS or a false FAIL, 1 if one has, 2 if a device could not be judged.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trustprobe.errors import BenchError, TrustprobeError
from trustprobe.place import python
from virtual_lab.field.compare import Outcome, compare, read_rows
from virtual_lab.field.device import CONFIGURATIONS, FOLDER, FieldDevice, names
from virtual_lab.field.software import file_system
from virtual_lab.field.table import report, write_page

SECONDS: Final = 900.0
"""The longest time for one device: ten times what a run may take on an idle machine."""


@dataclass(frozen=True)
class _Job:
    device: FieldDevice
    configuration: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.device.name}-{self.configuration}-{self.number}"


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m virtual_lab.field", description=__doc__)
    parser.add_argument("device", nargs="*", help=f"one of {', '.join(names())}; the default is all of them")
    parser.add_argument("--configuration", choices=CONFIGURATIONS, help="only this one; the default is both")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="judge each N times and name what differs")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="judge N devices at a time")
    parser.add_argument("--markdown", type=Path, metavar="PAGE", help="write the table into this page")
    parser.add_argument("--out", type=Path, default=Path("out/field"), help="the folder for the run folders")
    parser.add_argument("--devices", type=Path, default=FOLDER, help="the folder with the devices")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge what the options name, print the table, and return the exit code."""
    given = options(arguments)
    devices = [FieldDevice(name, given.devices) for name in given.device or names(given.devices)]
    wanted = [given.configuration] if given.configuration else CONFIGURATIONS
    jobs = [_Job(one, word, number) for one in devices for word in wanted for number in range(given.repeat)]
    failed = threading.Event()

    def done(job: _Job) -> Outcome | None:
        try:
            return _judge(job, given.out)
        except TrustprobeError as error:
            print(error, file=sys.stderr)
            failed.set()
            return None

    with ThreadPoolExecutor(given.jobs) as pool:
        outcomes = [one for one in pool.map(done, jobs) if one is not None]
    report(outcomes)
    if given.markdown:
        write_page(given.markdown, outcomes)
    if failed.is_set():
        return 2
    return 1 if any(one.false_passes or one.false_fails for one in outcomes) else 0


def _judge(job: _Job, out: Path) -> Outcome:
    """Judge one device in a process of its own. BenchError if that leaves no results."""
    folder = out / job.name
    folder.mkdir(parents=True, exist_ok=True)
    latest = folder / "latest"
    latest.unlink(missing_ok=True)
    wanted = {
        "parent": os.getpid(),
        "device": job.device.name,
        "devices": str(job.device.folder.parent),
        "configuration": job.configuration,
        "root": str(file_system(job.device.file.software)),
        "out": str(folder.resolve()),
    }
    try:
        done = subprocess.run(
            [*python("virtual_lab.field.judge"), json.dumps(wanted)],
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{job.name} was not judged within {SECONDS:.0f} s.", f"See {folder}.") from None
    if done.returncode not in {0, 1, 2} or not (latest / "results.json").is_file():
        raise BenchError(f"{job.name} was not judged (exit code {done.returncode}).", f"See {folder}.")
    rows, seconds = read_rows(latest)
    outcome = compare(job.device, job.configuration, rows, seconds)
    print(f"{job.name}: {seconds:.0f} s", file=sys.stderr)
    return outcome


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TrustprobeError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
