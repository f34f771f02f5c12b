import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trustprobe.errors import BenchError
from trustprobe.judging.lock import bench_lock

HOLD = """
import sys
from pathlib import Path
from trustprobe.judging.lock import bench_lock
with bench_lock("desk", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    """No test leaves a file open."""
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_the_lock_is_exclusive_and_never_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how: list[int] = []
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, flags: how.append(flags))
    with bench_lock("desk", tmp_path):
        assert how == [fcntl.LOCK_EX | fcntl.LOCK_NB]


def test_a_second_run_on_a_bench_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with bench_lock("desk", tmp_path), pytest.raises(BenchError, match=f"in use by .*process {os.getpid()}, since"):
        with bench_lock("desk", tmp_path):
            pytest.fail("two runs have the bench")


def test_benches_do_not_lock_each_other(tmp_path: Path) -> None:
    with bench_lock("desk", tmp_path), bench_lock("rack", tmp_path) as path:
        assert path.is_file()


def test_the_lock_is_gone_afterwards(tmp_path: Path) -> None:
    with bench_lock("desk", tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_run_locks_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BenchError, match=f"process {holder.pid}"), bench_lock("desk", tmp_path):
            pytest.fail("two runs have the bench")
        holder.kill()
        holder.wait()
    with bench_lock("desk", tmp_path):
        assert len(list(tmp_path.iterdir())) == 1


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "trustprobe-desk.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(BenchError, match="cannot be opened"), bench_lock("desk", tmp_path):
        pytest.fail("a link was followed")
    assert not (tmp_path / "precious").exists()


def test_without_a_folder_the_lock_is_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with bench_lock("desk") as path:
        assert path == tmp_path / "temporary" / "trustprobe-desk.lock"
    with bench_lock("desk", tmp_path) as path:
        assert path == tmp_path / "trustprobe-desk.lock"


def test_the_file_names_the_owner_alone_and_every_user_may_lock_it(tmp_path: Path) -> None:
    (tmp_path / "trustprobe-desk.lock").write_text("z" * 100)
    with bench_lock("desk", tmp_path) as path:
        owner = path.read_text("utf-8")
        assert f"process {os.getpid()}, since 20" in owner
        assert "z" not in owner
        assert "\0" not in owner
    before = os.umask(0)
    try:
        with bench_lock("desk", tmp_path) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o666
    finally:
        os.umask(before)


def test_of_a_long_name_of_the_owner_a_part_is_shown(tmp_path: Path) -> None:
    with (tmp_path / "trustprobe-desk.lock").open("w", encoding="utf-8") as file:
        file.write("A" + "x" * 300)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BenchError) as raised, bench_lock("desk", tmp_path):
            pytest.fail("two runs have the bench")
    assert f"in use by A{'x' * 199}." in str(raised.value)


def test_a_lock_that_somebody_removed_ends_quietly(tmp_path: Path) -> None:
    with bench_lock("desk", tmp_path) as path:
        path.unlink()


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_its_owner_removes_before_it_is_locked_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    path, flock, calls = tmp_path / "trustprobe-desk.lock", fcntl.flock, 0

    def removed_first(descriptor: int, flags: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            path.unlink()
            if again:
                path.touch()
        flock(descriptor, flags)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with bench_lock("desk", tmp_path):
        assert f"process {os.getpid()}" in path.read_text("utf-8")
        assert calls == 2
