"""The lines of a start while they arrive, and what they mean: a countdown, a menu, the first line of the system."""

import re
from dataclasses import dataclass, field

from drivers.serial.port import Console, PlainText
from drivers.serial.stop_keys import StopKey, has_entries, hint_in, is_menu, menu_keys

_KEPT = 4_096
"""Characters of an unfinished line that are kept."""
_SYSTEM = re.compile(
    r"Starting (?:the )?(?:kernel|linux|application|app\b|firmware|rtos|vxworks|system\b|os\b)"
    r"|Booting (?:the )?(?:kernel|linux)|(?:Unc|Dec)ompressing (?:the )?(?:linux|kernel)|Linux version|Kernel command"
    r"|\[ *\d+\.\d{3,6}\]|(?:control to|Jumping to|Launching|Entering) (?:the )?(?:linux|kernel|app|os\b|image)"
    r"|booting the kernel|init(?: started)?: |INIT: |procd: |systemd\[|BusyBox v\d|Welcome to (?!grub)"
    r"|Please press Enter to activate|(?:Free|Net|Open)BSD \d|\*\*\* Booting Zephyr|NuttShell"
    r"|\\ \| /|Starting (?:syslogd|klogd|logging|network|dropbear|udev|sshd|mdev)|udhcpc|random: |EXT\d-fs|Mounting "
    r"|Kernel panic|Loading, please wait|console \[\w+\] enabled|Calibrating delay|Memory: \d+k",
    re.IGNORECASE,
)
WAKES = re.compile(
    r"(?i)press (?:the )?\W?(?:enter|return)\W? (?:key )?to (?:activate|access|use|get|start)[^\n]*\s*\Z"
)
"""A line that asks for Enter before the console shows a prompt."""


def is_system(line: str) -> bool:
    """Whether a line shows that the bootloader has started the system."""
    return bool(_SYSTEM.search(line))


@dataclass
class BootLines:
    """The text of one start since `at`, cut into lines. `last` is the line without an end."""

    console: Console
    at: int
    last: str = ""
    stops: list[StopKey] = field(default_factory=list)
    """Keys that the bootloader names, in the order of their lines."""
    avoids: set[str] = field(default_factory=set)
    offers: list[StopKey] = field(default_factory=list)
    """Keys that lines of the system name."""
    system: str | None = None
    """The first line of the system."""
    hinted: bool = False
    """Whether any line so far says something about keys or a countdown."""
    unknown_menu: bool = False
    """Whether the bootloader shows a menu of which no entry is known to open a prompt."""
    _menu: bool = False
    _plain: PlainText = field(default_factory=PlainText)

    def read(self) -> list[str]:
        """Take what came, and return the lines that are complete now; what they say is noted."""
        text = self._plain.feed(self.console.transcript(self.at))
        self.at = self.console.received
        *lines, self.last = (self.last + text).split("\n")
        self.last = self.last[-_KEPT:]
        for line in [*lines, self.last]:
            self._learn(line)
        return lines

    def _learn(self, line: str) -> None:
        if self.system is None and is_system(line):
            self.system = line
        hint = hint_in(line)
        named = [*hint.stops, *self._entry(line)]
        if self.system is None:
            self.hinted = self.hinted or hint.says
            self.stops += [key for key in named if key not in self.stops]
            self.avoids |= hint.avoids
        elif line is not self.last:
            self.offers += [key for key in named if key not in self.offers and key.typed != "\r"]

    def _entry(self, line: str) -> list[StopKey]:
        if self.system is not None:
            return []
        self._menu = self._menu or is_menu(line)
        entries = menu_keys(line) if self._menu else []
        if entries or self.stops:
            self.unknown_menu = False
        elif self._menu and has_entries(line):
            self.unknown_menu = True
        return entries
