"""The wheel, installed in an environment of its own, judges the reference device in an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trustprobe.cli.published import published
from trustprobe.judging.case import applies
from trustprobe.judging.run import load_profile

pytestmark = pytest.mark.thorough
ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
TREE = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "virtual_lab")
"""Of these, PyPI has packages of the same name for at least drivers and fixtures."""


def done(*command: str | Path, cwd: Path = ROOT, seconds: float = 120, code: int = 0) -> str:
    """Run a program to its end; return what it printed."""
    environment = ENVIRONMENT | {"UV_SYSTEM_CERTS": "true"}
    ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=seconds)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("trustprobe-*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the source distribution, as an index would get both."""
    folder = tmp_path_factory.mktemp("dist")
    done(UV, "build", "--quiet", "--out-dir", folder)
    return wheel_in(folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the locked dependencies, and the wheel as the last package."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "venv"
    locked = folder / "requirements.txt"
    done(UV, "export", "--quiet", "--locked", "--no-dev", "--no-emit-project", "--output-file", locked)
    done(UV, "venv", "--quiet", "--python", sys.executable, environment)
    into = ("--quiet", "--compile-bytecode", "--python", environment / "bin" / "python")
    done(UV, "pip", "install", *into, "--require-hashes", "--requirements", locked, seconds=300)
    before = {path.name for path in site_packages(environment).iterdir()}
    done(UV, "pip", "install", *into, "--no-deps", wheel)
    new = {path.name for path in site_packages(environment).iterdir()} - before
    assert {name for name in new if not name.endswith(".dist-info")} == {"trustprobe"}
    return environment


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


@pytest.fixture(scope="module")
def judged(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a run among packages of other projects that have the names of ours."""
    for name in TREE:
        stranger = site_packages(installed) / name
        stranger.mkdir()
        (stranger / "__init__.py").write_text(f"raise SystemExit('the {name} of another project')\n", "utf-8")
    empty = tmp_path_factory.mktemp("empty")
    done(installed / "bin" / "trustprobe", "run", "--no-html", cwd=empty, seconds=300)
    assert [path.name for path in empty.iterdir()] == ["out"]
    results: dict[str, Any] = json.loads((empty / "out" / "latest" / "results.json").read_text("utf-8"))
    return results


def test_the_wheel_holds_the_package_and_the_whole_tree_and_nothing_else(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    package = {f"trustprobe/{name}" for name in files(ROOT / "trustprobe")}
    tree = {f"trustprobe/tree/{folder}/{name}" for folder in TREE for name in files(ROOT / folder)}
    assert set(names) == package | tree | {"trustprobe/tree/conftest.py", "trustprobe/tree/pyproject.toml"}
    assert len(names) == len(set(names))


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
    }


def test_a_wheel_made_without_a_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    done(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path)
    assert wheel_in(tmp_path).read_bytes() == wheel.read_bytes()


def test_the_installed_command_judges_every_case_of_the_checkout(judged: dict[str, Any]) -> None:
    profile = load_profile("device_interfaces")
    asked = {name for name, entry in published().items() if applies(profile, entry)}
    assert judged["overall"] == "CONFORMING"
    assert {entry["id"] for entry in judged["cases"]} == asked


def test_an_editable_install_holds_no_copy_of_the_tree(tmp_path: Path) -> None:
    done(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    done(UV, "pip", "install", "--quiet", "--no-deps", "--python", python, "--editable", ROOT)
    assert not (site_packages(tmp_path / "venv") / "trustprobe").exists()
    shown = done(python, "-c", "import trustprobe, drivers; print(drivers.__file__)", cwd=tmp_path)
    assert shown.strip() == str(ROOT / "drivers" / "__init__.py")
