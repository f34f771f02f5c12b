"""Starting from altered storage, on a small board whose chip is a file that its bench reads and writes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from drivers.power.switch import PowerSwitch
from drivers.storage import altered
from drivers.storage.altered import MOST_PLACES, AlteredStart, StartAltered, places_of
from drivers.storage.dump import Image
from drivers.storage.watched_start import Refusal, WatchedStart
from lab_config.bench import PowerBench, StorageBench
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.pty_device import Line, playing
from tests.drivers.web_device import IDENTITY, PASSWORDS, Device, running
from trustprobe.errors import BenchError

KERNEL, SLOT = b"Acme kernel 6.1", b"Acme system 1.4.0"
SOLD = b"\0" * 9 + KERNEL + b"\xff" * 9 + SLOT + b"\0"
PARTS = {"kernel": r"Acme kernel [\d.]+", "slot": r"Acme system [\d.]+"}
SPOILT = "Nothing here is signed"
COPY = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"
NOTHING = "pass"
FAIL_SECOND = """
import pathlib, shutil, sys
tried = pathlib.Path(sys.argv[2] + ".tried")
if tried.exists(): sys.exit("write protected")
tried.touch(); shutil.copyfile(sys.argv[1], sys.argv[2])
"""
SPOILING = f"""
import pathlib, sys
image, chip = map(pathlib.Path, sys.argv[1:])
chip.write_bytes(image.read_bytes().replace({KERNEL!r}, b"Acme kernel 0.0"))
"""
BOOT_SECONDS = 0.3


@dataclass(frozen=True)
class Board(PowerSwitch):
    """A board that starts what its chip holds, with the habits of `device`."""

    device: Device
    chip: Path
    up: Event

    def off(self) -> None:
        if "switch_does_nothing" not in self.device.habits:
            self.up.clear()

    def on(self) -> None:
        if "switch_does_nothing" in self.device.habits:
            return
        octets = self.chip.read_bytes()
        if "repairs" in self.device.habits:
            self.chip.write_bytes(SOLD)
        elif "verifies" in self.device.habits and octets != SOLD:
            if "falls_back" not in self.device.habits or KERNEL not in octets:
                return
            self.device.version, self.device.slot = "1.3.0", "b"
        else:
            self.device.version, self.device.slot = "1.4.0", "a"
        self.device.restart()
        self.up.set()


@contextmanager
def board(folder: Path, *habits: str, write: str = COPY, password: str = PASSWORDS["admin"]) -> Iterator[StartAltered]:
    chip = folder / "chip"
    chip.write_bytes(SOLD)
    up = Event()
    up.set()
    with running(*habits) as device:
        power = Board(PowerBench(on="on", off="off", settle_seconds=0.01), device, chip, up)
        python = (sys.executable, "-c")
        storage = StorageBench(
            dump=(*python, COPY, str(chip), "{file}"), write=(*python, write, "{file}", str(chip)), seconds=20
        )
        yield StartAltered(
            storage, PARTS, WatchedStart(power, up.wait, device.web(password=password), IDENTITY, BOOT_SECONDS)
        )


def started(folder: Path, *habits: str) -> AlteredStart:
    with board(folder, *habits) as probe:
        seen = probe.run(MemoryRecorder())
    assert (folder / "chip").read_bytes() == SOLD
    return seen


def test_a_board_that_verifies_nothing_starts_each_altered_part(tmp_path: Path) -> None:
    seen = started(tmp_path)
    assert seen.seen == {"kernel", "slot"}
    assert "altered at 1 place: started as before: version 1.4.0 in slot a" in seen.row("slot").detail("slot")


@pytest.mark.parametrize("verifies", [True, False])
def test_a_switch_that_switches_nothing_leaves_every_part_open(tmp_path: Path, verifies: bool) -> None:
    seen = started(tmp_path, "switch_does_nothing", *(["verifies"] if verifies else []))
    assert seen.silent == {"kernel", "slot"}
    for part in ("kernel", "slot"):
        assert not seen.row(part).conclusive
        assert "no new boot id shows that the device restarted" in seen.row(part).unproven


def test_a_switch_that_fails_after_the_first_start_leaves_the_second_part_open(tmp_path: Path) -> None:
    with board(tmp_path) as probe:
        power = probe.device.power
        assert isinstance(power, Board)

        class Failing(Board):
            def on(self) -> None:
                super().on()
                self.device.habits.add("switch_does_nothing")

        failing = Failing(power.bench, power.device, power.chip, power.up)
        device = WatchedStart(failing, power.up.wait, probe.device.web, IDENTITY, BOOT_SECONDS)
        seen = StartAltered(probe.storage, PARTS, device).run(MemoryRecorder())
    assert seen.seen == {"kernel"}
    assert seen.silent == {"slot"}
    assert not seen.row("slot").conclusive


def test_a_board_that_does_not_start_altered_software_is_silent_and_the_old_storage_is_the_witness(
    tmp_path: Path,
) -> None:
    seen = started(tmp_path, "verifies")
    assert seen.silent == {"kernel", "slot"}
    assert seen.row("kernel").conclusive


def test_other_software_that_starts_in_place_of_the_altered_is_a_refusal(tmp_path: Path) -> None:
    seen = started(tmp_path, "verifies", "falls_back")
    assert seen.silent == {"kernel"}
    assert "other software started: version 1.3.0 in slot b" in seen.row("slot").detail("slot")
    assert seen.row("slot").refused == {"slot"}


def test_a_board_that_puts_its_storage_right_before_it_starts_has_not_started_what_was_altered(tmp_path: Path) -> None:
    seen = started(tmp_path, "repairs")
    assert seen.refused == {"kernel", "slot"}
    assert "repaired it" in seen.detail("slot")


def test_a_text_that_the_storage_does_not_hold_proves_nothing(tmp_path: Path) -> None:
    with board(tmp_path, "verifies") as probe:
        other = StartAltered(probe.storage, {**PARTS, "loader": "Acme loader"}, probe.device)
        seen = other.run(MemoryRecorder())
    assert seen.row("kernel").conclusive
    assert not seen.row("loader").conclusive
    assert "contains no text that matches 'Acme loader'" in seen.detail("loader")


def test_a_board_that_does_not_come_back_with_its_old_storage_proves_nothing(tmp_path: Path) -> None:
    with board(tmp_path, "verifies") as probe:
        (tmp_path / "chip").write_bytes(SOLD + b"!")  # it would not have started from this one either
        seen = probe.run(MemoryRecorder())
    assert seen.silent == {"kernel", "slot"}
    assert not seen.row("kernel").conclusive


def test_a_chip_that_takes_no_writing_is_a_fault_of_the_bench_and_the_board_runs_again(tmp_path: Path) -> None:
    with board(tmp_path, write=NOTHING) as probe:
        with pytest.raises(BenchError, match="does not contain the data that was written"):
            probe.run(MemoryRecorder())
        assert probe.device.ready(0)


def test_a_board_whose_storage_cannot_be_read_gets_its_power_back(tmp_path: Path) -> None:
    with board(tmp_path) as probe:
        storage = probe.storage.model_copy(
            update={"dump": (sys.executable, "-c", "raise SystemExit('no clip')", "{file}")}
        )
        with pytest.raises(BenchError, match="no clip"):
            StartAltered(storage, PARTS, probe.device).run(MemoryRecorder())
        assert probe.device.ready(0)


def kept_by(error: BenchError) -> bytes:
    """Return the image that the error names, and remove it."""
    kept = Path(str(error).split("Write ")[1].split(" to it")[0])
    octets = kept.read_bytes()
    kept.unlink()
    kept.parent.rmdir()
    return octets


def test_an_image_that_cannot_be_put_back_is_kept_and_named(tmp_path: Path) -> None:
    with board(tmp_path, write=FAIL_SECOND) as probe, pytest.raises(BenchError, match="write protected") as raised:
        probe.run(MemoryRecorder())
    assert kept_by(raised.value) == SOLD


def test_an_image_that_reads_back_otherwise_than_it_was_put_back_is_kept_and_named(tmp_path: Path) -> None:
    with (
        board(tmp_path, write=SPOILING) as probe,
        pytest.raises(BenchError, match="but reads back differently") as raised,
    ):
        StartAltered(probe.storage, {"kernel": PARTS["kernel"]}, probe.device).run(MemoryRecorder())
    assert kept_by(raised.value) == SOLD


def test_an_image_whose_writing_back_is_interrupted_is_kept_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(altered, "write_image", interrupted)
    with board(tmp_path) as probe, pytest.raises(BenchError, match="it was interrupted") as raised:
        probe.run(MemoryRecorder())
    assert kept_by(raised.value) == SOLD


def test_a_board_whose_software_cannot_be_read_keeps_its_storage_untouched(tmp_path: Path) -> None:
    with board(tmp_path, write="raise SystemExit('written')", password="wrong") as probe:
        with pytest.raises(BenchError, match="the storage was not touched"):
            probe.run(MemoryRecorder())
        assert probe.device.ready(0)


def test_what_the_bootloader_says_on_the_console_is_a_refusal(tmp_path: Path) -> None:
    def boot(line: Line) -> None:
        line.write(f"\r\nBoot 1.0\r\n{SPOILT}\r\n")

    with playing(lambda _line: None, boot) as port, board(tmp_path, "verifies") as probe:
        power = probe.device.power
        assert isinstance(power, Board)

        class Heard(Board):
            def on(self) -> None:
                super().on()
                if not self.up.is_set():
                    port.restart()

        heard = Heard(power.bench, power.device, power.chip, power.up)
        refusal = Refusal(port.bench, 115200, f"^{SPOILT}")
        device = WatchedStart(heard, power.up.wait, probe.device.web, IDENTITY, 20, refusal)
        seen = StartAltered(probe.storage, PARTS, device).run(MemoryRecorder())
    assert seen.refused == {"kernel", "slot"}
    assert seen.row("slot").conclusive
    assert SPOILT in seen.detail("slot")


def test_the_last_letter_of_each_match_is_altered_and_no_more_than_a_few(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"Fit 1. Fit 2." + b"Fit 3." * MOST_PLACES)
    image = Image(path, path.stat().st_size, path.stat().st_size)
    assert places_of(r"Fit \d\.", image)[:2] == (2, 9)
    assert len(places_of(r"Fit \d\.", image)) == MOST_PLACES
    assert places_of(r"\d\.", image) == ()
