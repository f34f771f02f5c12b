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
import yaml

from lab_config.rules import CaseRule
from virtual_lab.defects import Defect

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
ROOMS = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "trustprobe", "virtual_lab")
FLAW = "ssh_late_compression"
KIT = ("__init__.py", "suites/__init__.py", "suites/made_up.py")
PROFILE = "lab_config/profiles/cyber_trust_mark.yaml"


def block(language: str, number: int = 0) -> str:
    """Return a code block of a language, as a reader would copy it."""
    found = re.findall(rf"^   ```{language}\n(.*?)^   ```$", TEXT, re.MULTILINE | re.DOTALL)
    return "".join(line.removeprefix("   ") for line in found[number].splitlines(keepends=True))


def insert(path: Path, mark: str, lines: str) -> None:
    """Put lines after the mark, which must be there once."""
    text = path.read_text("utf-8")
    assert text.count(mark) == 1, f"{path} holds {mark!r} {text.count(mark)} times"
    path.write_text(text.replace(mark, mark + lines), "utf-8")


def named(pattern: str) -> str:
    """Return a path that the page names."""
    found = re.search(pattern, " ".join(TEXT.split()))
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A scratch copy of the tree with the case, its flaw planted, and a twin that looks for what no device offers."""
    tree = tmp_path_factory.mktemp("scratch")
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tree / name)
    case, rule, flaw, behaviour = block("python"), block("yaml"), block("yaml", 1), block("python", 1)
    file = tree / named(r"here as `(suites/\S+\.py)`")
    file.write_text(case, "utf-8")
    twin = (
        case.replace("ssh.compression", "ssh.twin").replace("def test_", "def test_twin_").replace('"zlib@', '"gzip@')
    )
    file.with_name("test_ssh_twin.py").write_text(twin, "utf-8")
    insert(tree / PROFILE, "\ncases:\n", rule + rule.replace("ssh.compression", "ssh.twin"))
    insert(tree / named(r"`defects` of `(virtual_lab/\S+\.yaml)`"), "\ndefects:\n", flaw)
    insert(tree / named(r"of `(virtual_lab/\S+\.py)`"), "        self.local_version = IDENTIFICATION\n", behaviour)
    options = ["--defect", FLAW, "--capability", "data_protection", "--no-html"]
    done = subprocess.run(
        [sys.executable, "-m", "trustprobe.cli.main", "run", *options],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    results = tree / "out" / "latest" / "results.json"
    assert results.is_file(), done.stdout + done.stderr
    return {entry["id"]: entry for entry in json.loads(results.read_text("utf-8"))["cases"]}


def test_the_case_of_contributing_finds_the_flaw_of_contributing(judged: dict[str, Any]) -> None:
    case = judged["ssh.compression"]
    assert (case["verdict"], case["strength"], case["capability"]) == ("FAIL", "advisory", "data_protection")
    assert case["reason"] == "offers zlib@openssh.com, none"
    assert case["observations"][0]["probe"].startswith("ssh_algorithms.")


def test_no_other_case_finds_it_and_one_that_looks_for_something_else_passes(judged: dict[str, Any]) -> None:
    assert [name for name, case in judged.items() if case["verdict"] == "FAIL"] == ["ssh.compression"]
    assert judged["ssh.twin"]["verdict"] == "PASS"


def test_the_rule_of_contributing_is_one_and_its_reading_is_whole_up_to_its_comma_and_beyond() -> None:
    (rule,) = yaml.safe_load(textwrap.dedent(block("yaml"))).values()
    read = CaseRule.model_validate(rule)
    assert read.reading == re.search(r'reading: "(.*)"', block("yaml"))[1]  # type: ignore[index]
    assert read.reading is not None and "," in read.reading


def test_the_flaw_of_contributing_is_one() -> None:
    ((name, flaw),) = yaml.safe_load(textwrap.dedent(block("yaml", 1))).items()
    assert (name, Defect.model_validate(flaw).fails) == (FLAW, ("ssh.compression",))


def test_the_page_says_how_many_files_a_case_touches() -> None:
    steps = TEXT[TEXT.index("## A case") : TEXT.index("## A driver")]
    files = set(re.findall(r"`((?:suites|lab_config|virtual_lab)/\S+\.(?:py|yaml))`", steps))
    assert len(files) == 4
    assert "A case touches four files" in steps


def test_the_block_is_as_the_style_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "block.py"
    path.write_text(block("python"), "utf-8")
    for words in (["check"], ["format", "--diff"]):
        command = [sys.executable, "-m", "ruff", *words, "--config", str(ROOT / "pyproject.toml"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_shown_proof_proves_the_shown_case(tmp_path: Path) -> None:
    rooms = (*(room for room in ROOMS if room != "suites"), "suites/data_protection", "tests/suites/data_protection")
    for room in rooms:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=ignored)
    for name in ("pyproject.toml", "suites/__init__.py", *(f"tests/{one}" for one in KIT)):
        shutil.copy(ROOT / name, tmp_path / name)
    case, path = named(r"here as `(suites/\S+\.py)`"), named(r"here in `(tests/suites/\S+\.py)`")
    (tmp_path / case).write_text(block("python"), "utf-8")
    (tmp_path / path).write_text(block("python", 2), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
