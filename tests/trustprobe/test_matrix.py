"""Which runs `trustprobe matrix` makes; that they find what they must is shown in tests/detection."""

from pathlib import Path

import pytest

from trustprobe.cli import matrix
from trustprobe.cli.run import Options


class StoppedError(Exception):
    """Nothing is judged in these tests."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The defects of each run that was asked for."""
    runs: list[tuple[str, ...]] = []

    def judge(options: Options, **_: object) -> Path:
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
