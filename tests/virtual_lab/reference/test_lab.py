import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.virtual_lab.reference.stand_in_lab import STAND_IN, greeting, stand_in_lab
from trustprobe.errors import BenchError, ConfigurationError
from virtual_lab.reference.lab import LOOPBACK_DEVICE

ROOT = Path(__file__).resolve().parents[3]


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_the_device_answers_while_the_lab_is_open_and_nothing_is_left_afterwards(tmp_path: Path) -> None:
    before = children()
    with stand_in_lab(tmp_path / "device") as lab:
        assert greeting(lab) == b"power-on"
        assert len(children() - before) == 2
        host, port = lab.environment["REFERENCE_JTAG"].split(":")
    assert children() == before
    assert not (tmp_path / "device/lab/console").is_symlink()
    for address in ((host, int(port)), (lab.address, lab.port_map["tcp/443"])):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 2).close()


def test_the_environment_holds_what_a_bench_refers_to(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "device") as lab:
        assert Path(lab.environment["REFERENCE_CONSOLE"]).is_char_device()
        assert lab.environment["REFERENCE_ADDRESS"] == LOOPBACK_DEVICE
        assert lab.environment["REFERENCE_COLLECTOR"] == "127.0.8.1"
        assert lab.environment["REFERENCE_FOLDER"] == str(tmp_path / "device")
        assert lab.environment["REFERENCE_SERIAL"].startswith("HV2-")
        assert lab.environment["REFERENCE_RELAY"].startswith("http://127.0.0.1:")
        passwords = {value for name, value in lab.environment.items() if name.endswith("_PASSWORD")}
        assert len(passwords) == 6


def test_a_lab_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with stand_in_lab(tmp_path / "device"):
        pass
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "device/lab/board.log").read_text() == ""


def test_firmware_that_does_not_boot_is_a_bench_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(BenchError, match="crashed again and again") as failure:
        stand_in_lab(tmp_path / "device", firmware=(*STAND_IN, "--crash-at-once")).__enter__()
    assert "the stand-in cannot boot" in failure.value.next_step
    assert children() == before


def test_a_board_that_ends_at_once_is_a_bench_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    lab = stand_in_lab(tmp_path / "device")
    with pytest.MonkeyPatch.context() as patch:
        broken = tmp_path / "python"
        broken.write_text("#!/bin/sh\necho 'the board broke' >&2\nexit 1\n", "utf-8")
        broken.chmod(0o755)
        patch.setattr("sys.executable", str(broken))
        with pytest.raises(BenchError, match="the board ended before it had power") as failure:
            lab.__enter__()
    assert "the board broke" in failure.value.next_step


def test_an_unknown_defect_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="coffee_stain"):
        stand_in_lab(tmp_path / "device", ["coffee_stain"]).__enter__()


def test_a_folder_that_holds_a_device_is_not_used_again(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "device"):
        pass
    with pytest.raises(ConfigurationError, match="already holds a device"):
        stand_in_lab(tmp_path / "device").__enter__()


def test_a_port_of_the_device_that_is_in_use_is_a_bench_error_before_anything_starts(tmp_path: Path) -> None:
    lab = stand_in_lab(tmp_path / "device")
    with socket.create_server((LOOPBACK_DEVICE, lab.port_map["tcp/443"])):
        with pytest.raises(BenchError, match="tcp/443 of the device"):
            lab.__enter__()
    assert not (tmp_path / "device").exists()


KILLED_LAB = """
import os, signal, sys
from pathlib import Path
import psutil
from tests.virtual_lab.reference.stand_in_lab import stand_in_lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a script it would be ignored
with stand_in_lab(Path(sys.argv[1])):
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_a_lab_that_was_killed(tmp_path: Path, signal_number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_LAB, tmp_path / "device", str(int(signal_number))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=600,
    )
    assert done.returncode == -signal_number
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    alive = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert not psutil.wait_procs(alive, timeout=600)[1]
