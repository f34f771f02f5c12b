"""Runs a lab of the tests in a network namespace of its own, and returns what it says."""

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[3]


@functools.cache
def are_permitted() -> bool:
    """Whether this user may have network namespaces here."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-Urn", "true"], capture_output=True).returncode == 0


def said_by(lab: str, *arguments: str) -> dict[str, Any]:
    """Run the module LAB of this package (`sweep.veth_lab`) and return the JSON object it prints; skip if forbidden."""
    if not are_permitted():
        pytest.skip("this machine does not permit network namespaces without root")
    command = ["unshare", "-Urn", sys.executable, "-m", f"tests.drivers.network.{lab}", *arguments]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result
