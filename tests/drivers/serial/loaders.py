"""Bootloaders of many kinds on a pty: what they print, what stops them, and what they show then."""

import re
import time
from dataclasses import dataclass, field

from tests.drivers.serial.pty_device import COUNTDOWN_SECONDS, Getty, Line, Script

FIRST_LINE = "AcmeBoot 2.1 (reset: power-on)"
KERNEL = "Starting kernel ...\r\n[    0.000000] Linux version 6.1\r\n"


@dataclass
class Loader:
    """A bootloader with a countdown, and the system after it."""

    hint: str
    stop: str | None = None
    """What has to be typed in the countdown, as a regular expression; no key stops it without."""
    prompt: str = "AcmeBoot> "
    echo: bool = True
    enter_boots: bool = False
    """Enter starts the system: in the countdown, and at the prompt."""
    breaks: str = ""
    """Characters that start the system at once."""
    seconds: float = COUNTDOWN_SECONDS
    """The longest countdown. It ends with the key that stops it, or after two rounds of keys: CR is the last of one."""
    system: str = KERNEL
    system_seconds: float = 0.3
    after: Script = field(default_factory=Getty)
    typed: list[str] = field(default_factory=list)
    """What was typed at the system before its login."""
    commands: list[str] = field(default_factory=list)

    def __call__(self, line: Line) -> None:
        line.write(f"{FIRST_LINE}\r\nDRAM: 64 MiB\r\n\r\n{self.hint}")
        stopped = self._stopped(line)
        line.drop()  # what is typed now was on its way before anything else could be read
        if stopped:
            self._prompt(line)
        line.write(f"\r\n{self.system}")
        over = time.monotonic() + self.system_seconds
        while (rest := over - time.monotonic()) > 0:
            if key := line.key(rest):
                self.typed.append(key)
        self.after(line)

    def _stopped(self, line: Line) -> bool:
        typed, over = "", time.monotonic() + self.seconds
        while (rest := over - time.monotonic()) > 0:
            typed += line.key(rest)
            if typed and ((typed[-1] == "\r" and self.enter_boots) or typed[-1] in self.breaks):
                return False
            if self.stop is not None and re.search(self.stop, typed):
                return True
            if self.stop is None and typed.count("\r") == 2:
                return False
        return False

    def _prompt(self, line: Line) -> None:
        while True:
            line.write(f"\r\n{self.prompt}")
            typed = line.line(echo=self.echo)
            self.commands.append(typed)
            if typed == "boot" or (self.enter_boots and typed not in ("\x03", "\x04")):
                return
