"""docs/connect_a_board.md, walked: its commands are typed in its order, and print what the page says.

A pty stands in place of the tty, and loopback in place of the network; what differs for that is put into the terms of
the page.
"""

import contextlib
import io
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.drivers.debug.tap_server import debug_port, serving, taps
from tests.trustprobe.board_on_desk import PASSWORD, Board, board
from trustprobe.cli import main
from trustprobe.cli.bench import network
from trustprobe.cli.bench.check import STEPS as KNOWN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "connect_a_board.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|yaml|text)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SOURCES = "".join(
    path.read_text("utf-8")
    for folder in ("trustprobe/cli/bench", "drivers/serial", "drivers/debug", "drivers/power", "drivers/network/tls")
    for path in sorted((ROOT / folder).glob("*.py"))
)
HAS_OPENSSL = shutil.which("openssl") is not None
COMMAND = ".venv/bin/trustprobe "
CHECK = f"{COMMAND}bench check "
ASKS = "switch the board off and on now"
MAC = bytes.fromhex("02485900002a")
Step = tuple[str, str, str]
"""A command, the bench file as it is by then, and the output that the page shows."""


def merged(bench: str, part: str) -> str:
    """Put the fields of a part in the place of those that a bench file has."""
    fields = "|".join(re.findall(r"^(\w+):", part, re.MULTILINE))
    return re.sub(rf"^({fields}):.*\n(?:  .*\n)*", "", bench, flags=re.MULTILINE) + part


def walk() -> Iterator[Step]:
    """Yield each checking command of the page with what a reader has written by then, and what he is told to expect."""
    bench = ""
    for number, (language, text) in enumerate(BLOCKS):
        if language == "yaml":
            bench = merged(bench, text)
        elif text.startswith(CHECK):
            follows, shown = BLOCKS[number + 1]
            yield text.strip(), bench, shown if follows == "text" else ""


STEPS = list(walk())
SINGLE = [step for step in STEPS if step[2]]
"""Those that show one step; the page ends with all of them in one command."""


def step_of(command: str) -> str:
    return command.removeprefix(CHECK).split()[0]


class Terminal(io.StringIO):
    """Standard output, and somebody before it who switches the board when he is asked to."""

    def __init__(self, switch: Callable[[], None]) -> None:
        super().__init__()
        self._switch = switch

    def write(self, text: str) -> int:
        if ASKS in text:
            self._switch()
        return super().write(text)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("board")) as plugged:
        yield plugged


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration of OpenOCD for an adapter that is a server of these tests."""
    path = tmp_path_factory.mktemp("adapter") / "my_adapter.cfg"
    with serving(taps([debug_port()])) as bench:
        assert bench.remote_bitbang is not None
        port = bench.remote_bitbang.rpartition(":")[2]
        lines = ("adapter driver remote_bitbang", "remote_bitbang host 127.0.0.1", f"remote_bitbang port {port}")
        path.write_text("\n".join((*lines, "reset_config none")), "utf-8")
        yield path


class Wire:
    """The sample's Ethernet, which loopback has none of."""

    def resolve(self) -> bytes:
        return MAC


@pytest.fixture
def desk(hub: Board, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Type a command of the page with a bench of the page, and return what it prints, in the terms of the page."""
    terms = {
        "id: my_bench": f"id: my_bench_{secrets.token_hex(4)}",
        "/dev/ttyUSB0": hub.tty.bench.url,
        "192.168.7.50": f"127.0.0.1:{hub.relay}",
        "192.168.7.20": "127.0.0.1",
        "enx001122334455": "lo",
        "my_adapter.cfg": str(adapter),
        "maker_ca.pem": str(hub.authority),
    }
    ports = ", ".join(f"{about}: {port}" for about, port in hub.ports.items())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_SERVICE_PASSWORD", PASSWORD)
    monkeypatch.setattr(network, "wire_to", lambda *_: Wire())
    (tmp_path / "lab_config").symlink_to(ROOT / "lab_config")
    for _, text in BLOCKS:
        if text.startswith("sed ") or (text.startswith("openssl ") and HAS_OPENSSL):
            subprocess.run(["sh", "-c", text], check=True, capture_output=True, timeout=600)

    def type_in(command: str, bench: str) -> str:
        for known, value in terms.items():
            bench = bench.replace(known, value)
        bench = bench.replace("  packets_per_second:", f"  port_map: {{{ports}}}\n  packets_per_second:")
        (tmp_path / "my_bench.yaml").write_text(bench, "utf-8")
        monkeypatch.setattr(sys, "argv", ["trustprobe", *command.removeprefix(COMMAND).split()])
        said = Terminal(hub.tty.restart)
        with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as end:
            main.main()
        assert end.value.code == 0
        text = said.getvalue().replace("127.0.0.1", "192.168.7.20")
        return text.replace(hub.tty.bench.url, "/dev/ttyUSB0").replace(" on lo\n", " on enx001122334455\n")

    return type_in


def test_the_page_walks_through_every_step_from_the_console_to_the_certificates() -> None:
    assert [step_of(command) for command, _, _ in SINGLE] == list(KNOWN)
    assert len(STEPS) == len(SINGLE) + 1


def lines(text: str) -> list[str]:
    """Return the lines of an output without what is another each time: seconds, octets and days."""
    return re.sub(r"\d+\.\d s|\d+ octets|\d{4}-\d\d-\d\d", "N", text).splitlines()


@pytest.mark.parametrize("sentence", re.findall(r"^\| `([a-z][^`]*)` \| [^|]*\|$", PAGE, re.MULTILINE))
def test_what_the_page_says_that_may_go_wrong_is_said_by_the_code(sentence: str) -> None:
    """The literal parts of a sentence; values of the example stand between them."""
    values = r"\.\.\.|tcp/\d+|\d+(?:\.\d+)*|\beth0\b|\benx\d+|\bservice$|OpenOCD|: TDO"
    parts = [part.strip(" ,;") for part in re.split(values, sentence)]
    assert not [part for part in parts if part not in SOURCES]


@pytest.mark.parametrize(("command", "bench", "shown"), SINGLE, ids=[step_of(step[0]) for step in SINGLE])
def test_a_step_of_the_page_prints_what_the_page_says(
    command: str, bench: str, shown: str, desk: Callable[[str, str], str]
) -> None:
    if step_of(command) == "debug" and shutil.which("openocd") is None:
        pytest.skip("OpenOCD is not installed")
    if step_of(command) == "trust" and not HAS_OPENSSL:
        pytest.skip("openssl is not installed")
    assert lines(desk(command, bench)) == lines(shown)


@pytest.mark.skipif(not HAS_OPENSSL or shutil.which("openocd") is None, reason="openssl or OpenOCD is not installed")
def test_all_steps_at_once_print_what_the_single_ones_do_and_ask_nobody_to_switch(
    desk: Callable[[str, str], str],
) -> None:
    command, bench, _ = next(step for step in STEPS if step not in SINGLE)
    shown = [line for _, _, text in SINGLE[1:] for line in lines(text) if ASKS not in line]
    assert lines(desk(command, bench))[2:] == shown
