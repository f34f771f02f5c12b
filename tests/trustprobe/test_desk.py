"""A run on a bench that the command did not start: what it writes, and what a power cut in the middle makes of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reports import notations
from virtual_lab.reference.namespace import available

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(available() is not None, reason=f"no network namespaces here: {available()}"),
]


def desk(folder: Path, *trigger: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the desk says of the run, and results.json."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.trustprobe.desk", str(folder), *trigger],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), json.loads((folder / "out" / "latest" / "results.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("desk")
    return folder, *desk(folder)


# Redundant with the run of the hardened device in tests/detection, except for the bench file.
@pytest.mark.thorough
def test_a_bench_of_the_users_own_is_judged_like_the_one_that_ships(
    whole: tuple[Path, dict[str, Any], dict[str, Any]],
) -> None:
    poor = {one["id"]: one["reason"] for one in whole[2]["cases"] if one["verdict"] not in {"PASS", "NOT_APPLICABLE"}}
    assert whole[1]["exit_code"] == 0, poor
    assert whole[2]["overall"] == "CONFORMING"


@pytest.mark.thorough
def test_no_secret_of_the_bench_is_in_any_file_of_the_run(whole: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    folder, said, _ = whole
    assert len(said["secrets"]) == 6
    wanted = [notation for secret in said["secrets"] for notation in notations.plain(secret) | notations.whole(secret)]
    files = [path for path in (folder / "out").rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 100
    holding = [str(path) for path in files if any(one in path.read_bytes() for one in wanted)]
    assert not holding


def in_order(results: dict[str, Any]) -> list[str]:
    """Return the verdicts of all rows, in the order in which they ran."""
    rows = [(case["id"], row) for case in results["cases"] for row in case["rows"]]
    return [verdict for _, _, verdict in sorted((row["started"], name, row["verdict"]) for name, row in rows)]


def test_a_device_that_loses_power_in_the_middle_gets_no_verdict_on_its_silence(tmp_path: Path) -> None:
    said, results = desk(tmp_path, "credentials.default.ssh [root]", "may_not_switch")
    assert said["triggered"]
    assert said["exit_code"] == 2
    assert "the device does not answer" in results["reason"]
    verdicts = in_order(results)
    assert set(verdicts[-5:]) <= {"INCONCLUSIVE", "ERROR"}
    assert "FAIL" not in verdicts


@pytest.mark.thorough
@pytest.mark.parametrize("trigger", ["credentials.default.ssh [root]", "log.emits.login_success"])
def test_a_device_that_loses_power_is_switched_on_again_and_the_run_continues(trigger: str, tmp_path: Path) -> None:
    said, results = desk(tmp_path, trigger)
    assert said["triggered"]
    assert said["exit_code"] == 2
    verdicts = in_order(results)
    assert "FAIL" not in verdicts
    assert set(verdicts[-5:]) == {"PASS"}
    effort = [case["reason"] for case in results["cases"] if "It answered again after a power cycle" in case["reason"]]
    assert len(effort) == 1
