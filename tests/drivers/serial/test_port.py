import errno
import os
import socket
import threading
from pathlib import Path

import pytest
import serial

from drivers.serial.port import TRANSCRIPT_LIMIT, Awaited, Console, PlainText
from lab_config.bench import ConsoleBench
from tests.drivers.serial.pty_device import Line, playing
from trustprobe.errors import BenchError

PROMPT = Awaited.prompt("# ")


def printing(*parts: str) -> Console:
    """A console whose text is already there."""
    console = Console(ConsoleBench(url="unused"), 115200)
    console._text = "".join(parts)
    return console


def test_a_prompt_is_the_last_thing_printed() -> None:
    assert PROMPT.find("welcome\n# ")
    assert not PROMPT.find("# Welcome\nto the device\n")
    assert not PROMPT.find("price: # ")


def test_a_line_is_found_behind_others_but_only_from_its_start() -> None:
    awaited = Awaited.line("Login incorrect")
    assert awaited.find("\nfoo\nLogin incorrect\nacme login: ")
    assert not awaited.find("last message: Login incorrect\n")


def test_a_pattern_may_carry_its_own_anchor_and_flags() -> None:
    assert Awaited.line("(?m)^acme").find("x\nacme")
    assert Awaited.prompt("(?i)^ACME login: ").find("x\nacme login: ")


def test_text_is_the_same_however_the_bytes_are_cut() -> None:
    data = "a\r\n\x1b[1;31mred\x1b[0m\x1b]0;title\x07\r\n2\b\b1 \u00e4\r\rover\x00\x1b(B\r\n\n".encode()
    whole = PlainText().feed(data)
    pieces = PlainText()
    assert "".join(pieces.feed(data[index : index + 1]) for index in range(len(data))) == whole
    assert whole == "a\nred\n21 \u00e4\nover\n\n"


def test_an_escape_sequence_without_an_end_hides_nothing_for_ever() -> None:
    assert "login" in PlainText().feed(b"\x1b]" + b"x" * 10_000 + b"\nlogin")


def test_half_a_line_is_no_prompt() -> None:
    def device(line: Line) -> None:
        line.key()
        line.write("# ")
        line.key(0.02)
        line.write("Welcome\r\n")

    with playing(device) as dut, Console(dut.bench, 115200) as console:
        console.send("x")
        assert console.read_until(Awaited.prompt("# ", settle=0.5), seconds=0.8) is None


def test_what_comes_behind_a_match_stays_for_the_next_read() -> None:
    def device(line: Line) -> None:
        line.key()
        line.write("Login incorrect\r\nacme login: ")

    with playing(device) as dut, Console(dut.bench, 115200) as console:
        console.send("x")
        first = console.read_until(Awaited.line("Login incorrect"), seconds=5)
        second = console.read_until(Awaited.prompt("acme login: "), seconds=5)
        assert (first and first.text, second and second.text) == ("Login incorrect", "acme login: ")


def flood(line: Line) -> None:
    while True:
        line.write("\x1b[31m" + "x" * 500)


def test_endless_output_ends_with_the_deadline_and_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.serial.port.TRANSCRIPT_LIMIT", 10_000)
    with playing(flood) as dut, Console(dut.bench, 115200) as console:
        assert console.read_until(PROMPT, seconds=0.5) is None
        console.drain()
        assert console.received > 10_000
        assert len(console.transcript()) == 10_000
        assert console.transcript(console.received) == b""


def test_the_transcript_is_bounded_by_a_mebibyte() -> None:
    assert TRANSCRIPT_LIMIT == 1 << 20


def test_a_port_that_goes_away_is_the_benchs_fault() -> None:
    with playing(lambda line: line.rest()) as dut, Console(dut.bench, 115200) as console:
        dut.line.finish()
        dut.errors.append(OSError())
        dut.unplug()
        with pytest.raises(BenchError, match="disappeared"):
            console.read_until(PROMPT, seconds=5)


def test_a_missing_port_says_what_to_plug_or_correct(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchError, match="does not exist") as caught,
        Console(ConsoleBench(url=str(tmp_path / "ttyUSB7")), 115200),
    ):
        pass
    assert "console.url" in caught.value.next_step


def test_a_port_without_permission_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(BenchError) as caught, Console(ConsoleBench(url="port"), 115200):
        pass
    assert "dialout" in caught.value.next_step


def test_a_port_is_opened_by_one_at_a_time() -> None:
    with playing(lambda line: line.rest()) as dut, Console(dut.bench, 115200):
        with pytest.raises(BenchError, match="another program uses"), Console(dut.bench, 115200):
            pass


@pytest.mark.parametrize("url", ["nonsense://x", "socket://127.0.0.1:99999"])
def test_an_url_that_is_none_is_the_benchs_fault(url: str) -> None:
    with pytest.raises(BenchError, match="could not be opened"), Console(ConsoleBench(url=url), 115200):
        pass


def test_a_network_port_is_read_like_a_cable_but_carries_no_break() -> None:
    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(1)
            connection.sendall(b"\r\nacme login: ")
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Console(ConsoleBench(url=url), 115200) as console:
            console.send("\r")
            assert console.read_until(Awaited.prompt("acme login: "), seconds=5)
            assert console.send_break() is False
        thread.join(5)


def test_closing_gives_the_port_free_again() -> None:
    with playing(lambda line: line.rest()) as dut:
        for _ in range(3):
            with Console(dut.bench, 115200):
                pass
        assert os.isatty(dut.slave)
