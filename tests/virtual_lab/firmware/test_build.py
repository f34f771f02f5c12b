"""The build of the firmware device: what it is made of, without a tool, and how the cache keeps it whole."""

import hashlib
import os
import stat
import struct
import zlib
from pathlib import Path

import pytest

from trustprobe.errors import BenchError, ConfigurationError
from virtual_lab.defects import plantable
from virtual_lab.firmware import build, planted
from virtual_lab.firmware.image import disk, elf, host, packages, rootfs, swu


def _own() -> dict[str, rootfs.Entry]:
    return rootfs.own()


def test_a_missing_tool_is_one_sentence_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "find", lambda tool: None if tool == "mksquashfs" else f"/usr/bin/{tool}")
    monkeypatch.setattr(host, "FILES", {})
    with pytest.raises(BenchError, match="squashfs-tools missing") as raised:
        host.require_tools()
    assert raised.value.next_step == "Run: sudo apt-get install --no-install-recommends squashfs-tools"


def test_a_program_that_fails_says_what_it_said() -> None:
    with pytest.raises(BenchError, match="no-such-file"):
        host.run(["ls", "/no-such-file"])


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(BenchError, match="took longer"):
        host.run(["tail", "-f", "/dev/null"], seconds=0.1)


def test_an_unknown_defect_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="no_such_flaw"):
        build.build(["no_such_flaw"])


def test_the_command_answers_2_for_what_cannot_be_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["no_such_flaw"]) == 2
    assert "virtual_lab/firmware/defects.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(plantable("firmware")))
def test_each_planted_flaw_changes_the_device(name: str) -> None:
    environment = planted.boot_environment(disk.BOOT_ENVIRONMENT, [name])
    changed = planted.files(_own(), [name]) != _own()
    factory = bool(planted.labels([name])) or planted.other_hardware([name], "1.0") != "1.0"
    assert changed or factory or planted.unsigned_boot([name]) or environment != dict(disk.BOOT_ENVIRONMENT)


def test_a_flaw_whose_text_is_gone_is_not_planted_in_silence() -> None:
    entries = _own() | {"etc/inittab": rootfs.Entry(stat.S_IFREG | 0o644, b"")}
    with pytest.raises(ValueError, match="telnetd_open"):
        planted.files(entries, ["telnetd_open"])


def test_the_hardened_boot_takes_no_key_and_ends_in_a_reset() -> None:
    assert disk.BOOT_ENVIRONMENT["bootdelay"] == "-2"
    assert disk.BOOT_ENVIRONMENT["bootcmd"].endswith("; reset")


def test_an_environment_carries_its_checksum() -> None:
    written = disk.environment({"slot": "b", "bootdelay": "-2"}, 4096)
    assert len(written) == 4096
    assert struct.unpack("<I", written[:4])[0] == zlib.crc32(written[4:])
    assert written[4:].startswith(b"bootdelay=-2\0slot=b\0\0")


def test_an_environment_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="octets of"):
        disk.environment({"bootcmd": "x" * 100}, 64)


def test_an_archive_is_the_same_each_time_and_holds_its_folders() -> None:
    entries = {"usr/lib/hub/start": rootfs.Entry(stat.S_IFREG | 0o755, b"#!/bin/sh\n")}
    assert rootfs.archive(entries) == rootfs.archive(entries)
    assert rootfs.archive(entries).count(b"070701") == 5  # three folders, the file, and the end


def test_scripts_of_the_device_can_be_run_and_its_data_not() -> None:
    entries = _own()
    assert entries["usr/lib/hub/start"].mode == stat.S_IFREG | 0o755
    assert entries["etc/passwd"].mode == stat.S_IFREG | 0o644


def test_a_file_that_is_no_program_needs_no_library(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("hello")
    assert elf.needed(text) == []


def test_libraries_that_libraries_need_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wants = {"program": ["a.so"], "a.so": ["b.so"], "b.so": ["a.so"]}
    monkeypatch.setattr(elf, "needed", lambda path: wants[path.name])
    libraries = {name: tmp_path / name for name in ("a.so", "b.so")}
    assert elf.closure([tmp_path / "program"], libraries) == set(libraries.values())


def test_a_description_names_the_digest_of_the_image() -> None:
    described = swu.description("1.1.0", b"fit").decode()
    assert described.count(hashlib.sha256(b"fit").hexdigest()) == 2
    assert 'version = "1.1.0"' in described


def test_a_container_sums_each_part() -> None:
    written = swu.container([("sw-description", b"ab")])
    assert written.startswith(b"070702")
    assert f"{ord('a') + ord('b'):08X}".encode() in written[:110]


def test_what_apt_plans_is_what_is_unpacked() -> None:
    line = "Inst libc6 (2.36-9+deb12u10 Debian:12.11/stable [arm64])\nConf libc6 (2.36 Debian:12.11/stable [arm64])\n"
    assert packages._PLANNED.findall(line) == [("libc6", "2.36-9+deb12u10", "arm64")]


def test_a_damaged_build_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "disk.img").write_bytes(b"1234")

    build._made(tmp_path / "variant", make)
    build._made(tmp_path / "variant", make)
    assert len(made) == 1
    (tmp_path / "variant" / "disk.img").write_bytes(b"12")
    build._made(tmp_path / "variant", make)
    (tmp_path / "variant" / "disk.img").write_bytes(b"1235")
    build._made(tmp_path / "variant", make)
    assert len(made) == 3
    assert (tmp_path / "variant" / "disk.img").read_bytes() == b"1234"


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "half").write_bytes(b"")
        raise BenchError("no mirror")

    with pytest.raises(BenchError):
        build._made(tmp_path / "variant", make)
    assert [path.name for path in tmp_path.iterdir()] == ["variant.lock"]


def test_variants_that_nobody_used_for_long_are_removed(tmp_path: Path) -> None:
    for number in range(build._KEPT_VARIANTS + 2):
        folder = tmp_path / f"{number:016x}"
        folder.mkdir()
        (folder / "complete").write_text("")
        os.utime(folder, (number, number))
    build._prune(tmp_path, tmp_path / "current")
    assert len(list(tmp_path.iterdir())) == build._KEPT_VARIANTS
