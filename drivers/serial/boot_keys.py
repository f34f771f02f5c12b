"""Keys pressed while a bootloader has its time, and the prompt that they open.

Pressing ends with the first line of the system, or when the countdown is over: a system that starts may treat keys as
commands. A prompt counts if it shows a typed character, or if it comes again after Enter.
"""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drivers.prompts import Prompt, PromptKind, prompt_in, same_prompt
from drivers.serial.boot import Boot, ends_of_boot
from drivers.serial.boot_lines import BootLines
from drivers.serial.port import Arrival, Awaited
from drivers.serial.recognised import is_of_system
from drivers.serial.stop_keys import COMMON, StopKey, has_entries, hint_in, is_menu, pressable
from lab_config.component import ConsoleDeclaration
from trustprobe.probe import Recorder

KEY_SECONDS = 0.015
"""The shortest time between two keys."""
PACE_SECONDS = 0.05
"""Between two keys in a countdown that does not state its length: the prompt shows before the next key reaches it."""
LONGEST_PACE_SECONDS = 0.06
LOADER_SECONDS = 30.0
"""Keys are pressed for so long after the first line if no line says anything about a countdown."""
COUNTDOWN_SECONDS = 5.0
"""The length of a countdown that does not state it."""
LATE_SECONDS = 1.0
"""A countdown may take so much longer than it says."""
SETTLE_SECONDS = 0.2
ECHO_SECONDS = 0.4
AGAIN_SECONDS = 1.0
OFFER_SECONDS = 3.0
"""From a key that a line of the system names to the prompt of a shell."""
KILL_LINE = "\x15"
"""Ctrl-U: takes back what was typed of a line (POSIX termios, VKILL)."""
_SLICE_SECONDS = 0.1
_PROOFS = 2
"""How often a line is tried as a prompt before it counts as none."""
_ECHOES = re.compile(r"(?:\^[\[CB]|[tplgso \x07])+$")
_BACKSPACE = "\x08"


@dataclass
class Course:
    """What happened in one boot while keys were pressed."""

    counting: bool = False
    """Keys that are pressed now would be looked at, had the bootloader a countdown."""
    pressed: int = 0
    pressed_in_time: int = 0
    in_time: set[str] = field(default_factory=set)
    """The keys that were pressed in time, as they are typed."""
    wanted: list[StopKey] = field(default_factory=lambda: list(COMMON))
    prompt: str | None = None
    proof: str = ""
    glimpsed: str | None = None
    """A line with the shape of a bootloader's prompt that did not come again."""
    offered: list[StopKey] = field(default_factory=list)
    """Keys that lines of the system name, and that were typed."""
    opened: str | None = None
    """The prompt of a shell that one of them opened."""
    menu: bool = False
    """The bootloader shows a menu of which no entry is known to open a prompt: its keys were not pressed."""
    ended: bool = False

    @property
    def missing(self) -> list[str]:
        """Names of the keys that were not pressed in time."""
        return [key.name for key in dict.fromkeys(self.wanted) if key.typed not in self.in_time]


class KeysInTime:
    """One boot during which keys are pressed."""

    def __init__(self, boot: Boot, declaration: ConsoleDeclaration, countdown: str | None, record: Recorder) -> None:
        """`countdown` is the declared one. Without one, each key before the system's first line is in time."""
        self._boot = boot
        self._console = boot.console
        self._record = record
        self._first = Awaited.line(declaration.boot_start)
        self._countdown = Awaited.line(countdown) if countdown else None
        self._declared = re.compile(declaration.bootloader_prompt) if declaration.bootloader_prompt else None
        self._login = Awaited.line(declaration.login_prompt)
        self._lines = BootLines(boot.console, boot.began)
        self._ends = ends_of_boot(declaration, lambda: self._lines.system is not None)
        self._until = 0.0
        self._counted = ""
        self._unproved: dict[str, int] = {}
        self._seconds: float | None = None
        self.course = Course(counting=countdown is None)

    def watch(self) -> Course:
        """Press keys from the first line on, and follow the boot to a prompt, its end or a standstill."""
        if self._boot.read_until(self._first) is None:
            return self.course
        self._until = time.monotonic() + LOADER_SECONDS
        if not self._press():
            self._follow()
        course = self.course
        course.menu = self._lines.unknown_menu
        self._record.note(f"{course.pressed} keys; prompt {course.prompt}; system: {self._lines.system}")
        return course

    def _press(self) -> bool:
        """Press keys while it is the bootloader's time. Returns whether a prompt answered."""
        for key in self._keys():
            if self._is_over():
                return False
            self._console.send(key.typed)
            self.course.pressed += 1
            if self.course.counting:
                self.course.in_time.add(key.typed)
                self.course.pressed_in_time += 1
            self._await_effect()
            if self._new_candidate() and self._proved():
                return True
        return False

    def _new_candidate(self) -> bool:
        """Whether the last line has the shape of a bootloader's prompt, and was not tried in vain before."""
        shown = self._candidate() if self._lines.system is None else None
        return shown is not None and self._unproved.get(shown.text, 0) < _PROOFS

    def _await_effect(self) -> None:
        """Read until the next key is due, or until a prompt shows: further keys could be commands there."""
        deadline = time.monotonic() + self._pace
        while time.monotonic() < deadline:
            self._console.read_until(seconds=KEY_SECONDS)
            self._notice(self._lines.read())
            if self._new_candidate():
                return

    @property
    def _pace(self) -> float:
        """The time between two keys: all of them are pressed twice in the countdown, if it states its length."""
        if self._seconds is None:
            return PACE_SECONDS
        return min(LONGEST_PACE_SECONDS, max(KEY_SECONDS, self._seconds / 2 / len(self.course.wanted)))

    def _keys(self) -> Iterator[StopKey]:
        """Return the keys in turns, from the start again when the device names another one."""
        while True:
            named, avoided = list(self._lines.stops), set(self._lines.avoids)
            self.course.wanted = pressable(named, avoided)
            for key in itertools.cycle(self.course.wanted):
                if named != self._lines.stops or avoided != self._lines.avoids:
                    break
                yield key

    def _is_over(self) -> bool:
        """Whether the bootloader's time is over."""
        over = self._lines.system is not None or time.monotonic() > self._until or self._boot.left <= 0
        return over or self._login.find(self._lines.last) is not None or self._shell() is not None

    def _shell(self) -> Prompt | None:
        found = prompt_in(self._lines.last)
        return found if found is not None and is_of_system(found) and not self._is_early else None

    @property
    def _is_early(self) -> bool:
        """Whether a countdown has only begun: no system starts so soon, and what shows was opened by a key."""
        return self._lines.hinted and self.course.counting and bool(self.course.missing)

    def _notice(self, lines: list[str]) -> None:
        """Find out whether the countdown runs and how long, and whether it is over."""
        for line in lines:
            if not self._counts(line) and self._is_other(line):
                self._until = min(self._until, time.monotonic())
        bare = _ECHOES.sub("", self._lines.last)
        if bare != self._counted:
            self._counted = bare
            self._counts(bare)

    def _counts(self, line: str) -> bool:
        """Whether a line is about a countdown, keys or a menu, which gives the bootloader more time."""
        hint = hint_in(line)
        declared = self._countdown is not None and self._countdown.find(line) is not None
        if declared and not self.course.counting:
            self.course.counting = True
            self._record.note(f"the countdown after {self.course.pressed} keys: {line}")
        if not (declared or hint.says or is_menu(line)):
            return False
        if hint.seconds:
            self._seconds = hint.seconds if self._seconds is None else max(self._seconds, hint.seconds)
        length = COUNTDOWN_SECONDS if hint.seconds is None else hint.seconds
        self._until = time.monotonic() + length + LATE_SECONDS
        return True

    def _is_other(self, line: str) -> bool:
        """Whether a line after a countdown is about something else, and each key was pressed by then."""
        counted = self._lines.hinted or (self._countdown is not None and self.course.counting)
        said = _ECHOES.sub("", line).strip()
        return bool(said) and counted and not self.course.missing and not has_entries(line)

    def _candidate(self) -> Prompt | None:
        """Return the last line if it has the shape of a bootloader's prompt. Keys may stand after it."""
        line = self._lines.last.lstrip()
        bare = _ECHOES.sub("", line)
        for text in (line, f"{bare} ", bare):
            found = self._declared.match(text) if self._declared is not None else None
            if found and not _ECHOES.sub("", text[found.end() :]).strip():
                return Prompt(PromptKind.BOOTLOADER, found.group())
            prompt = prompt_in(text)
            if prompt is not None and prompt.opens and (self._is_early or not is_of_system(prompt)):
                return prompt
        return None

    def _proved(self) -> bool:
        """Whether the last line is a prompt: it is quiet, and shows a typed character or comes again after Enter."""
        self._wait(SETTLE_SECONDS)
        shown = self._candidate()
        if shown is None or self._lines.system is not None or self._console.quiet_for < SETTLE_SECONDS / 2:
            return False
        self.course.glimpsed = shown.text
        self._record.note(f"after {self.course.pressed} keys: {shown.text}")
        before = self._lines.last
        self._console.send("z")
        self._wait(ECHO_SECONDS, lambda: self._lines.last != before)
        echoed = self._lines.last == f"{before}z"
        self._console.send(_BACKSPACE + KILL_LINE)
        if echoed:
            return self._found(shown, "it shows a typed character")
        if self._comes_again(shown):
            return self._found(shown, "it comes again after Enter")
        if self._declared is not None and self._declared.match(shown.text):
            return self._found(shown, "it does not come again after Enter")
        self._unproved[shown.text] = self._unproved.get(shown.text, 0) + 1
        return False

    def _comes_again(self, shown: Prompt) -> bool:
        self._wait(SETTLE_SECONDS)
        received = self._console.received
        self._console.send("\x03" if "\r" in self._lines.avoids else "\x03\r")

        def again() -> bool:
            one = self._candidate()
            return self._console.received > received and one is not None and same_prompt(one.text, shown.text)

        self._wait(AGAIN_SECONDS, again)
        return again()

    def _found(self, shown: Prompt, proof: str) -> bool:
        self.course.prompt, self.course.proof = shown.text, proof
        return True

    def _wait(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Read for so long, or until it is done."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not done():
            self._console.read_until(seconds=KEY_SECONDS)
            self._lines.read()

    def _follow(self) -> None:
        """Read on to the end of the boot, and type the keys that lines of the system name, each once."""
        while self._boot.left > 0:
            arrival = self._console.read_until(*self._ends, self._login, seconds=_SLICE_SECONDS)
            self._lines.read()
            if arrival is not None:
                return self._arrived(arrival)
            if self._console.quiet_for >= SETTLE_SECONDS and self._new_candidate() and self._proved():
                return None
            self._boot.wake_if_asked()
            for key in self._lines.offers:
                if key not in self.course.offered:
                    self.course.offered.append(key)
                    self._console.send(key.typed)
                    self._record.note(f"a line of the system names {key.name}, which is typed")
        arrival = self._boot.read_to_end(*self._ends)
        self._lines.read()
        if arrival is not None:
            self._arrived(arrival)
        elif self._lines.system is None and self._candidate() is not None:
            self._proved()
        return None

    def _arrived(self, arrival: Arrival) -> None:
        """Note the end of the boot. A late key may stand after the prompt for a name."""
        self.course.ended = True
        if arrival.awaited is self._login:
            self._console.send(KILL_LINE)
        if arrival.awaited is self._ends[-1] and self.course.offered:
            self._console.send("\r")
            again = self._console.read_until(self._ends[-1], seconds=OFFER_SECONDS)
            if again is not None and same_prompt(again.text, arrival.text):
                self.course.opened = arrival.text
