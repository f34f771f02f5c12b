import shutil
import socket
import subprocess
from collections.abc import Callable

import pytest

from drivers.debug.gdb import ReadGdbMemory, gdb_ports
from drivers.debug.gdb_remote import READ_LIMIT
from drivers.network.target import Target
from lab_config.bench import GdbBench, NetworkBench
from tests.drivers.debug.tap_server import debug_port, serving, taps
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Observation
from virtual_lab.jtag.debug_port import MEMORY_BASE

MEMORY = bytes(range(16))
OPEN = {"?": "T05thread:01;", "g": "0* 1122334455667788", "m8000,10": MEMORY.hex(), "D": "OK"}
CLOSED = {"?": "S05", "g": "E01", "m8000,10": "E14", "D": "OK"}


def framed(reply: str) -> bytes:
    return f"${reply}#{sum(reply.encode()) & 0xFF:02x}".encode()


def stub(
    replies: dict[str, str], packets: list[str], mangle: Callable[[bytes, int], bytes] = lambda data, _: data
) -> Callable[[socket.socket], None]:
    """A stub with these replies; `mangle` gets each one framed, and how many went before."""

    def serve(client: socket.socket) -> None:
        waiting = b""
        sent = 0
        while data := client.recv(4096):
            waiting += data
            while b"#" in waiting[:-2]:
                packet, _, rest = waiting.partition(b"#")
                waiting = rest[2:]
                packets.append(packet.lstrip(b"+-").removeprefix(b"$").decode())
                client.sendall(b"+" + mangle(framed(replies.get(packets[-1], "")), sent))
                sent += 1

    return serve


def ask(port: int, attested: str | None = None) -> Observation:
    server = GdbBench(server=f"127.0.0.1:{port}", attested_wiring=attested)
    return ReadGdbMemory(0x8000, None, None, server).run(MemoryRecorder())


def test_a_stub_that_reads_memory_and_registers_is_seen_and_left_running() -> None:
    packets: list[str] = []
    with tcp_server(stub(OPEN, packets)) as port:
        observed = ask(port)
    assert observed.seen == {"server"}
    assert observed.detail("server").startswith(f"memory at 0x8000 reads {MEMORY.hex()}; registers read 0000112233")
    assert packets == ["qSupported", "?", "g", "m8000,10", "D"]


def test_registers_alone_are_access_too() -> None:
    with tcp_server(stub({**OPEN, "m8000,10": "E14"}, [])) as port:
        assert ask(port).seen == {"server"}


def test_a_stub_that_answers_with_errors_refuses_and_is_its_own_witness() -> None:
    with tcp_server(stub(CLOSED, [])) as port:
        observed = ask(port)
    assert observed.refused == {"server"}
    assert "m -> E14" in observed.detail("server")
    assert observed.conclusive


@pytest.mark.parametrize("state", ["W00", "X09", "N"])
def test_a_server_without_a_process_refuses_nothing(state: str, usual_port: Callable[[int], None]) -> None:
    replies = {"?": state, "g": "E01", "m8000,10": "E01", "D": "E01"}
    with tcp_server(stub(replies, [])) as port:
        at_server = ask(port)
        usual_port(port)
        at_device = ReadGdbMemory(0x8000, Target(NetworkBench(address="127.0.0.1")), port).run(MemoryRecorder())
    assert at_server.silent == {"server"}
    assert at_device.silent == {f"tcp/{port}"}
    for observed in (at_server, at_device):
        assert not observed.conclusive
        assert "vRun and vAttach were not tried" in observed.unproven


def test_zeros_may_be_what_a_server_answers_for_memory_that_it_could_not_read() -> None:
    with tcp_server(stub({**OPEN, "g": "0" * 64, "m8000,10": "00" * 16}, [])) as port:
        observed = ask(port)
    assert observed.silent == {"server"}
    assert not observed.conclusive
    assert observed.witness and "gdb_report_data_abort" in observed.witness.what


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.skipif(shutil.which("openocd") is None, reason="OpenOCD is not installed")
def test_the_server_of_openocd_shows_an_open_port_and_proves_nothing_of_a_locked_one(locked: bool) -> None:
    with serving(taps([debug_port(locked=locked)])) as bench:
        adapter = (bench.remote_bitbang or "").removeprefix("remote_bitbang://").split(":")
        port = closed_port()
        commands = (
            "adapter driver remote_bitbang",
            f"remote_bitbang host {adapter[0]}",
            f"remote_bitbang port {adapter[1]}",
            "tcl_port disabled",
            "telnet_port disabled",
            "jtag newtap dut cpu -irlen 4",
            "dap create dut.dap -chain-position dut.cpu",
            f"target create dut.mem mem_ap -dap dut.dap -ap-num 0 -gdb-port {port}",
            "init",
        )
        arguments = [word for command in commands for word in ("-c", command)]
        with subprocess.Popen(["openocd", *arguments], stderr=subprocess.PIPE, text=True) as openocd:
            assert openocd.stderr
            assert any(f"Listening on port {port}" in line for line in openocd.stderr)
            server = GdbBench(server=f"127.0.0.1:{port}")
            observed = ReadGdbMemory(MEMORY_BASE, None, None, server).run(MemoryRecorder())
            openocd.terminate()
            openocd.communicate(timeout=600)
    assert observed.seen == (set() if locked else {"server"})
    assert observed.conclusive is not locked


def test_registers_that_a_stub_does_not_have_are_not_read() -> None:
    with tcp_server(stub({**CLOSED, "g": "x" * 64}, [])) as port:
        assert ask(port).refused == {"server"}


def test_a_reply_with_a_wrong_checksum_is_asked_for_again() -> None:
    def serve(client: socket.socket) -> None:
        waiting = b""
        while data := client.recv(4096):
            if data == b"-":
                client.sendall(framed(MEMORY.hex()))
                continue
            waiting = (waiting + data).replace(b"+", b"")
            if b"#" in waiting[:-2]:
                packet, waiting = waiting[1:].split(b"#")[0].decode(), b""
                wrong = packet == "m8000,10"
                client.sendall(b"+" + (b"$00112233#00" if wrong else framed(CLOSED.get(packet, ""))))

    with tcp_server(serve) as port:
        assert f"reads {MEMORY.hex()}" in ask(port).detail("server")


def test_a_reply_whose_checksum_stays_wrong_is_no_reply() -> None:
    with tcp_server(stub(OPEN, [], lambda data, _: data[:-2] + b"00")) as port:
        observed = ask(port)
    assert observed.silent == {"server"}
    assert not observed.conclusive


def test_a_packet_is_sent_again_where_the_stub_asks_for_it() -> None:
    packets: list[str] = []
    with tcp_server(stub(OPEN, packets, lambda data, sent: b"-" if sent == 0 else data)) as port:
        assert ask(port).seen
    assert packets[:2] == ["qSupported", "qSupported"]


def test_a_notification_between_is_no_reply() -> None:
    with tcp_server(stub(OPEN, [], lambda data, _: b"%Stop:T05#00" + data)) as port:
        assert ask(port).seen


def test_a_stop_that_a_stub_tells_unasked_is_no_reply() -> None:
    with tcp_server(stub(OPEN, [], lambda data, sent: framed("T05thread:01;") * (sent == 0) + data)) as port:
        assert f"reads {MEMORY.hex()}" in ask(port).detail("server")


@pytest.mark.parametrize("say", [b"", b"SSH-2.0-nothing\r\n", b"$" * 100, b"\xff" * 100_000])
def test_what_speaks_something_else_is_silence(say: bytes) -> None:
    with tcp_server(lambda client: client.sendall(say)) as port:
        observed = ask(port)
    assert observed.silent == {"server"}
    assert "no GDB stub answered" in observed.detail("server")
    assert not observed.conclusive


def test_a_port_that_sends_everything_back_is_no_stub() -> None:
    def echo(client: socket.socket) -> None:
        while data := client.recv(4096):
            client.sendall(data)

    with tcp_server(echo) as port:
        assert ask(port).silent == {"server"}


def test_endless_answers_are_cut() -> None:
    def flood(client: socket.socket) -> None:
        while True:
            client.sendall(b"$" + b"0" * 1000)

    recorder = MemoryRecorder()
    with tcp_server(flood) as port:
        ReadGdbMemory(0, None, None, GdbBench(server=f"127.0.0.1:{port}")).run(recorder)
    assert len(recorder.kept["server.bin"]) <= READ_LIMIT


def test_a_server_where_nobody_listens_says_nothing_of_the_device_without_attested_wiring() -> None:
    observed = ask(closed_port())
    assert observed.silent == {"server"}
    assert not observed.conclusive
    assert ask(closed_port(), "A. Tester, 2031-05-04, photo 7").conclusive


@pytest.fixture
def usual_port(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda port: monkeypatch.setattr("drivers.debug.gdb.gdb_ports", lambda: (port,))


def test_an_open_stub_on_a_usual_port_of_the_device_is_seen(usual_port: Callable[[int], None]) -> None:
    with tcp_server(stub(OPEN, [])) as port:
        usual_port(port)
        observed = ReadGdbMemory(0x8000, Target(NetworkBench(address="127.0.0.1")), port).run(MemoryRecorder())
    assert observed.seen == {f"tcp/{port}"}


def test_a_device_without_a_stub_refuses_and_its_canary_is_the_witness(usual_port: Callable[[int], None]) -> None:
    usual_port(closed_port())
    target = Target(NetworkBench(address="127.0.0.1"))
    with tcp_server(lambda client: None) as canary:
        observed = ReadGdbMemory(0, target, canary).run(MemoryRecorder())
        assert {fact.answer for fact in observed.facts} == {Answer.REFUSED}
        assert observed.conclusive
    assert not ReadGdbMemory(0, target, closed_port()).run(MemoryRecorder()).conclusive
    assert not ReadGdbMemory(0, target, None).run(MemoryRecorder()).conclusive


def mute(client: socket.socket) -> None:
    """Wait for a packet, and end the connection."""
    client.recv(4096)


def test_the_benchs_own_server_proves_nothing_about_a_port_of_the_device(usual_port: Callable[[int], None]) -> None:
    target = Target(NetworkBench(address="127.0.0.1"))
    with tcp_server(mute) as port, tcp_server(stub(CLOSED, [])) as own:
        usual_port(port)
        server = GdbBench(server=f"127.0.0.1:{own}")
        observed = ReadGdbMemory(0x8000, target, port, server).run(MemoryRecorder())
    assert observed.silent == {f"tcp/{port}"}
    assert observed.witness and observed.witness.holds
    assert f"No witness answered a packet of GDB at tcp/{port}" in observed.unproven


def test_behind_forwarding_a_port_that_is_not_mapped_was_not_asked(usual_port: Callable[[int], None]) -> None:
    usual_port(2345)
    with tcp_server(lambda client: None) as canary:
        target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": canary}))
        observed = ReadGdbMemory(0, target, 443).run(MemoryRecorder())
    assert observed.detail("tcp/2345").startswith("the bench forwards no tcp/2345 to the device")
    assert not observed.conclusive


def test_the_usual_ports_are_those_of_qemu_gdbserver_openocd_and_jlink() -> None:
    assert set(gdb_ports()) == {1234, 2345, 3333, 2331}


@pytest.mark.parametrize("server", ["desk", "desk:0", "desk:99999", "a b:1", "[::1:3"])
def test_a_server_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(ValueError):
        GdbBench(server=server)


def test_a_server_may_have_an_ipv6_address() -> None:
    bench = GdbBench(server="[::1]:3333")
    assert (bench.host, bench.port) == ("::1", 3333)
