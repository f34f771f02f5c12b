"""A worker in a copy of the tree: what becomes of a text, and that the tree itself is not touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.copied import Worker, make_copy, worker
from tests.mutants.targets import ROOT, mirrored
from tests.mutants.worker import independent

FILE = "suites/data_protection/test_tls_server.py"
SOURCE = (ROOT / FILE).read_text("utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    make_copy(folder)
    return folder


@pytest.fixture(scope="module")
def running(tree: Path) -> Iterator[Worker]:
    with worker(tree, FILE, mirrored(FILE)) as started:
        yield started
    assert (tree / FILE).read_text("utf-8") == SOURCE


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    yield
    assert (ROOT / FILE).read_text("utf-8") == SOURCE


def test_the_unchanged_text_passes_its_tests(running: Worker) -> None:
    result = running.run(SOURCE, 60)
    assert result.code == 0, result.output


def test_a_text_without_its_assertions_fails_its_tests(running: Worker) -> None:
    result = running.run(SOURCE.replace("    assert ", "    # "), 60)
    assert result.code == 1
    assert "FAIL was expected, and the judge gave PASS" in result.output or "FAILED" in result.output


def test_a_text_that_cannot_be_imported_fails_its_tests(running: Worker) -> None:
    assert running.run("import nowhere\n" + SOURCE, 60).code not in (0, None)


def test_a_text_that_never_ends_is_stopped(running: Worker) -> None:
    assert running.run(SOURCE + "while True: pass\n", 5).code is None
    assert running.run(SOURCE, 60).code == 0


def test_only_what_does_not_import_the_mutated_file_is_imported_before_the_fork() -> None:
    graph = {
        "trustprobe.probe": {"trustprobe"},
        "trustprobe.judging.case": {"trustprobe.probe"},
        "trustprobe.judging.judge": {"trustprobe.judging.case"},
        "suites.a": {"trustprobe.probe"},
        "drivers.b": {"enum"},
    }
    assert independent(graph, "trustprobe.judging.case") == ["drivers.b", "trustprobe.probe"]


def test_a_copy_holds_what_git_does_not_ignore(tree: Path) -> None:
    assert (tree / "uv.lock").read_bytes() == (ROOT / "uv.lock").read_bytes()
    assert not (tree / ".venv").exists()
