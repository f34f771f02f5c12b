"""Runs the virtual device with a planted defect through the command's own code, one capability at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.results import Results
from tests.detection.failure import pytest_runtest_makereport as pytest_runtest_makereport
from trustprobe.cli.run import RunOptions, judge, read_results


@dataclass(frozen=True)
class Judged:
    """The results of a run, and its folder."""

    results: Results
    folder: Path


JudgeDevice = Callable[..., Judged]
Run = Callable[..., Results]


@pytest.fixture(scope="session")
def judge_device(tmp_path_factory: pytest.TempPathFactory) -> JudgeDevice:
    """Judge the reference device, and return the results with the run folder."""

    def run(*defects: str, profile: str = "device_interfaces", **options: object) -> Judged:
        out = tmp_path_factory.mktemp("out")
        chosen = RunOptions("reference", None, profile, Path(out), defects)
        for name, value in options.items():
            chosen = _with(chosen, name, value)
        chosen.check()
        folder = judge(chosen, quiet=True)
        return Judged(read_results(folder), folder)

    return run


@pytest.fixture(scope="session")
def run_device(judge_device: JudgeDevice) -> Run:
    """Judge the reference device, and return the results."""
    return lambda *defects, **options: judge_device(*defects, **options).results


def _with(options: RunOptions, name: str, value: object) -> RunOptions:
    return RunOptions(**{**vars(options), name: value})
