"""What `trustprobe matrix --resume` takes of an earlier matrix, and what it asks again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reports.results import Results, Row, Verdict
from tests.reports.samples import case_of_rows, results
from trustprobe.cli import kept, matrix
from trustprobe.cli.kept import MARK, KeptRuns, software_digest
from trustprobe.cli.run import RunOptions

FLAW = "jtag_open"
FOUND = ("debug.jtag.read_memory",)
"""What the register of the firmware device says that it makes fail."""
Matrix = Callable[..., list[tuple[str, ...]]]


@pytest.fixture
def run_matrix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Matrix:
    """Run a matrix of one flaw whose run fails these cases, and return the runs that it made."""
    monkeypatch.setattr(kept, "SOFTWARE", ("conftest.py",))

    def run(
        fails: Sequence[str] = FOUND,
        *,
        resume: bool = True,
        broken: bool = False,
        edit: Callable[[], None] | None = None,
    ) -> list[tuple[str, ...]]:
        runs: list[tuple[str, ...]] = []

        def judge(options: RunOptions, **_: object) -> Path:
            runs.append(options.defects)
            folder = options.out / "run"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "results.json").write_text(_failing(fails, broken=broken).model_dump_json())
            if edit is not None:
                edit()
            return folder

        monkeypatch.setattr(matrix, "judge", judge)
        matrix.run_matrix(tmp_path, (FLAW,), 1, device="firmware", resume=resume)
        return runs

    return run


def _failing(cases: Sequence[str], *, broken: bool) -> Results:
    row, error = (Row(id="-", verdict=verdict, reason="seen") for verdict in (Verdict.FAIL, Verdict.ERROR))
    rows = dict.fromkeys(cases, row) | ({"log.fields": error} if broken else {})
    return results(*(case_of_rows(case, (one,)) for case, one in rows.items()))


def test_what_was_found_is_not_asked_again(run_matrix: Matrix) -> None:
    assert run_matrix() == [(FLAW,)]
    assert run_matrix() == []


def test_without_resume_everything_is_asked_again(run_matrix: Matrix) -> None:
    run_matrix()
    assert run_matrix(resume=False) == [(FLAW,)]


@pytest.mark.parametrize("fails", [(), (*FOUND, "ports.tcp.undeclared")])
def test_what_was_not_as_expected_is_asked_again(run_matrix: Matrix, fails: Sequence[str]) -> None:
    run_matrix(fails)
    assert run_matrix() == [(FLAW,)]


def test_what_was_found_otherwise_later_counts_no_more(run_matrix: Matrix) -> None:
    run_matrix()
    run_matrix((), resume=False)
    assert run_matrix() == [(FLAW,)]


def test_a_run_with_a_broken_case_is_asked_again(run_matrix: Matrix) -> None:
    run_matrix(broken=True)
    assert run_matrix() == [(FLAW,)]


def test_what_was_found_while_somebody_edited_the_software_is_asked_again(
    run_matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_matrix(edit=lambda: monkeypatch.setattr(kept, "SOFTWARE", ("pyproject.toml",)))
    monkeypatch.setattr(kept, "SOFTWARE", ("conftest.py",))
    assert run_matrix() == [(FLAW,)]


def test_other_software_is_asked_again(run_matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    run_matrix()
    monkeypatch.setattr(kept, "SOFTWARE", ("pyproject.toml",))
    assert run_matrix() == [(FLAW,)]


def test_the_cases_of_one_capability_do_not_stand_for_all(run_matrix: Matrix, tmp_path: Path) -> None:
    run_matrix()
    all_cases = RunOptions("firmware", None, matrix.PROFILES["firmware"], tmp_path / FLAW, (FLAW,))
    assert KeptRuns(resume=True).results(all_cases) is not None
    own = RunOptions("firmware", None, matrix.PROFILES["firmware"], tmp_path / FLAW, (FLAW,), ("data_protection",))
    assert KeptRuns(resume=True).results(own) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"asked": {}, "run": 7}'])
def test_a_damaged_mark_is_asked_again(run_matrix: Matrix, tmp_path: Path, content: str) -> None:
    run_matrix()
    (tmp_path / FLAW / MARK).write_text(content)
    assert run_matrix() == [(FLAW,)]


def test_a_run_that_is_gone_or_damaged_is_asked_again(run_matrix: Matrix, tmp_path: Path) -> None:
    run_matrix()
    (tmp_path / FLAW / "run" / "results.json").write_text("{")
    assert run_matrix() == [(FLAW,)]
    (tmp_path / FLAW / "run" / "results.json").unlink()
    assert run_matrix() == [(FLAW,)]


def test_the_digest_sees_a_changed_name_and_a_changed_line_and_no_compiled_file(tmp_path: Path) -> None:
    source = tmp_path / "drivers" / "probe.py"
    source.parent.mkdir()
    source.write_text("one")
    digests = [software_digest(tmp_path)]
    source.write_text("two")
    digests.append(software_digest(tmp_path))
    source.rename(source.with_name("probes.py"))
    digests.append(software_digest(tmp_path))
    assert len(set(digests)) == 3
    compiled = tmp_path / "drivers" / "__pycache__" / "probes.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"three")
    assert software_digest(tmp_path) == digests[-1]
