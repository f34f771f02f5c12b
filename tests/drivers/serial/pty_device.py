"""Devices on a pty for the tests: a thread plays what a script says, until the test is over."""

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration

DECLARATION = ConsoleDeclaration(
    boot_start=r"AcmeBoot \d",
    login_prompt="acme login: ",
    password_prompt="Password: ",
    refusal="Login incorrect",
    shell_prompt=r"service@acme:\S*\$ ",
    autoboot=r"Autoboot in \d",
    bootloader_prompt="AcmeBoot> ",
)


COUNTDOWN_SECONDS = 20.0
"""The longest that a bootloader waits for keys."""


class GoneError(Exception):
    """The test is over, or the device was restarted."""


class Line:
    """The device's end of the serial line."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._wake_read, self._wake_write = os.pipe()
        self.over = False

    def wake(self) -> None:
        """Interrupt whatever the device does."""
        os.write(self._wake_write, b"!")

    def finish(self) -> None:
        """End the device for good."""
        self.over = True
        self.wake()

    def rest(self) -> None:
        """Do nothing until woken."""
        self._ready(None)

    def nap(self, seconds: float) -> None:
        """Look at no key for a time, unless woken."""
        if select.select([self._wake_read], [], [], seconds)[0]:
            raise self._gone()

    def write(self, data: str | bytes) -> None:
        """Print, as far as somebody reads."""
        rest = data.encode() if isinstance(data, str) else data
        while rest:
            _, writable, _ = select.select([self._wake_read], [self._master], [], 0)
            if not writable:
                woken, writable, _ = select.select([self._wake_read], [self._master], [])
                if woken:
                    raise self._gone()
            rest = rest[os.write(self._master, rest[:512]) :]

    def key(self, seconds: float | None = None) -> str:
        """Return the next character typed, or nothing after a time."""
        return os.read(self._master, 1).decode("latin-1") if self._ready(seconds) else ""

    def drop(self) -> None:
        """Drop the characters that are typed already."""
        while self.key(0):
            pass

    def line(self, echo: bool = True) -> str:
        """Return a typed line; Ctrl-C and Ctrl-D end it at once."""
        typed = ""
        while True:
            key = self.key()
            if key in "\r\n\x03\x04":
                self.write("\r\n")
                return key if key in "\x03\x04" else typed
            if key == "\x15":  # Ctrl-U
                typed = ""
                continue
            typed += key
            if echo:
                self.write(key)

    def _ready(self, seconds: float | None) -> bool:
        readable, _, _ = select.select([self._wake_read, self._master], [], [], seconds)
        if self._wake_read in readable:
            raise self._gone()
        return bool(readable)

    def _gone(self) -> GoneError:
        os.read(self._wake_read, 1)
        return GoneError()

    def close(self) -> None:
        os.close(self._wake_read)
        os.close(self._wake_write)


Script = Callable[[Line], None]


@dataclass
class PtyDevice:
    """A device that runs its script from the start, and again after each restart."""

    line: Line
    bench: ConsoleBench
    slave: int
    errors: list[BaseException] = field(default_factory=list)

    def restart(self) -> None:
        self.line.wake()

    def unplug(self) -> None:
        """Take the adapter away while the port is open."""
        os.close(self.line._master)


@contextmanager
def playing(script: Script, boot: Script | None = None) -> Iterator[PtyDevice]:
    """Run a device; `boot` is what it does after a restart, if that is something else."""
    master, slave = os.openpty()
    tty.setraw(slave)
    line = Line(master)
    device = PtyDevice(line, ConsoleBench(url=os.ttyname(slave)), slave)

    def run() -> None:
        part = script
        while not line.over:
            try:
                part(line)
                line.rest()
            except GoneError:
                part = boot or script
            except OSError as error:
                device.errors.append(error)
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        line.finish()
        thread.join(5)
        line.close()
        os.close(slave)
        if not device.errors:
            os.close(master)
    assert not thread.is_alive()


@dataclass(frozen=True)
class Getty:
    """A login program, and the habits that a test wants to find."""

    accounts: tuple[tuple[str, str], ...] = (("service", "correct horse"),)
    no_password: tuple[str, ...] = ()
    refusal: str = "Login incorrect"
    shell_after_refusal: bool = False
    can_log_out: bool = True
    colour: str = ""
    root_prompt: str = "root@acme:/# "
    computes: bool = True

    def __call__(self, line: Line) -> None:
        while True:
            line.write(f"\r\n{self.colour}acme login: ")
            user = line.line()
            if user in ("", "\x03", "\x04"):
                continue
            password = ""
            if user not in self.no_password:
                line.write("Password: ")
                password = line.line(echo=False)
            if user in self.no_password or (user, password) in self.accounts:
                line.write("Last login: Mon from acme login: nobody\r\n")
                self.shell(line, user)
            else:
                line.write(f"{self.refusal}\r\n")
                if self.shell_after_refusal:
                    self.shell(line, user)

    def shell(self, line: Line, user: str) -> None:
        prompt = self.root_prompt if user == "root" else f"{user}@acme:~$ "
        while True:
            line.write(f"\x1b[1;32m{prompt}\x1b[0m\x1b[6n")
            typed = line.line()
            if typed in ("exit", "\x04") and self.can_log_out:
                return
            if self.computes and typed.startswith("echo $(("):
                left, right = typed.removeprefix("echo $((").removesuffix("))tp").split("+")
                line.write(f"{int(left) + int(right)}tp\r\n")


def root_shell(line: Line) -> None:
    """A root shell that nobody has to log in to."""
    while True:
        Getty().shell(line, "root")


@dataclass(frozen=True)
class Board:
    """A boot chain in front of a login program."""

    getty: Script = field(default_factory=Getty)
    interruptible: bool = False
    boots_again: bool = True
    first_line: str = "AcmeBoot 2.1 (reset: power-on)"
    extra: str = ""
    counts: int = 2
    unattended: bool = False
    """Nobody presses keys, so the countdown waits for none."""
    loads_seconds: float = 0.0

    def __call__(self, line: Line) -> None:
        line.write(f"{self.first_line}\r\nDRAM: 64 MiB\r\n# this is a comment of a boot script\r\n")
        self._count_down(line)
        self._load(line)
        line.write("\r\nStarting kernel ...\r\n[    0.000000] Linux version 6.1\r\n")
        line.write(self.extra)
        self.getty(line)

    def _count_down(self, line: Line) -> None:
        """Count on with each round of keys, of which CR is the last one, however late they come."""
        over = time.monotonic() + COUNTDOWN_SECONDS
        for left in range(self.counts, 0, -1):
            line.write(f"\rAutoboot in {COUNTDOWN_SECONDS + left:.0f} seconds")
            if self.unattended:
                line.nap(0.1)
                continue
            while (rest := over - time.monotonic()) > 0 and (key := line.key(rest)):
                if self.interruptible:
                    line.drop()
                    return self._prompt(line)
                if key == "\r":
                    break
        return None

    def _load(self, line: Line) -> None:
        """Load the system, and leave the keys unread that come meanwhile."""
        if self.loads_seconds:
            line.nap(self.loads_seconds)

    def _prompt(self, line: Line) -> None:
        while True:
            line.write("\r\nAcmeBoot> ")
            if line.line() == "boot" and self.boots_again:
                return


def off(line: Line) -> None:
    """A device that waits to be restarted."""
    line.rest()
