import pytest

from drivers.serial.stop_keys import COMMON, StopKey, hint_in, is_menu, menu_keys, pressable


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("Hit 'gl' to stop autoboot: 2", ["gl"]),
        ('Hit "gl" to stop autoboot', ["gl"]),
        ("Type tpl to enter the prompt", ["tpl"]),
        ("Press SPACE to abort autoboot in 3 seconds", [" "]),
        ("Press Ctrl-C to abort autoboot in 2 seconds", ["\x03"]),
        ("Hit ctrl+c to stop autoboot:  1", ["\x03"]),
        ("== Executing boot script in 3.000 seconds - enter ^C to abort", ["\x03"]),
        ("Hit m for menu or any key to stop autoboot: 3", ["m"]),
        ("Autoboot in 3 seconds, press 1 for menu", ["1"]),
        ("Press the [f] key and hit [enter] to enter failsafe mode", ["f\r"]),
        ("press ESC via serial to enter monitor", ["\x1b"]),
        ("Press Ctrl+B to enter BOOTROM menu... 5", ["\x02"]),
        ("Press enter to boot the selected OS, `e' to edit the commands or `c' for a command-line.", ["e", "c"]),
        ("Press UP/DOWN to move, ENTER to select, ESC/CTRL+C to quit", ["\x1b", "\x03"]),
        ('Type "stop" and press Enter to interrupt autoboot in 3 s', ["stop\r"]),
        ("Type 123<ENTER> to STOP autoboot in 5 seconds", ["123\r"]),
        ("Boot in 3 s. Press `d` + Enter for a debug shell", ["d\r"]),
        ("To interrupt autoboot press x", ["x"]),
        ("Press DEL to enter SETUP", ["\x7f"]),
        ("stop with ESC", ["\x1b"]),
        ("Press ~ to stop autoboot", ["~"]),
        ("Press | to interrupt", ["|"]),
        ("Hit @ to abort autoboot in 2 s", ["@"]),
        ("Press ESC key twice to stop", ["\x1b"]),
    ],
)
def test_the_keys_that_a_line_names_are_found(line: str, typed: list[str]) -> None:
    assert [key.typed for key in hint_in(line).stops] == typed


@pytest.mark.parametrize(
    "line",
    [
        "Hit 1 to upgrade software version",
        "Press w to write the image to flash",
        "Press 'r' to enter recovery mode and erase the settings",
        "Press the [1], [2], [3] or [4] key and hit [enter] to select the debug level",
        "Press <Enter> to execute loading image:/dev/fs",
        "Press enter to boot",
        "Enter password - autoboot in 2 sec...",
        "Autoboot in 3 seconds, enter password to stop",
        "Hit any key to stop autoboot:  3 ",
        "Password policy loaded",
        "[    1.0] Enter the void",
        "Linux version 6.1 (root@build)",
        "",
    ],
)
def test_a_key_that_starts_or_harms_is_not_named_to_be_pressed(line: str) -> None:
    assert not hint_in(line).stops


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Hit any key to stop autoboot:  3 ", 3.0),
        ("Autobooting in 1 seconds", 1.0),
        ("Autoboot in 300 ms", 0.3),
        ("Press any key to stop auto run (10 seconds)", 10.0),
        ("The highlighted entry will be executed automatically in 5s.", 5.0),
        ("Enter password - autoboot in 2 sec...", 2.0),
        ("Linux version 6.1.3", None),
        ("DRAM: 64 MB", None),
    ],
)
def test_the_length_of_a_countdown_is_the_one_that_it_states(line: str, seconds: float | None) -> None:
    assert hint_in(line).seconds == seconds


def test_any_key_is_no_key_of_its_own() -> None:
    assert hint_in("Press any other key to abort.").any_key
    assert not hint_in("Press s to abort.").any_key


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("   4: Entr boot command line interface.", "4"),
        ("[c] console", "c"),
        ("  5. U-Boot console", "5"),
        (" 0) Exit to shell", "0"),
        ("Please choose: 1) boot 2) U-Boot console 3) erase flash", "2"),
        ("   1: Load system code to SDRAM via TFTP.", None),
        ("   9: Load Boot Loader code then write to Flash via Serial.", None),
        ("1. Boot system", None),
        ("Please choose the operation", None),
    ],
)
def test_only_the_entry_of_a_menu_that_opens_a_prompt_is_chosen(line: str, key: str | None) -> None:
    assert [found.typed for found in menu_keys(line)] == ([key] if key else [])


def test_menus_are_known_by_their_heading() -> None:
    assert is_menu("Please choose the operation:") and is_menu("GNU GRUB  version 2.06")
    assert not is_menu("Starting kernel ...")


def test_enter_comes_last_and_not_at_all_where_it_starts_the_system() -> None:
    assert pressable([], [])[-1].typed == "\r"
    assert "\r" not in [key.typed for key in pressable([], ["\r"])]


def test_a_named_key_is_pressed_between_any_two_of_the_others() -> None:
    own = StopKey("halt", "halt")
    keys = pressable([own], [])
    assert keys[::2] == [own] * len(COMMON)
    assert keys[1::2] == list(COMMON)
