import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
CAPABILITY = "interface_access_control"


@contextmanager
def judging(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A run on the stand-in that has judged its first row."""
    options: dict[str, object] = {
        "bench": "firmware",
        "product": None,
        "profile": "cyber_trust_mark",
        "out": str(folder / "out"),
        "operator": "tester",
        "defects": [],
        "capabilities": [CAPABILITY],
        "unpowered": False,
        "loopback": True,
        "verbose": True,
    }
    script = "tests.virtual_lab.firmware.judging"
    command = [sys.executable, "-m", script, json.dumps(options), str(folder / "handover"), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_verdict(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.split(" ", 1)[0] in {"PASS", "FAIL", "INCONCLUSIVE", "ERROR"}:
            return
    pytest.fail(f"the run ended before its first verdict: {said}")


def end(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    process.stdout.read()
    return process.wait(60)


def results(folder: Path) -> dict[str, Any]:
    run = Path((folder / "handover").read_text("utf-8"))
    read: dict[str, Any] = json.loads((run / "results.json").read_text("utf-8"))
    return read


def machine(process: subprocess.Popen[str]) -> psutil.Process:
    family = psutil.Process(process.pid).children(recursive=True)
    return next(one for one in family if "stand_in_qemu" in " ".join(one.cmdline()))


def test_a_machine_that_is_killed_in_the_middle_passes_nothing_and_keeps_the_evidence(tmp_path: Path) -> None:
    with judging(tmp_path) as process:
        first_verdict(process)
        machine(process).kill()
        assert end(process) == 2
    cases = [case for case in results(tmp_path)["cases"] if case["capability"] == CAPABILITY]
    verdicts = {row["verdict"] for case in cases for row in case["rows"]}
    assert "PASS" not in verdicts
    assert verdicts & {"ERROR", "INCONCLUSIVE"}
    kept = Path((tmp_path / "handover").read_text("utf-8"))
    assert list(kept.glob("evidence/*"))
    assert {log.name for log in kept.glob("lab_*.log")} == {"lab_console.log", "lab_qemu.log"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_run_that_is_interrupted_or_killed(number: signal.Signals, tmp_path: Path) -> None:
    with judging(tmp_path) as process:
        first_verdict(process)
        family = psutil.Process(process.pid).children(recursive=True)
        assert machine(process) in family
        process.send_signal(number)
        end(process)
    _, alive = psutil.wait_procs(family, timeout=600)
    assert not alive
    if number == signal.SIGTERM:  # of a run that the signal did not reach, nothing is left either, minutes later
        assert "interrupted" in results(tmp_path)["reason"]
