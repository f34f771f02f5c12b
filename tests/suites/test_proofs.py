"""Every assertion of every case has a test in which it alone fails."""

import json
import os
import subprocess
import sys

import pytest

from tests.suites import proofs
from tests.suites.made_up import ROOT, assertions


@pytest.fixture(scope="module")
def unproven(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The assertions without a proof, as `file:line`: the tests of the capabilities run once, in one process."""
    found = tmp_path_factory.mktemp("proofs") / "proofs.json"
    folders = [str(path) for path in sorted((ROOT / "tests" / "suites").iterdir()) if (path / "__init__.py").is_file()]
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "tests.suites.proofs", *folders]
    environment = {**os.environ, proofs.FILE: str(found)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    proven = {f"{path}:{line}" for path, line in json.loads(found.read_text("utf-8"))}
    stated = {
        f"{path.relative_to(ROOT)}:{assertion.lineno}"
        for path in (ROOT / "suites").rglob("test_*.py")
        for assertion in assertions(path)
    }
    return stated - proven


def test_every_assertion_of_a_case_fails_alone_in_a_test(unproven: set[str]) -> None:
    lines = "".join(f"\n  {one}: add it to tests/{one.split(':')[0]}" for one in sorted(unproven))
    assert not unproven, (
        f"no test in which the assertion alone fails (tests/suites/README.md says how to write one):{lines}"
    )
