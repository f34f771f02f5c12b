import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.virtual_lab.jtag.jtag_host import (
    BD1,
    CSW,
    CTRL_STAT,
    DRW,
    IDR,
    POWER_UP,
    POWERED,
    STICKY_ERR,
    TAR,
    JtagHost,
)
from tests.virtual_lab.jtag.jtag_host import SELECT as DP_SELECT
from virtual_lab.jtag.debug_port import AHB_AP_IDR, MEMORY_BASE, MEMORY_SIZE, DebugPort, Memory, MemoryAccessPort
from virtual_lab.jtag.tap import ScanChain, remote_bitbang

PAYLOAD = b"HALCYON firmware" + bytes(range(256)) * 8
WORD_INCREMENT, HALF_INCREMENT, BYTE_INCREMENT = 0x23000012, 0x23000011, 0x23000010


def chain_of(*, locked: bool) -> ScanChain:
    memory = Memory()
    memory.load(PAYLOAD)
    chain = ScanChain([DebugPort(MemoryAccessPort(memory, locked=locked))])
    chain.powered = True
    return chain


def powered_up(*, locked: bool = False) -> JtagHost:
    chain = chain_of(locked=locked)
    host = JtagHost(lambda commands: remote_bitbang(chain, commands)[0])
    host.dp(CTRL_STAT, POWER_UP)
    return host


def test_power_up_requests_are_acknowledged() -> None:
    assert powered_up().dp(CTRL_STAT) == POWERED


def test_nothing_is_acknowledged_that_was_not_asked_for() -> None:
    host = powered_up()
    host.dp(CTRL_STAT, 0)
    assert host.dp(CTRL_STAT) == 0


def test_an_access_port_without_debug_power_faults() -> None:
    host = powered_up()
    host.dp(CTRL_STAT, 0)
    host.ap(IDR)
    assert host.dp(CTRL_STAT) == STICKY_ERR


def test_the_access_port_names_itself_an_ahb_ap() -> None:
    assert powered_up().ap(IDR) == AHB_AP_IDR


def test_an_access_port_that_is_not_there_has_no_identity() -> None:
    host = powered_up()
    host.ap(CSW)
    host.dp(DP_SELECT, 5 << 24 | 0xF0)
    assert host._access(0b1011, IDR, None) >> 3 == 0
    assert host.dp(CTRL_STAT) == POWERED


def test_an_open_part_reads_its_vector_table_word_by_word() -> None:
    host = powered_up()
    host.ap(CSW, WORD_INCREMENT)
    host.ap(TAR, MEMORY_BASE)
    assert [host.ap(DRW) for _ in range(3)] == [0x20010000, 0x08000101, int.from_bytes(PAYLOAD[:4], "little")]
    assert host.ap(CSW) & 1 << 6


def test_banked_data_reads_beside_the_transfer_address() -> None:
    host = powered_up()
    host.ap(TAR, MEMORY_BASE)
    assert host.ap(BD1) == 0x08000101
    assert host.ap(TAR) == MEMORY_BASE


def test_narrow_reads_stand_in_the_byte_lanes_of_their_address() -> None:
    host = powered_up()
    host.ap(CSW, BYTE_INCREMENT)
    host.ap(TAR, MEMORY_BASE + 8)
    assert [host.ap(DRW) for _ in range(4)] == [PAYLOAD[lane] << 8 * lane for lane in range(4)]
    host.ap(CSW, HALF_INCREMENT)
    host.ap(TAR, MEMORY_BASE + 10)
    assert host.ap(DRW) == int.from_bytes(PAYLOAD[2:4], "little") << 16


def test_narrow_writes_change_their_lane_only() -> None:
    host = powered_up()
    host.ap(CSW, BYTE_INCREMENT)
    host.ap(TAR, MEMORY_BASE + 1)
    host.ap(DRW, 0xAABBCCDD)
    host.ap(CSW, WORD_INCREMENT)
    host.ap(TAR, MEMORY_BASE)
    assert host.ap(DRW) == 0x2001CC00


def test_packed_transfers_read_back_as_not_supported() -> None:
    host = powered_up()
    host.ap(CSW, 0x23000020)
    assert host.ap(CSW) & 0x30 == 0


def test_the_transfer_address_wraps_at_one_kibibyte() -> None:
    host = powered_up()
    host.ap(CSW, WORD_INCREMENT)
    host.ap(TAR, MEMORY_BASE + 0x3FC)
    host.ap(DRW)
    assert host.ap(TAR) == MEMORY_BASE


@pytest.mark.parametrize("address", [0, MEMORY_BASE - 4, MEMORY_BASE + MEMORY_SIZE, 0xFFFFFFFC])
def test_an_address_without_memory_faults(address: int) -> None:
    host = powered_up()
    host.ap(TAR, address)
    host.ap(DRW)
    assert host.dp(CTRL_STAT) == POWERED | STICKY_ERR


def test_after_a_fault_the_access_port_is_deaf_until_the_flag_is_cleared() -> None:
    host = powered_up()
    host.ap(TAR, 0)
    host.ap(DRW)
    assert host.ap(IDR) == 0
    host.dp(CTRL_STAT, POWER_UP | STICKY_ERR)
    assert host.ap(IDR) == AHB_AP_IDR
    assert host.dp(CTRL_STAT) == POWERED


def test_a_locked_part_answers_and_shows_no_memory() -> None:
    host = powered_up(locked=True)
    assert host.ap(IDR) == AHB_AP_IDR
    assert host.ap(CSW) & 1 << 6 == 0
    host.ap(TAR, MEMORY_BASE)
    for register in (DRW, BD1):
        assert host.ap(register) == 0
        assert host.dp(CTRL_STAT) == POWERED | STICKY_ERR
        host.dp(CTRL_STAT, POWER_UP | STICKY_ERR)


def test_a_payload_larger_than_the_memory_is_cut() -> None:
    memory = Memory()
    memory.load(b"\x5a" * (2 * MEMORY_SIZE))
    assert memory.read(MEMORY_BASE + MEMORY_SIZE - 4, 4) == 0x5A5A5A5A


@contextmanager
def adapter(chain: ScanChain) -> Iterator[int]:
    """A remote_bitbang server for one client; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.settimeout(20)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while commands := client.recv(65536):
                    answers, quit_asked = remote_bitbang(chain, commands)
                    client.sendall(answers)
                    if quit_asked:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def openocd(port: int, *commands: str) -> str:
    setup = (
        "adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; "
        f"remote_bitbang port {port}; "
        "gdb_port disabled; tcl_port disabled; telnet_port disabled; "
        "jtag newtap dut cpu -irlen 4 -expected-id 0x4ba00477; dap create dut.dap -chain-position dut.cpu; "
        "target create dut.mem mem_ap -dap dut.dap -ap-num 0; init"
    )
    script = "; ".join([setup, *(f"catch {{{command}}} result; echo $result" for command in commands), "shutdown"])
    done = subprocess.run(["openocd", "-c", script], capture_output=True, text=True, timeout=600)
    return done.stdout + done.stderr


needs_openocd = pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is not installed")


@needs_openocd
def test_openocd_finds_the_tap_and_reads_an_open_part() -> None:
    with adapter(chain_of(locked=False)) as port:
        output = openocd(port, "scan_chain", "dut.dap info 0", f"mdw {MEMORY_BASE:#x} 4", f"mdb {MEMORY_BASE + 9:#x} 3")
    assert "tap/device found: 0x4ba00477" in output
    assert f"AP ID register 0x{AHB_AP_IDR:08x}" in output
    assert "20010000 08000101 434c4148 204e4f59" in output
    assert "0x08000009: 41 4c 43" in output
    assert "Error" not in output, output


@needs_openocd
def test_openocd_finds_the_tap_of_a_locked_part_and_reads_nothing() -> None:
    with adapter(chain_of(locked=True)) as port:
        output = openocd(port, "scan_chain", f"mdw {MEMORY_BASE:#x}")
    assert "tap/device found: 0x4ba00477" in output
    assert "20010000" not in output
    assert "Failed to read memory at 0x08000000" in output
