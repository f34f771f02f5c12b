import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.power import qmp
from drivers.power.qmp import Qmp, QmpPower
from drivers.power.switch import PowerSwitch
from lab_config.bench import PowerBench
from tests.drivers.power.qmp_server import Machine, serving
from tests.free_ports import free_port
from trustprobe.errors import BenchError

QEMU = shutil.which("qemu-system-aarch64") or shutil.which("qemu-system-x86_64")


@contextmanager
def saying(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """A TCP server on 127.0.0.1 that talks to its one client, and hangs up when that is done."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                talk(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


def test_off_stops_the_board_and_forgets_what_it_did_and_on_lets_it_run(tmp_path: Path) -> None:
    machine = Machine()
    with serving(tmp_path / "qmp", machine) as address:
        switch = PowerSwitch(PowerBench(qmp=address, settle_seconds=0.01))
        switch.off()
        assert not machine.running
        assert machine.told == ["qmp_capabilities", "stop", "system_reset", "query-status"]
        switch.on()
        assert machine.running


def test_a_cycle_is_off_and_then_on(tmp_path: Path) -> None:
    machine = Machine()
    with serving(tmp_path / "qmp", machine) as address:
        PowerSwitch(PowerBench(qmp=address, settle_seconds=0.01)).cycle()
    assert [word for word in machine.told if word in {"stop", "cont"}] == ["stop", "cont"]


def test_a_machine_that_goes_on_running_was_not_switched_off(tmp_path: Path) -> None:
    with serving(tmp_path / "qmp", Machine(deaf=True)) as address:
        with pytest.raises(BenchError, match=r"reports after power off: .*running"):
            QmpPower(address).off()


def test_a_refusal_is_told_in_qemus_words_made_printable(tmp_path: Path) -> None:
    with serving(tmp_path / "qmp", Machine(refused=("cont",))) as address:
        with pytest.raises(BenchError, match=r"refused `cont`: no cont today\\x1b\[2J") as failure:
            QmpPower(address).on()
    assert "\x1b" not in str(failure.value)


def test_a_socket_that_is_not_there_is_the_benchs_fault(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no QEMU answers at unix:.*No such file") as failure:
        QmpPower(f"unix:{tmp_path / 'qmp'}").off()
    assert "-qmp" in failure.value.next_step


def test_a_port_where_nobody_listens_is_the_benchs_fault() -> None:
    with pytest.raises(BenchError, match="refused"):
        QmpPower(f"127.0.0.1:{free_port()}").off()


def test_a_machine_that_serves_another_program_is_silent_and_that_is_said(tmp_path: Path) -> None:
    with serving(tmp_path / "qmp", Machine()) as address:
        with Qmp(address), pytest.raises(BenchError, match="did not answer within") as failure:
            Qmp(address, seconds=0.2).__enter__()
    assert "one at a time" in failure.value.next_step


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"[]\n", b'{"hello": 1}\n', b"[" * 60_000 + b"\n"])
def test_what_speaks_another_protocol_is_told_so(greeting: bytes) -> None:
    with saying(lambda client: client.sendall(greeting)) as address:
        with pytest.raises(BenchError, match="does not use QEMU's machine protocol"):
            QmpPower(address).on()


def test_what_a_starting_qemu_reports_before_it_greets_is_passed_over(tmp_path: Path) -> None:
    machine = Machine(early=b'{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESUME"}\r\n')
    with serving(tmp_path / "qmp", machine) as address:
        QmpPower(address).off()
    assert not machine.running


def test_events_without_a_greeting_are_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "TOTAL_LIMIT", 10_000)
    with saying(lambda client: client.sendall(b'{"event": "RESUME"}\n' * 5_000)) as address:
        with pytest.raises(BenchError, match="does not use QEMU's machine protocol"):
            QmpPower(address).on()


def test_a_message_without_end_is_not_read_for_ever() -> None:
    with saying(lambda client: client.sendall(b" " * (qmp.MESSAGE_LIMIT * 3))) as address:
        with pytest.raises(BenchError, match="does not use QEMU's machine protocol"):
            QmpPower(address).on()


def test_events_without_end_are_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "TOTAL_LIMIT", 10_000)
    with saying(lambda client: client.sendall(b'{"QMP": {}}\n' + b'{"event": "STOP"}\n' * 5_000)) as address:
        with pytest.raises(BenchError, match="does not use QEMU's machine protocol"):
            QmpPower(address).on()


def test_a_machine_that_ends_in_the_middle_is_the_benchs_fault() -> None:
    def greet_and_hang_up(client: socket.socket) -> None:
        client.sendall(b'{"QMP": {}}\n')
        client.recv(4096)

    with saying(greet_and_hang_up) as address:
        with pytest.raises(BenchError, match="closed the connection"):
            QmpPower(address).off()


@pytest.mark.parametrize("address", ["unix:", "4444", "host", "a b:1", "::1:4444"])
def test_an_address_of_another_form_is_refused_with_the_bench_file(address: str) -> None:
    with pytest.raises(ValidationError, match="neither unix:/path nor host:port"):
        PowerBench(qmp=address)


@pytest.mark.parametrize("given", [{"on": "a"}, {"off": "a"}, {}, {"on": "a", "off": "b", "qmp": "unix:/q"}])
def test_a_switch_has_on_and_off_or_qmp(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give both on and off, or only qmp"):
        PowerBench(**given)


@pytest.mark.skipif(QEMU is None, reason="QEMU is not installed: apt-get install qemu-system-arm")
def test_a_real_qemu_is_switched_off_and_on(tmp_path: Path) -> None:
    assert QEMU is not None
    path = tmp_path / "qmp"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)  # two threads of QEMU may accept one client that comes early, and one would wait
        command = [QEMU, "-M", "none", "-nodefaults", "-display", "none", "-chardev"]
        command += [f"socket,id=qmp,fd={listener.fileno()},server=on,wait=off", "-mon", "chardev=qmp,mode=control"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()])
    try:
        with Qmp(f"unix:{path}", seconds=120):  # a busy machine takes its time to start it
            pass
        switch = PowerSwitch(PowerBench(qmp=f"unix:{path}", settle_seconds=0.01))
        switch.off()
        switch.off()
        with Qmp(f"unix:{path}") as machine:
            assert machine.execute("query-status")["running"] is False
        switch.cycle()
        with Qmp(f"unix:{path}") as machine:
            assert machine.execute("query-status")["running"] is True
    finally:
        process.terminate()
        process.wait(60)
