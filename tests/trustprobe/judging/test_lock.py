import fcntl
import getpass
import os
import secrets
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.judging.lock import FOLDER, bench_lock, user_name

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


def test_a_link_to_a_file_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep this", "utf-8")
    (tmp_path / "trustprobe-desk.lock").symlink_to(precious)
    with pytest.raises(BenchError, match="cannot be opened"), bench_lock("desk", tmp_path):
        pytest.fail("a link was followed")
    assert precious.read_text("utf-8") == "keep this"


def before_creation(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let another process act after a run found no lock file, and before that run creates one."""
    system_open = os.open

    def opened(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            monkeypatch.setattr(os, "open", system_open)
            act()
        return system_open(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)


def test_a_link_that_appears_before_the_file_is_created_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trustprobe-desk.lock"
    before_creation(monkeypatch, lambda: path.symlink_to(tmp_path / "precious"))
    with pytest.raises(BenchError, match="cannot be opened"), bench_lock("desk", tmp_path):
        pytest.fail("a link was followed")
    assert path.is_symlink()
    assert not (tmp_path / "precious").exists()


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Set the umask for the time of a test."""
    before = os.umask(0)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_every_user_may_lock_a_bench_whatever_the_umask(tmp_path: Path, umask: Callable[[int], int], mask: int) -> None:
    umask(mask)
    with bench_lock("desk", tmp_path) as path:
        mode = stat.S_IMODE(path.stat().st_mode)
    assert mode == 0o666


def test_a_lock_has_its_permissions_from_the_moment_of_its_creation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: Callable[[int], int]
) -> None:
    umask(0)
    modes: list[int] = []
    monkeypatch.setattr(os, "fchmod", lambda descriptor, _: modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode)))
    with bench_lock("desk", tmp_path):
        pass
    assert modes == [0o666]


def test_the_permissions_of_a_file_that_another_user_created_meanwhile_are_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    before_creation(monkeypatch, lambda: (tmp_path / "trustprobe-desk.lock").touch(0o600))
    with bench_lock("desk", tmp_path) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_runs_with_other_temporary_folders_share_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = f"desk_{secrets.token_hex(4)}"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with bench_lock(desk) as path:
        assert path.parent == FOLDER
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        with pytest.raises(BenchError, match="in use by"), bench_lock(desk):
            pass
    with bench_lock("desk", tmp_path) as path:
        assert path == tmp_path / "trustprobe-desk.lock"


@pytest.mark.parametrize("bench", ["../../etc/cron", "None None", "", "a/b", "x" * 65])
def test_the_id_of_a_bench_is_not_a_path(bench: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not the id of a bench"), bench_lock(bench, tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 4711"), OSError("No username set")])
def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Python 3.13 raises OSError, and earlier versions raise KeyError."""

    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert user_name() == f"user {os.getuid()}"


def test_the_file_names_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "trustprobe-desk.lock").write_text("z" * 100)
    with bench_lock("desk", tmp_path) as path:
        owner = path.read_text("utf-8")
        assert f"process {os.getpid()}, since 20" in owner
        assert "z" not in owner
        assert "\0" not in owner


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
