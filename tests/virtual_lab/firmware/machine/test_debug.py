import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.debug.adapter import MemoryAnswer, Stuck, Tap
from drivers.debug.bitbang import RemoteBitbang
from drivers.power.qmp import QmpPower
from tests.virtual_lab.firmware.stand_in import stand_in_lab
from tests.virtual_lab.firmware.stand_in_qemu import MEMORY
from virtual_lab.firmware.lab import FirmwareLab
from virtual_lab.firmware.machine.debug import MachineMemory
from virtual_lab.jtag.debug_port import JTAG_DP_IDCODE, AccessFaultError

ADDRESS = 0x4100_0000


def adapter(lab: FirmwareLab) -> RemoteBitbang:
    host, port = lab.environment["FIRMWARE_JTAG"].split(":")
    return RemoteBitbang(host, int(port))


def memory(folder: Path, defects: Sequence[str]) -> MemoryAnswer:
    with stand_in_lab(folder, defects) as lab:
        chain, _ = adapter(lab).scan()
        assert [tap.idcode for tap in chain.taps] == [JTAG_DP_IDCODE]
        answer, _ = adapter(lab).read_memory([Tap(JTAG_DP_IDCODE, 4)], 0, ADDRESS)
        return answer


def test_the_debug_port_of_the_hardened_device_is_there_and_reads_no_memory(tmp_path: Path) -> None:
    answer = memory(tmp_path, ())
    assert answer.addressed
    assert [(port.words, port.fault) for port in answer.access_ports] == [((), True)]


def test_an_open_debug_port_reads_the_memory_of_the_running_machine(tmp_path: Path) -> None:
    words = memory(tmp_path, ["jtag_open"]).access_ports[0].words
    assert words == tuple((ADDRESS + 4 * index) ^ MEMORY for index in range(16))


def test_a_device_without_power_has_no_tap(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab:
        power = QmpPower(lab.environment["FIRMWARE_QMP"])
        power.off()
        assert adapter(lab).scan()[0].stuck is Stuck.ONES
        power.on()
        assert adapter(lab).scan()[0].taps


def test_a_machine_that_was_killed_has_no_tap(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab:
        os.kill(lab.pid, signal.SIGKILL)
        assert adapter(lab).scan()[0].stuck is Stuck.ONES


def test_a_lab_ends_while_a_debugger_is_connected(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab:
        host, port = lab.environment["FIRMWARE_JTAG"].split(":")
        client = socket.create_connection((host, int(port)), 5)
        client.sendall(b"R")
        assert client.recv(1)
    with client:
        assert client.recv(1) == b""


def test_a_machine_that_is_gone_is_a_fault_of_the_bus(tmp_path: Path) -> None:
    with pytest.raises(AccessFaultError):
        MachineMemory(f"unix:{tmp_path}/none").read(ADDRESS, 4)
    with pytest.raises(AccessFaultError):
        MachineMemory(f"unix:{tmp_path}/none").write(ADDRESS, 4, 0)


def gdb_port(lab: FirmwareLab) -> tuple[str, int]:
    host, port = lab.environment["FIRMWARE_GDB"].split(":")
    return host, int(port)


def test_nobody_listens_at_the_gdb_port_of_the_hardened_device(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path) as lab, pytest.raises(ConnectionRefusedError):
        socket.create_connection(gdb_port(lab), 5).close()


def test_the_stub_of_the_machine_is_at_an_open_gdb_port(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path, ["gdb_port_open"]) as lab:
        socket.create_connection(gdb_port(lab), 5).close()
