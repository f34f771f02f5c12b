import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from tests.virtual_lab.jtag.jtag_host import CSW, CTRL_STAT, DRW, POWER_UP, POWERED, TAR, JtagHost
from tests.virtual_lab.reference.stand_in_lab import greeting, stand_in_lab, turn
from virtual_lab.jtag.debug_port import JTAG_DP_IDCODE, MEMORY_BASE
from virtual_lab.reference.lab import ReferenceLab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[ReferenceLab]:
    with stand_in_lab(tmp_path / "device") as lab:
        with console(lab) as port:  # the line of its first start is read here, or was lost before
            port.write(b"ready\n")
            assert b"heard ready\r\n" in iter(port.readline, b"")
        yield lab


@contextmanager
def jtag(lab: ReferenceLab) -> Iterator[JtagHost]:
    host, port = lab.environment["REFERENCE_JTAG"].split(":")
    with socket.create_connection((host, int(port)), 5) as adapter:
        adapter.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def exchange(commands: bytes) -> bytes:
            adapter.sendall(commands)
            answers = bytearray()
            while len(answers) < commands.count(b"R"):
                received = adapter.recv(4096)
                assert received, "the adapter closed the connection"
                answers += received
            return bytes(answers)

        yield JtagHost(exchange)
        adapter.sendall(b"Q")
        assert adapter.recv(1) == b""


def console(lab: ReferenceLab) -> serial.Serial:
    return serial.Serial(lab.environment["REFERENCE_CONSOLE"], 115200, timeout=5)


def test_what_is_typed_reaches_the_firmware_and_its_answer_comes_back_once(lab: ReferenceLab) -> None:
    with console(lab) as port:
        port.write(b"hello there\n")
        assert port.readline() == b"heard hello there\r\n"


def test_an_echo_that_a_listener_leaves_behind_does_not_feed_the_device_its_own_words(lab: ReferenceLab) -> None:
    with console(lab) as port:
        os.system(f"stty echo cooked < {lab.environment['REFERENCE_CONSOLE']}")
    with console(lab) as port:
        port.write(b"hello\n")
        assert port.readline() == b"heard hello\r\n"


def test_firmware_that_asks_for_a_restart_starts_again_by_software_reset(lab: ReferenceLab) -> None:
    with console(lab) as port:
        port.write(b"restart\n")
        assert port.readline() == b"boot software\r\n"
    assert greeting(lab) == b"software"


def test_firmware_that_crashes_is_started_again_by_the_watchdog(lab: ReferenceLab, tmp_path: Path) -> None:
    with console(lab) as port:
        port.write(b"crash\n")
        assert port.readline() == b"boot watchdog\r\n"
    assert "ended with status 3" in (tmp_path / "device/lab/firmware.log").read_text()


def test_without_power_the_device_is_gone_and_comes_back_by_power_on_reset(lab: ReferenceLab) -> None:
    with console(lab) as port:
        assert turn(lab, "off") == b'{"ison": false}'
        with pytest.raises(ConnectionRefusedError):
            greeting(lab)
        port.write(b"typed in the dark\n")
        port.flush()
        assert turn(lab, "off") == b'{"ison": false}'
        assert turn(lab, "on") == b'{"ison": true}'
        assert port.readline() == b"boot power-on\r\n"
        port.write(b"hello\n")
        assert port.readline() == b"heard hello\r\n"
    assert greeting(lab) == b"power-on"


def test_a_connection_dies_with_the_power(lab: ReferenceLab) -> None:
    with socket.create_connection((lab.address, lab.port_map["tcp/443"]), 5) as client:
        turn(lab, "off")
        readable, _, _ = select.select([client], [], [], 5)
        assert readable


def test_a_locked_device_shows_its_idcode_and_no_memory(lab: ReferenceLab) -> None:
    with jtag(lab) as host:
        assert host.scan_dr(0, 64) == JTAG_DP_IDCODE
        host.dp(CTRL_STAT, POWER_UP)
        assert host.dp(CTRL_STAT) == POWERED
        assert host.ap(CSW) & 1 << 6 == 0


def test_without_power_the_adapter_reads_all_ones(lab: ReferenceLab) -> None:
    turn(lab, "off")
    with jtag(lab) as host:
        assert host.scan_dr(0, 32) == 0xFFFFFFFF
        turn(lab, "on")
        host.tms(1, 1, 1, 1, 1, 0)
        assert host.scan_dr(0, 32) == JTAG_DP_IDCODE


def test_an_open_device_shows_the_payload_of_its_active_slot(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "device", ["jtag_open"]) as lab, jtag(lab) as host:
        host.dp(CTRL_STAT, POWER_UP)
        host.ap(TAR, MEMORY_BASE + 8)
        payload = (tmp_path / "device/flash/slot_a.bin").read_bytes()
        assert host.ap(DRW) == int.from_bytes(payload[:4], "little")


def test_a_second_tap_is_on_the_chain_behind_the_debug_port(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "device", ["jtag_second_tap"]) as lab, jtag(lab) as host:
        assert host.scan_dr(0, 64) == 0x06413041 << 32 | JTAG_DP_IDCODE
