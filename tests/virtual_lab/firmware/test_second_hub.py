"""The second hub leaves the processor to the first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from virtual_lab.firmware.second import YIELDING

GROUP = Path("/proc/self/autogroup")
SHOW = f"import os, pathlib; p = pathlib.Path('{GROUP}'); print(os.nice(0), p.read_text() if p.exists() else '')"


def run() -> list[str]:
    done = subprocess.run(
        [*YIELDING, sys.executable, "-c", SHOW], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return done.stdout.split()


def test_its_program_is_nicer_than_the_others() -> None:
    assert int(run()[0]) == min(19, os.nice(0) + 10)


@pytest.mark.skipif(not GROUP.exists(), reason="this kernel gives sessions no share of their own")
def test_its_session_is_nicer_than_the_others() -> None:
    assert run()[1:][-2:] == ["nice", "10"]
