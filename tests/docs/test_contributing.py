"""The case that CONTRIBUTING.md shows is judged when somebody does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
ROOMS = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "trustprobe", "virtual_lab")
PROFILE = "lab_config/profiles/cyber_trust_mark.yaml"


def block(language: str) -> str:
    """Return the first code block of a language, as a reader would copy it."""
    found = re.search(rf"^   ```{language}\n(.*?)^   ```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return "".join(line.removeprefix("   ") for line in found[1].splitlines(keepends=True))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A scratch copy of the tree with the case, and beside it its twin that looks for what every device offers."""
    tree = tmp_path_factory.mktemp("scratch")
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tree / name)
    named = re.search(r"here as `(suites/\S+\.py)`", TEXT)
    assert named is not None
    case, rule = block("python"), block("yaml")
    (tree / named[1]).write_text(case, "utf-8")
    twin = (
        case.replace("ssh.compression", "ssh.twin").replace("def test_", "def test_twin_").replace('"zlib"', '"none"')
    )
    (tree / named[1]).with_name("test_ssh_twin.py").write_text(twin, "utf-8")
    profile = (tree / PROFILE).read_text("utf-8")
    rules = textwrap.dedent(rule).strip()
    both = f"\ncases:\n  {rules}\n  {rules.replace('ssh.compression', 'ssh.twin')}\n"
    assert profile.count("\ncases:\n") == 1
    (tree / PROFILE).write_text(profile.replace("\ncases:\n", both), "utf-8")
    command = [sys.executable, "-m", "trustprobe.cli.main", "run", "--capability", "data_protection", "--no-html"]
    done = subprocess.run(
        command,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    results = tree / "out" / "latest" / "results.json"
    assert results.is_file(), done.stdout + done.stderr
    return {entry["id"]: entry for entry in json.loads(results.read_text("utf-8"))["cases"]}


def test_the_case_of_contributing_is_judged(judged: dict[str, Any]) -> None:
    case = judged["ssh.compression"]
    assert (case["verdict"], case["strength"], case["capability"]) == ("PASS", "advisory", "data_protection")
    assert case["observations"][0]["probe"].startswith("ssh_algorithms.")


def test_a_case_like_it_that_looks_for_what_is_there_fails(judged: dict[str, Any]) -> None:
    assert (judged["ssh.twin"]["verdict"], judged["ssh.twin"]["reason"][:11]) == ("FAIL", "offers none")


def test_the_block_is_as_the_style_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "block.py"
    path.write_text(block("python"), "utf-8")
    for words in (["check"], ["format", "--diff"]):
        command = [sys.executable, "-m", "ruff", *words, "--config", str(ROOT / "pyproject.toml"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
