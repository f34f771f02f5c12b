import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from drivers.power.qmp import QmpPower
from tests.virtual_lab.firmware.stand_in import stand_in_lab
from tests.virtual_lab.firmware.stand_in_qemu import ALERT
from trustprobe.errors import BenchError, ConfigurationError
from virtual_lab.firmware import lab as lab_module
from virtual_lab.firmware.lab import FirmwareLab
from virtual_lab.firmware.machine.cable import FIRST
from virtual_lab.firmware.second import SecondHub, second_environment

ROOT = Path(__file__).resolve().parents[3]


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def answer(lab: FirmwareLab) -> bytes:
    with socket.create_connection((lab.address, lab.port_map["tcp/443"]), 2) as client:
        client.sendall(b"hello")
        return client.recv(64)


def test_the_device_answers_while_the_lab_is_open_and_nothing_is_left_afterwards(tmp_path: Path) -> None:
    before = children()
    with stand_in_lab(tmp_path) as lab:
        assert answer(lab) == ALERT
        assert len(children() - before) == 1
        assert Path(lab.environment["FIRMWARE_QMP"].removeprefix("unix:")).is_socket()
    assert children() == before
    assert not (tmp_path / "device/qmp").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((lab.address, lab.port_map["tcp/443"]), 2).close()


def test_the_environment_holds_what_a_bench_refers_to(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab:
        assert lab.environment["FIRMWARE_ADDRESS"] == FIRST.loopback
        assert lab.environment["FIRMWARE_CONSOLE"].startswith("socket://127.0.0.1:")
        assert lab.environment["FIRMWARE_SENDS_FROM"] == "127.0.0.1", "QEMU connects in the place of the machine"
        assert lab.environment["FIRMWARE_SERIAL"] == "S-1"
        host, port = lab.environment["FIRMWARE_CONSOLE"].removeprefix("socket://").split(":")
        with socket.create_connection((host, int(port)), 2) as console:
            assert console.recv(64) == b"boot 1\r\n"


def test_every_variable_of_the_bench_file_is_set(tmp_path: Path) -> None:
    bench = (ROOT / "lab_config/benches/firmware.yaml").read_text("utf-8")
    with stand_in_lab(tmp_path) as lab:
        named = set(lab.environment) | set(second_environment("", "", ""))
        assert set(re.findall(r"\$\{(\w+)\}", bench)) <= named


def test_a_second_device_is_beside_the_first_and_has_its_own_address(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab, SecondHub(tmp_path / "second", lab) as second:
        assert second.environment["FIRMWARE_SECOND_ADDRESS"] == second.address != lab.address
        assert second.collector == "10.0.2.99"
        assert answer(lab) == ALERT


def test_the_power_is_switched_over_qmp(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab:
        power = QmpPower(lab.environment["FIRMWARE_QMP"])
        power.off()
        assert answer(lab) == b""
        power.on()
        assert answer(lab) == ALERT


def test_a_lab_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with stand_in_lab(tmp_path):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_machine_that_ends_at_once_is_a_bench_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "die")
    before = children()
    with pytest.raises(BenchError, match="QEMU ended with 1") as failure:
        stand_in_lab(tmp_path).__enter__()
    assert "found no firmware" in failure.value.next_step
    assert children() == before


def test_a_device_that_does_not_boot_is_a_bench_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "mute")
    monkeypatch.setattr(lab_module, "_BOOT_SECONDS", 1.0)
    monkeypatch.setattr(lab_module, "_CONNECT_SECONDS", 0.2)
    before = children()
    with pytest.raises(BenchError, match="did not answer within 1 s"):
        stand_in_lab(tmp_path).__enter__()
    assert children() == before


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    lab = stand_in_lab(tmp_path)
    with socket.create_server((FIRST.loopback, lab.port_map["tcp/443"])):
        with pytest.raises(BenchError, match=r"tcp/443 of the device cannot be 127\.0\.8\.20 port \d+") as failure:
            lab.__enter__()
    assert "Another lab" in failure.value.next_step


def test_a_folder_that_holds_a_device_is_not_used_again(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path):
        pass
    with pytest.raises(ConfigurationError, match="already holds a device"):
        stand_in_lab(tmp_path).__enter__()


def test_a_lab_that_is_not_in_a_namespace_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no fresh lab namespace"):
        stand_in_lab(tmp_path, loopback=False).__enter__()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_machine_ends_with_a_harness_that_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from tests.virtual_lab.firmware.stand_in import stand_in_lab\n"
        "with stand_in_lab(pathlib.Path(sys.argv[1])):\n"
        "    print('up', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    harness = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert harness.stdout is not None and harness.stdin is not None
    with harness.stdin, harness.stdout:
        assert harness.stdout.readline() == b"up\n"
        started = psutil.Process(harness.pid).children(recursive=True)
        harness.send_signal(number)
        harness.wait(60)
    gone, alive = psutil.wait_procs(started, timeout=600)
    assert gone
    assert not alive
