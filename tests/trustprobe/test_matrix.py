"""Which runs `trustprobe matrix` makes, and what it takes for found; tests/detection shows both on a device."""

from collections.abc import Mapping
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from rich.console import Console

from reports.results import Results, Row, Verdict
from tests.reports.samples import case_of_rows, results
from trustprobe.cli import matrix
from trustprobe.cli.kept import KeptRuns
from trustprobe.cli.run import RunOptions


class StoppedError(Exception):
    """Nothing is judged in these tests."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The defects of each run that was asked for."""
    runs: list[tuple[str, ...]] = []

    def judge(options: RunOptions, **_: object) -> Path:
        runs.append(options.defects)
        return Path()

    def stop(*_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(matrix, "judge", judge)
    monkeypatch.setattr(matrix, "read_results", stop)
    return runs


@pytest.mark.parametrize(("hardened", "first"), [(True, ()), (False, ("telnet_open",))])
def test_the_hardened_device_is_asked_beside_named_defects_where_that_is_wanted(
    hardened: bool, first: tuple[str, ...], asked: list[tuple[str, ...]], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        matrix.run_matrix(tmp_path, ("telnet_open",), 1, hardened=hardened)
    assert asked[0] == first


def test_the_hardened_device_is_asked_where_no_defect_is_named(asked: list[tuple[str, ...]], tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        matrix.run_matrix(tmp_path, (), 1)
    assert asked[0] == ()


def test_a_matrix_that_was_stopped_starts_no_other_run(asked: list[tuple[str, ...]], tmp_path: Path) -> None:
    asking = matrix._Asking(tmp_path, "reference", False, Console(), KeptRuns(resume=False))
    asking.stop()
    with pytest.raises(CancelledError):
        asking.one(("telnet_open",))
    assert asked == []


KNOWN = {"services.disclosure": ["tcp-22"], "credentials.guessing.mqtt": ["-"]}
"""What the register says of the hardened firmware device: a case of which one row fails, and one that fails whole."""


def failing(rows: Mapping[str, list[str]]) -> Results:
    """A run in which these rows of these cases failed."""
    return results(
        *(
            case_of_rows(name, tuple(Row(id=row, verdict=Verdict.FAIL, reason="seen") for row in failed))
            for name, failed in rows.items()
        )
    )


def test_what_the_hardened_device_is_known_for_is_no_flaws() -> None:
    run = failing({**KNOWN, "debug.jtag.read_memory": ["-"]})
    outcome = matrix.compare(("jtag_open",), run, device="firmware")
    assert outcome.holds
    assert outcome.failed == ("debug.jtag.read_memory",)


def test_another_row_of_a_case_that_the_hardened_device_is_known_for_counts() -> None:
    run = failing({"services.disclosure": ["tcp-22", "tcp-443"], "debug.jtag.read_memory": ["-"]})
    assert matrix.compare(("jtag_open",), run, device="firmware").others == ("services.disclosure",)
    assert matrix.compare((), run, device="firmware").others == ("debug.jtag.read_memory", "services.disclosure")


def test_the_hardened_device_has_to_fail_what_it_is_known_for_and_nothing_else() -> None:
    assert matrix.compare((), failing(KNOWN), device="firmware").holds
    nothing = matrix.compare((), failing({}), device="firmware")
    assert nothing.missed == ("services.disclosure[tcp-22]", "credentials.guessing.mqtt")
    for case, rows in KNOWN.items():
        assert not matrix.compare((), failing({case: rows}), device="firmware").holds
    assert matrix.compare((), failing({}), device="reference").holds
