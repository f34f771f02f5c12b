"""The order of the tests: the tests of a file share a worker, and those that take longest begin first."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import order

ROOT = Path(__file__).parents[1]
LONG = "tests/a.py::test_long"
GROUPED = """
import os
import pytest

@pytest.mark.parametrize("one", range(12))
def test_of_a_file(one):
    with open({seen!r}, "a") as seen:
        print(os.environ["PYTEST_XDIST_WORKER"], __name__, file=seen)
"""


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files and a function of a third take long."""
    monkeypatch.setattr(order, "seconds", lambda: {LONG: 30, "tests/b.py": 20, "tests/c.py": 40})


def test_a_test_that_is_named_is_run_apart_from_its_file_and_each_row_apart_from_the_others(times: None) -> None:
    assert order.unit(f"{LONG}[one]") == f"{LONG}[one]"
    assert order.unit("tests/a.py::test_short") == "tests/a.py"
    assert order.unit("tests/b.py::TestIt::test_it[a::b]") == "tests/b.py"


def test_the_longest_unit_begins_first(times: None) -> None:
    ids = ["tests/d.py::test_it", f"{LONG}[one]", "tests/b.py::test_it", "tests/c.py::test_it", "tests/a.py::test_it"]
    assert [order.expected(one) for one in ids] == [0, 30, 20, 40, 0]


def test_each_worker_compiles_another_part_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests" / "a").mkdir(parents=True)
    for name in ("test_1", "test_2", "a/test_3", "helper", "test_4"):
        (tmp_path / "tests" / f"{name}.py").touch()
    imported: list[str] = []
    monkeypatch.setattr("importlib.import_module", imported.append)
    for worker in ({"workerid": "gw0", "workercount": 2}, {"workerid": "gw1", "workercount": 2}, None):
        config = SimpleNamespace(
            args=["tests/a", "tests/test_1.py::test_it", "tests/test_2.py", "tests/test_4.py"],
            rootpath=tmp_path,
            invocation_params=SimpleNamespace(dir=tmp_path),
            **({"workerinput": worker} if worker else {}),
        )
        order.pytest_collection(SimpleNamespace(config=config))  # type: ignore[arg-type]
        imported.append("end")
    assert imported == ["tests.a.test_3", "tests.test_2", "end", "tests.test_1", "tests.test_4", "end", "end"]


def test_every_file_and_function_that_is_named_exists() -> None:
    for name in order.seconds():
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert not function or function in names, f"tests/seconds.yaml: {name} does not exist"


def test_workers_do_not_share_a_file(tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    for name in ("test_one.py", "test_two.py", "test_three.py"):
        (tmp_path / name).write_text(GROUPED.format(seen=str(seen)), "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
        "-n",
        "2",
    ]
    done = subprocess.run(
        [*command, "--confcutdir", str(tmp_path), "-p", "tests.order", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    pairs = [line.split() for line in seen.read_text("utf-8").splitlines()]
    assert len(pairs) == 36
    assert len({tuple(pair) for pair in pairs}) == 3


def test_no_test_has_a_mark_that_has_no_effect() -> None:
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    marked = [path.name for path in files if "mark.xdist_group" in path.read_text("utf-8")]
    assert not marked, f"{marked}: the tests of a file run in one worker; name the longest in tests/seconds.yaml"
