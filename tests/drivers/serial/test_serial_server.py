"""The console over the network: socket:// and rfc2217://, to the same scripts on a pty that the cable tests play."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from serial import rfc2217
from serial.rfc2217 import PortManager

from drivers.serial.console import ConsoleDoor, ObserveConsoleLogin
from drivers.serial.port import Awaited, Console
from lab_config.bench import ConsoleBench
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.pty_device import DECLARATION, Getty, Line
from tests.drivers.serial.serial_servers import Mute, OneRate, SerialServer, Unbreakable, serving
from tests.free_ports import free_port
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

LOGIN = Awaited.prompt("acme login: ")
PLAIN = "socket"


def at(server: SerialServer, scheme: str = "rfc2217", query: str = "") -> ConsoleBench:
    return ConsoleBench(url=f"{scheme}://{server.address}{query}")


@contextmanager
def answering(say: bytes) -> Iterator[str]:
    """A port that says something at the first key, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1)
                client.sendall(say)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


@pytest.mark.parametrize(("scheme", "manager"), [(PLAIN, None), ("rfc2217", PortManager)])
def test_the_console_of_a_serial_server_is_judged_like_one_on_a_cable(
    scheme: str, manager: type[PortManager] | None
) -> None:
    with serving(Getty(), manager) as server:
        probe = ObserveConsoleLogin(at(server, scheme), DECLARATION, "service", "correct horse")
        login = probe.run(MemoryRecorder())
        assert login.refused == {"return", "ctrl_c", "break"}
        assert login.conclusive
        assert login.break_sent is (scheme == "rfc2217")


@pytest.mark.parametrize(("scheme", "manager"), [(PLAIN, None), ("rfc2217", PortManager)])
def test_attempts_follow_each_other_each_over_a_connection_of_its_own(
    scheme: str, manager: type[PortManager] | None
) -> None:
    with serving(Getty(), manager) as server:
        door = ConsoleDoor(at(server, scheme), DECLARATION)
        answers = [door.attempt("service", word).answer for word in ("wrong", "correct horse", "wrong")]
        assert answers == [Answer.REFUSED, Answer.SEEN, Answer.REFUSED]
        assert len(server.clients) == 3


def test_a_break_reaches_the_line_behind_an_rfc_2217_server() -> None:
    with serving(Getty(), PortManager) as server, Console(at(server), 115200) as console:
        assert console.send_break() is True
        assert server.port.breaks == [True, False]


def test_the_declared_rate_reaches_the_line_behind_an_rfc_2217_server() -> None:
    with serving(Getty(), PortManager) as server, Console(at(server), 57600):
        assert server.port.baudrate == 57600


def test_every_octet_passes_through_an_rfc_2217_server() -> None:
    everything = bytes(range(256)) * 2

    def device(line: Line) -> None:
        line.key()
        line.write(everything + b"\r\nacme login: ")

    with serving(device, PortManager) as server, Console(at(server), 115200) as console:
        console.send("x")
        assert console.read_until(LOGIN, seconds=5)
        assert everything in console.transcript()


@pytest.fixture
def short_wait_for_control(monkeypatch: pytest.MonkeyPatch) -> None:
    """For servers that acknowledge no control lines: only that is waited out, and what they answer has its time."""
    set_control = rfc2217.Serial.rfc2217_set_control

    def soon(port: rfc2217.Serial, value: bytes) -> None:
        monkeypatch.setattr(port, "_network_timeout", 0.2)
        set_control(port, value)

    monkeypatch.setattr(rfc2217.Serial, "rfc2217_set_control", soon)


@pytest.mark.usefixtures("short_wait_for_control")
def test_a_server_that_acknowledges_no_control_lines_is_asked_to_be_named_so() -> None:
    with serving(Getty(), Mute) as server:
        with pytest.raises(BenchError, match="acknowledges no control lines") as caught:
            Console(at(server), 115200).__enter__()
        assert "ign_set_control" in caught.value.next_step


def test_a_server_that_acknowledges_no_control_lines_serves_where_it_is_named_so() -> None:
    with serving(Getty(), Mute) as server, Console(at(server, query="?ign_set_control"), 115200) as console:
        console.send("\r")
        assert console.read_until(LOGIN, seconds=5)
        assert console.send_break() is True
        assert server.port.breaks_once_there_are(2) == [True, False]


def test_a_server_that_refuses_a_break_says_that_none_was_sent() -> None:
    with serving(Getty(), Unbreakable) as server, Console(at(server), 115200) as console:
        assert console.send_break() is False


def test_a_server_that_keeps_another_rate_is_the_benchs_fault() -> None:
    with serving(Getty(), OneRate) as server:
        with pytest.raises(BenchError, match="refuses a line setting"):
            Console(at(server), 115200).__enter__()


@pytest.mark.parametrize(("scheme", "manager"), [(PLAIN, None), ("rfc2217", PortManager)])
def test_a_server_that_hangs_up_is_the_benchs_fault_and_not_the_cables(
    scheme: str, manager: type[PortManager] | None
) -> None:
    with serving(Getty(), manager) as server:
        with Console(at(server, scheme), 115200) as console:
            console.send("\r")
            assert console.read_until(LOGIN, seconds=5)
            server.hang_up()
            with pytest.raises(BenchError, match="disappeared") as caught:
                console.read_until(Awaited.line("never"), seconds=5)
        assert "serial server" in caught.value.next_step
        with Console(at(server, scheme), 115200) as console:
            console.send("\r")
            assert console.read_until(LOGIN, seconds=5)


def test_the_last_words_of_a_server_are_read() -> None:
    with answering(b"kernel panic\r\n") as address, Console(ConsoleBench(url=f"socket://{address}"), 115200) as console:
        console.send("\r")
        assert console.read_until(Awaited.line("kernel panic"), seconds=5)
        with pytest.raises(BenchError, match="disappeared"):
            console.read_until(Awaited.line("never"), seconds=5)


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_port_where_nobody_listens_says_what_to_start(scheme: str) -> None:
    with pytest.raises(BenchError, match="no server listens") as caught:
        Console(ConsoleBench(url=f"{scheme}://127.0.0.1:{free_port()}"), 115200).__enter__()
    assert "serial server" in caught.value.next_step


def test_a_port_that_speaks_something_else_than_rfc_2217_is_named() -> None:
    with serving(Getty()) as server:
        with pytest.raises(BenchError, match=r"does not support RFC 2217") as caught:
            Console(at(server, query="?timeout=0.5"), 115200).__enter__()
        assert "socket://" in caught.value.next_step


@pytest.mark.parametrize("url", ["socket://127.0.0.1", "rfc2217://127.0.0.1", "socket://127.0.0.1:1?nonsense"])
def test_an_address_without_a_port_or_with_an_unknown_option_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(BenchError, match="could not be opened"):
        Console(ConsoleBench(url=url), 115200).__enter__()
