import threading

import pytest

from drivers.serial.bootloader import InterruptAutoboot
from drivers.serial.console import TEXT_LIMIT, BootLog, CaptureBoot
from lab_config.base import Absent
from lab_config.component import ConsoleDeclaration
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.pty_device import DECLARATION, Board, Getty, Line, PtyDevice, Script, off, playing, root_shell
from tests.drivers.serial.test_port import flood
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Observation

NO_COUNTDOWN = Absent(absent="the bootloader starts the system at once")


def captured(dut: PtyDevice, seconds: float = 40) -> BootLog:
    return CaptureBoot(dut.bench, DECLARATION, dut.restart, seconds).run(MemoryRecorder())


def interrupted(dut: PtyDevice, seconds: float = 40, declaration: ConsoleDeclaration = DECLARATION) -> Observation:
    return InterruptAutoboot(dut.bench, declaration, dut.restart, seconds).run(MemoryRecorder())


def test_a_boot_log_is_captured_from_its_first_line_to_the_login() -> None:
    with playing(Getty(), boot=Board(unattended=True)) as dut:
        log = captured(dut)
        lines = log.text.splitlines()
        assert lines[0] == "AcmeBoot 2.1 (reset: power-on)"
        assert lines[-1] == "acme login: "
        assert log.seen == {"boot_log"}
        assert log.conclusive and log.first_line_seen and log.login_seen


def test_what_a_device_prints_while_it_starts_cannot_act_on_a_terminal() -> None:
    with playing(off, boot=Board(unattended=True, extra="\x1b[2J\u202ewifi_psk=x\r\n")) as dut:
        text = captured(dut).text
        assert "wifi_psk=x" in text
        assert "\x1b" not in text and "\u202e" not in text


def test_a_boot_log_without_its_first_line_proves_nothing() -> None:
    with playing(off, boot=Board(unattended=True, first_line="something else")) as dut:
        log = captured(dut, seconds=5)
        assert not log.first_line_seen
        assert not log.conclusive
        assert log.seen == {"boot_log"}  # a secret in it would count
        assert log.login_seen


def test_a_boot_that_ends_in_a_shell_is_captured_to_its_end() -> None:
    boards = iter([Board(getty=root_shell, unattended=True), Board(getty=root_shell)])
    with playing(off, boot=lambda line: next(boards)(line)) as dut:
        log = captured(dut)
        assert log.conclusive and not log.login_seen
        assert interrupted(dut).refused == {"keys"}


@pytest.mark.parametrize("boot", [off, flood], ids=["mute", "endless output"])
def test_a_device_that_does_not_boot_leaves_a_log_that_proves_nothing(boot: Script) -> None:
    with playing(off, boot=boot) as dut:
        log = captured(dut, seconds=1)
        assert log.seen == ({"boot_log"} if boot is flood else set())
        assert not log.conclusive


def test_a_boot_log_is_bounded_and_says_that_it_was_cut() -> None:
    with playing(off, boot=Board(unattended=True, extra="\x1b" * (TEXT_LIMIT // 2) + "\r\n")) as dut:
        log = captured(dut, seconds=30)
        assert len(log.text) == TEXT_LIMIT
        assert not log.conclusive


def test_an_error_of_the_power_switch_reaches_the_caller() -> None:
    def broken() -> None:
        raise BenchError("the power switch did not answer.")

    with playing(Getty()) as dut, pytest.raises(BenchError, match="power switch"):
        CaptureBoot(dut.bench, DECLARATION, broken, 30).run(MemoryRecorder())


def test_a_bootloader_that_ignores_keys_refuses_them() -> None:
    with playing(Getty(), boot=Board()) as dut:
        seen = interrupted(dut)
        assert seen.refused == {"keys"}
        assert seen.conclusive


def test_a_late_key_behind_the_login_prompt_does_not_hide_that_the_boot_went_on() -> None:
    typed: list[str] = []

    def login(line: Line) -> None:
        line.write("acme login: a")
        while key := line.key(2):
            typed.append(key)

    with playing(Getty(), boot=Board(getty=login)) as dut:
        seen = interrupted(dut)
        assert seen.refused == {"keys"}
        assert "\x15" in typed


def test_a_bootloader_that_stops_is_seen_and_told_to_boot() -> None:
    with playing(Getty(), boot=Board(interruptible=True)) as dut:
        seen = interrupted(dut)
        assert seen.seen == {"keys"}
        assert "`boot` continued to the login" in seen.detail("keys")


def test_a_bootloader_that_does_not_know_boot_is_restarted() -> None:
    boards = iter([Board(interruptible=True, boots_again=False), Board(unattended=True)])
    with playing(Getty(), boot=lambda line: next(boards)(line)) as dut:
        seen = interrupted(dut)
        assert "another restart continued to the login" in seen.detail("keys")


def test_a_prompt_that_is_not_declared_is_known_by_its_kind() -> None:
    declaration = DECLARATION.model_copy(update={"bootloader_prompt": None})
    with playing(Getty(), boot=Board(interruptible=True)) as dut:
        assert interrupted(dut, declaration=declaration).seen == {"keys"}


def test_a_line_that_looks_like_a_prompt_but_does_not_answer_is_none() -> None:
    with playing(Getty(), boot=Board(first_line="AcmeBoot 2.1\r\n=> loading", counts=6)) as dut:
        assert interrupted(dut).refused == {"keys"}


def test_without_the_declared_countdown_nothing_is_concluded() -> None:
    with playing(Getty(), boot=Board(counts=0)) as dut:
        seen = interrupted(dut)
        assert [fact.answer for fact in seen.facts] == [Answer.SILENT]
        assert not seen.conclusive


def test_no_key_is_pressed_before_the_first_line() -> None:
    typed: list[str] = []

    listened = threading.Event()

    def listening(line: Line) -> None:
        typed.append(line.key(0.5))
        listened.set()

    with playing(off, boot=listening) as dut:
        seen = interrupted(dut, seconds=1)
        assert listened.wait(10)
        assert typed == [""]
        assert not seen.conclusive


def test_a_bootloader_without_a_countdown_refuses_the_keys_that_came_before_the_system() -> None:
    declaration = DECLARATION.model_copy(update={"autoboot": NO_COUNTDOWN})
    with playing(Getty(), boot=Board(counts=0, loads_seconds=3)) as dut:
        seen = interrupted(dut, declaration=declaration)
        assert seen.refused == {"keys"}
        assert seen.conclusive
        assert "before the system's first line" in seen.detail("keys")


def test_a_bootloader_that_is_too_quick_for_every_key_proves_nothing() -> None:
    declaration = DECLARATION.model_copy(update={"autoboot": NO_COUNTDOWN})
    with playing(Getty(), boot=Board(counts=0)) as dut:
        seen = interrupted(dut, declaration=declaration)
        assert seen.silent == {"keys"}
        assert not seen.conclusive


def test_a_bootloader_without_a_countdown_whose_system_is_not_seen_proves_nothing() -> None:
    declaration = DECLARATION.model_copy(update={"autoboot": NO_COUNTDOWN})

    def dies(line: Line) -> None:
        line.write("AcmeBoot 2.1 (reset: power-on)\r\n")

    with playing(off, boot=dies) as dut:
        seen = interrupted(dut, seconds=1, declaration=declaration)
        assert seen.silent == {"keys"}
        assert not seen.conclusive


def test_a_countdown_that_is_declared_absent_and_stops_all_the_same_is_seen() -> None:
    declaration = DECLARATION.model_copy(update={"autoboot": NO_COUNTDOWN})
    with playing(Getty(), boot=Board(interruptible=True)) as dut:
        assert interrupted(dut, declaration=declaration).seen == {"keys"}
