import os
import subprocess
import sys
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
