from pathlib import Path

import pytest

from tests.virtual_lab.firmware.stand_in import program
from trustprobe.errors import ConfigurationError
from virtual_lab.firmware.machine.qemu import CONSOLE_LOG, LOG, Qemu, require_qemu


def saying(folder: Path, words: str) -> str:
    path = folder / "qemu"
    path.write_text(f"#!/bin/sh\necho '{words}'\n", "utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_machine_without_qemu_is_told_what_to_install() -> None:
    with pytest.raises(ConfigurationError, match="no-such-qemu is not on this machine") as failure:
        require_qemu("no-such-qemu")
    assert "apt-get install qemu-system-arm" in failure.value.next_step


def test_a_qemu_that_is_too_old_is_told_by_its_version(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is 4\.2, which is too old"):
        require_qemu(saying(tmp_path, "QEMU emulator version 4.2.1 (Debian)"))


def test_a_program_that_is_no_qemu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="names no version"):
        require_qemu(saying(tmp_path, "hello"))


def test_a_program_that_cannot_run_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "qemu"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(ConfigurationError, match="does not run"):
        require_qemu(str(broken))


@pytest.mark.parametrize("version", ["5.2.0", "7.2.22 (Debian 1:7.2)", "10.0.0"])
def test_newer_versions_are_taken(version: str, tmp_path: Path) -> None:
    require_qemu(saying(tmp_path, f"QEMU emulator version {version}"))


def test_a_comma_in_a_path_does_not_become_an_option(tmp_path: Path) -> None:
    words = Qemu(tmp_path / "a,b", ["qemu"]).options(3, 4, None)
    assert any(f"logfile={tmp_path}/a,,b/{CONSOLE_LOG}," in word for word in words)
    assert "-gdb" not in words


def test_the_debug_port_is_connected_where_it_is_asked_for(tmp_path: Path) -> None:
    assert "-gdb" in Qemu(tmp_path, ["qemu"]).options(3, 4, 5)


def test_a_folder_too_deep_for_a_socket_is_one_sentence(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with pytest.raises(ConfigurationError, match="too long for a socket"):
        Qemu(deep, [program(tmp_path)]).__enter__()
    assert not list(deep.iterdir())


def test_last_words_are_printable_and_few(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(b"qemu: no such device\n")
    (tmp_path / CONSOLE_LOG).write_bytes(b"x" * 100_000 + b"\nPANIC \x1b[2J\n")
    words = Qemu(tmp_path, ["qemu"]).last_words()
    assert words.startswith("qemu: no such device\n")
    assert words.endswith(r"PANIC \x1b[2J")
    assert len(words) < 4_000
