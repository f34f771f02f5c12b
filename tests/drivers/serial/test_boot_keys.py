import time
from typing import Any

import pytest

from drivers.serial import boot_keys, login
from drivers.serial.bootloader import Autoboot, InterruptAutoboot
from drivers.serial.port import Console
from lab_config.base import Absent
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.loaders import FIRST_LINE, KERNEL, Loader
from tests.drivers.serial.pty_device import DECLARATION, Getty, Line, Script, off, playing

ANY = "(?s)."
CTRL_C, ESC = "\x03", "\x1b"
COUNTDOWN = "Hit|Autoboot|Press|Type|==|Please|Boot menu|Enter"
NO_PROMPT_DECLARED: dict[str, Any] = {"bootloader_prompt": None, "autoboot": None}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 3.0)


def interrupted(boot: Script, seconds: float = 15, **declared: Any) -> Autoboot:
    declaration = DECLARATION.model_copy(update={"autoboot": COUNTDOWN, **declared})
    with playing(off, boot=boot) as dut:
        return InterruptAutoboot(dut.bench, declaration, dut.restart, seconds).run(MemoryRecorder())


@pytest.mark.parametrize(
    ("hint", "stop"),
    [
        ("Hit any key to stop autoboot:  9 ", ANY),
        ("Hit 'gl' to stop autoboot: 9 ", "gl$"),
        ("Type 'halt!' to stop autoboot in 9 seconds", "halt!$"),
        ("Autobooting in 9 seconds", "tpl$"),
        ("Press s to interrupt (9 s)\r\n", "s$"),
        ("Press [q] to stop booting\r\n", "q$"),
        ("== Executing boot script in 9.000 seconds - enter ^C to abort\r\n", CTRL_C),
        ("Press Ctrl-T to enter the boot menu in 9 s", "\x14"),
        ("Hit CTRL+C to stop autoboot: 9", CTRL_C),
        ("Press ESC to abort autoboot in 9 s", ESC),
        ("Press SPACE to abort autoboot in 9 seconds", " "),
        ("Type 'dbg' and press Enter to stop the boot in 9 s", "dbg\r$"),
        ("Please choose the operation:\r\n   1: Load system code.\r\n   4: Entr boot command line.\r\n 1", "4"),
        ("Boot menu\r\n [1] Boot system\r\n [2] Shell\r\n", "2"),
        ("Press enter to boot the selected OS, `e' to edit the commands or `c' for a command-line.\r\n", "c"),
        ("Press <Enter> to execute loading image, Press any other key to abort.\r\n", "[^\r]"),
    ],
)
def test_the_key_that_the_device_names_stops_it(hint: str, stop: str) -> None:
    seen = interrupted(Loader(hint, stop, prompt="Ardea9> "), **NO_PROMPT_DECLARED)
    assert seen.seen == {"keys"}
    assert "Ardea9>" in seen.detail("keys")


@pytest.mark.parametrize(
    ("prompt", "echo", "declared"),
    [
        ("isvp_t31# ", True, None),
        ("=> ", False, "AcmeBoot> "),
        ("MT7621 # ", False, None),
        ("ath> ", True, "AcmeBoot> "),
        ("hi3516 # ", True, None),
        ("RedBoot> ", False, None),
        ("CFE> ", True, None),
        ("barebox:/ ", False, "AcmeBoot> "),
        ("U-Boot> ", True, "AcmeBoot> "),
        ("Marvell>> ", False, None),
        ("boot: ", True, "AcmeBoot> "),
        ("PMON> ", False, None),
        ("> ", True, None),
        ("# ", False, None),
    ],
)
def test_a_prompt_that_is_not_the_declared_one_is_found(prompt: str, echo: bool, declared: str | None) -> None:
    boot = Loader("Hit any key to stop autoboot: 9 ", ANY, prompt=prompt, echo=echo)
    assert interrupted(boot, bootloader_prompt=declared).seen == {"keys"}


@pytest.mark.parametrize("prompt", ["AcmeBoot> ", "boot: ", "grub> "])
@pytest.mark.parametrize("hint", ["Autoboot in 3 s ", "Press Enter to boot now, space to stop: 9 "])
@pytest.mark.parametrize("echo", [True, False])
def test_a_loader_in_which_enter_starts_the_system_is_never_refused(
    prompt: str, hint: str, echo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if echo:
        monkeypatch.setattr(boot_keys, "ECHO_SECONDS", 3.0)  # the echo ends it; nothing else proves some prompts
    boot = Loader(hint, " ", prompt=prompt, echo=echo, enter_boots=True)
    seen = interrupted(boot, bootloader_prompt="AcmeBoot> ")
    assert not seen.refused
    assert seen.seen == {"keys"} or not seen.conclusive
    assert (seen.seen == {"keys"}) is (echo or prompt == "AcmeBoot> " or "Enter" in hint)


def test_a_loader_with_a_prompt_and_no_countdown_is_found() -> None:
    def prompts(line: Line) -> None:
        line.write(f"{FIRST_LINE}\r\n")
        Loader("", prompt="MT7621 # ")._prompt(line)
        Getty()(line)

    assert interrupted(prompts, **NO_PROMPT_DECLARED).seen == {"keys"}


def test_a_prompt_that_appears_long_after_the_keys_is_found() -> None:
    def slow(line: Line) -> None:
        line.write(f"{FIRST_LINE}\r\nAutoboot in 3 s\r\n")
        line.nap(5)
        Loader("", prompt="MT7621 # ")._prompt(line)
        Getty()(line)

    assert interrupted(slow, **NO_PROMPT_DECLARED).seen == {"keys"}


@pytest.mark.parametrize(
    "hint", ["Enter password - autoboot in 3 sec...\r\n", "Autoboot in 3 s", "Hit 1 to upgrade\r\n"]
)
def test_a_loader_that_no_key_stops_refuses_them(hint: str) -> None:
    seen = interrupted(Loader(hint))
    assert seen.refused == {"keys"}
    assert seen.conclusive


def test_a_menu_of_which_no_entry_is_known_proves_nothing() -> None:
    seen = interrupted(Loader("Please choose:\r\n 1: Start\r\n 2: Werkseinstellung\r\n"))
    assert seen.silent == {"keys"}
    assert not seen.conclusive


@pytest.mark.parametrize("prompt_declared", ["AcmeBoot> ", None])
def test_a_boot_that_stands_still_proves_nothing(prompt_declared: str | None) -> None:
    def stands(line: Line) -> None:
        line.write(f"{FIRST_LINE}\r\nAutoboot in 3 s\r\n{KERNEL}")
        while True:
            line.key()

    seen = interrupted(stands, seconds=3, bootloader_prompt=prompt_declared)
    assert seen.silent == {"keys"}
    assert not seen.conclusive
    assert seen.witness is not None and "the boot stood still" in seen.witness.what


def test_a_declared_prompt_in_a_boot_that_went_on_is_never_a_refusal() -> None:
    seen = interrupted(Loader("AcmeBoot> run bootcmd\r\nAutoboot in 3 s"))
    assert seen.silent == {"keys"}
    assert not seen.conclusive


@pytest.mark.parametrize("system", [KERNEL, "init: starting\r\n", "Ardea application 4.2\r\n", "procd: - early -\r\n"])
def test_no_key_is_pressed_after_the_first_line_of_the_system(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = system.encode().splitlines(keepends=True)[0]
    boot = Loader("Autoboot in 3 s\r\n", system=system, system_seconds=3)
    late: list[bytes] = []
    send = Console.send_octets

    def noted(console: Console, octets: bytes) -> None:
        # The line has been read: keys that were on their way before are not looked at, however many they are.
        shown = console.transcript()
        if first in shown and b"acme login" not in shown:
            late.append(octets)
        send(console, octets)

    monkeypatch.setattr(Console, "send_octets", noted)
    assert interrupted(boot).refused == {"keys"}
    assert not late


def test_no_key_is_pressed_long_after_a_countdown_when_the_system_says_nothing() -> None:
    boot = Loader("Autoboot in 3 s\r\n", system="", system_seconds=8)
    began = time.monotonic()
    assert interrupted(boot).refused == {"keys"}
    assert time.monotonic() - began > 8
    assert len(boot.typed) < 300  # 8 s of them would be four times as many


@pytest.mark.parametrize("shell", ["root@(none):/# ", "/ # "])
def test_a_key_that_the_system_names_is_pressed_in_its_time(shell: str) -> None:
    def failsafe(line: Line) -> None:
        line.write(f"{FIRST_LINE}\r\nAutoboot in 3 s")
        line.nap(1)
        line.write(f"\r\n{KERNEL}Press the [f] key and hit [enter] to enter failsafe mode\r\n")
        typed, over = "", time.monotonic() + 10
        while (rest := over - time.monotonic()) > 0 and not typed.endswith("f\r"):
            typed += line.key(rest)
        if typed.endswith("f\r"):
            Loader("", prompt=shell)._prompt(line)
        Getty()(line)

    seen = interrupted(failsafe)
    assert seen.seen == {"keys"}
    assert "names f and Enter" in seen.detail("keys")
    assert not seen.of("memory").seen


def test_a_console_that_asks_for_enter_is_woken() -> None:
    def asks(line: Line) -> None:
        line.write("\r\nPlease press Enter to activate this console. ")
        while line.key() != "\r":
            pass
        Getty()(line)

    assert interrupted(Loader("Autoboot in 3 s\r\n", after=asks)).refused == {"keys"}


def test_another_loaders_refusal_of_a_command_leaves_the_arguments_open() -> None:
    seen = interrupted(Loader("Autoboot in 3 s", " ", prompt="grub> "), bootloader_prompt="grub> ")
    assert seen.of("environment").silent == {"environment"}
    assert not seen.of("environment").conclusive


def test_a_countdown_that_is_declared_absent_needs_every_key_before_the_system() -> None:
    absent = Absent(absent="the bootloader starts the system at once")
    assert interrupted(Loader("", seconds=0), autoboot=absent).silent == {"keys"}
    assert interrupted(Loader(""), autoboot=absent).refused == {"keys"}
