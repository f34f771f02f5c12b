"""Runs the virtual device with a planted defect through the command's own code, one capability at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reports.results import Results
from trustprobe.cli.run import Options, judge, read_results

Run = Callable[..., Results]


@pytest.fixture(scope="session")
def run_device(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Judge the reference device, and return the results."""

    def run(*defects: str, profile: str = "device_interfaces", **options: object) -> Results:
        out = tmp_path_factory.mktemp("out")
        chosen = Options("reference", None, profile, Path(out), defects)
        for name, value in options.items():
            chosen = _with(chosen, name, value)
        chosen.check()
        return read_results(judge(chosen, quiet=True))

    return run


def _with(options: Options, name: str, value: object) -> Options:
    return Options(**{**vars(options), name: value})
