"""The bootloader on the serial port: whether a key stops it before it starts the system.

Who restarts the device is given as a function (power switch or reboot command).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from drivers.serial.boot import LOGIN_SETTLE, Boot, ends_of_boot, restarted
from drivers.serial.bootloader_commands import ENVIRONMENT, MEMORY, change_arguments, read_memory
from drivers.serial.login import LoginDialogue
from drivers.serial.port import Awaited
from lab_config.base import Absent
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, printable

KEYS = {"CR": "\r", "space": " ", "Ctrl-C": "\x03", "ESC": "\x1b", "a": "a"}
"""Pressed in turns while a bootloader counts down; together they stop every common one that can be stopped."""
_KEY_SECONDS = 0.02
_PROMPT_SECONDS = 1.0
_PROMPT_SETTLE = 0.2
_KILL_LINE = "\x15"
"""Ctrl-U: takes back what was typed of a line (POSIX termios, VKILL)."""
_GENERIC_PROMPT = r"(?i:=> |U-Boot> |\S*boot\S*> |\S*boot\S*# )"
_KERNEL = r"Starting kernel|Booting kernel|Booting Linux|Uncompressing Linux|Linux version|\[ *\d+\.\d{6}\]"


class Autoboot(Observation):
    """The effect of keys in the countdown: one fact, about `keys`; and what the prompt after them allows."""

    behind: tuple[Fact, ...] = ()
    """About `environment` and `memory`; where no prompt came, as the keys were answered."""

    def of(self, about: str) -> Self:
        """Return what is known of one action at the prompt, with the witness of the keys.

        They prove nothing about a command at the prompt that got no answer.
        """
        facts = tuple(fact for fact in self.behind if fact.about == about)
        witness = self.witness
        if self.seen and (unanswered := [fact.detail for fact in facts if fact.answer is Answer.SILENT]):
            witness = Witness(what="; ".join(unanswered), holds=False)
        return self.model_copy(update={"facts": facts, "witness": witness})


@dataclass
class _Course:
    """What happened in one boot while keys were pressed."""

    in_time: bool = False
    """Keys that are pressed now would be looked at, had the bootloader a countdown."""
    pressed: int = 0
    pressed_in_time: int = 0
    prompt: str | None = None
    ended: bool = False
    behind: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class InterruptAutoboot:
    """Restart the device and press keys from its first line on, to stop the bootloader; one restart for all keys.

    SEEN is a bootloader prompt that answers; REFUSED is a boot that went on to the login although every key was
    pressed in the declared countdown, or, where none is declared, between the first line and the kernel's or the
    login's. A bootloader that stopped is told to boot, or the device is restarted.
    """

    bench: ConsoleBench
    declaration: ConsoleDeclaration
    restart: Callable[[], None]
    seconds: float
    address: int = 0
    """Memory is asked for here."""

    @property
    def name(self) -> str:
        """One bootloader a bench."""
        return "autoboot"

    def run(self, record: Recorder) -> Autoboot:
        """Press keys through one boot. Raises BenchError when the port is gone, and whatever `restart` raises."""
        with restarted(self.bench, self.declaration.baud, self.restart, self.seconds) as boot:
            try:
                course = self._watch(boot, record)
                if course.prompt:
                    course.behind = self._look_behind(boot)
                after = self._boot_on(boot) if course.prompt else ""
                if course.ended:
                    LoginDialogue(boot.console, self.declaration).reach_login()
            finally:
                record.keep("autoboot.raw", boot.raw)
            fact, witness = self._fact(course, after), self._witness(boot, course)
        record.note(f"{fact.about} -> {fact.answer}: {fact.detail}; {witness.what}")
        closed = tuple(fact.model_copy(update={"about": about}) for about in (ENVIRONMENT, MEMORY))
        return Autoboot(
            question="Does a key press stop the bootloader?",
            facts=(fact,),
            witness=witness,
            behind=course.behind or closed,
        )

    def _look_behind(self, boot: Boot) -> tuple[Fact, ...]:
        """Try at the prompt what an attacker would."""
        prompts = [Awaited.prompt(pattern, _PROMPT_SETTLE) for pattern in self._prompts()]
        return change_arguments(boot.console, prompts), read_memory(boot.console, prompts, self.address)

    def _prompts(self) -> tuple[str, ...]:
        declared = self.declaration.bootloader_prompt
        return (declared, _GENERIC_PROMPT) if declared else (_GENERIC_PROMPT,)

    @property
    def _countdown(self) -> str | None:
        """What the countdown looks like, where one is declared."""
        return None if isinstance(self.declaration.autoboot, Absent) else self.declaration.autoboot

    @property
    def _has_no_countdown(self) -> bool:
        return isinstance(self.declaration.autoboot, Absent)

    @property
    def _while(self) -> str:
        return "before the system's first line" if self._has_no_countdown else "in the declared countdown"

    def _watch(self, boot: Boot, record: Recorder) -> _Course:
        """Press keys from the first line until a prompt answers, or the kernel or a login shows."""
        course = _Course(in_time=self._has_no_countdown)
        ends = ends_of_boot(self.declaration)
        countdown = Awaited.line(self._countdown) if self._countdown else None
        others = [Awaited.line(_KERNEL), *ends, *([countdown] if countdown else [])]
        candidates = [Awaited.line(pattern) for pattern in self._prompts()]
        prompts = [Awaited.prompt(pattern, _PROMPT_SETTLE) for pattern in self._prompts()]
        if boot.read_until(Awaited.line(self.declaration.boot_start)) is None:
            return course
        for key in itertools.cycle(KEYS.values()):
            if boot.left <= 0:
                break
            boot.console.send(key)
            course.pressed += 1
            arrival = boot.console.read_until(*candidates, *others, seconds=_KEY_SECONDS)
            if arrival and arrival.awaited in candidates:
                # A line that only looks like a prompt does not come again after Ctrl-C and CR.
                boot.console.send("\x03\r")
                arrival = boot.console.read_until(*others, *prompts, seconds=_PROMPT_SECONDS)
            if arrival is None:
                course.pressed_in_time += course.in_time
                continue
            record.note(f"after {course.pressed} keys: {arrival.text}")
            if arrival.awaited is countdown:
                course.in_time = True
            elif arrival.awaited in prompts:
                course.prompt = arrival.text
                break
            else:
                course.ended = arrival.awaited in ends or self._goes_on(boot)
                break
        return course

    def _goes_on(self, boot: Boot) -> bool:
        """Whether the boot ends in a login or a shell. A late key may stand after the prompt for a name."""
        login = Awaited.line(self.declaration.login_prompt)
        arrival = boot.read_until(*ends_of_boot(self.declaration), login)
        if arrival is not None and arrival.awaited is login:
            boot.console.send(_KILL_LINE)
        return arrival is not None

    def _boot_on(self, boot: Boot) -> str:
        """Let the device start again, and say how that went."""
        login = Awaited.prompt(self.declaration.login_prompt, LOGIN_SETTLE)
        boot.console.send("boot\r")
        if boot.console.read_until(login, seconds=self.seconds):
            return "the command `boot` continued to the login"
        self.restart()
        if boot.console.read_until(login, seconds=self.seconds):
            return "another restart continued to the login"
        return "the device did not return to its login, neither with `boot` nor with another restart"

    def _fact(self, course: _Course, after: str) -> Fact:
        if course.prompt is not None:
            words = f"the bootloader stopped and shows the prompt {printable(course.prompt, 200)!r}; {after}"
            return Fact(about="keys", answer=Answer.SEEN, detail=words)
        counted = f"{course.pressed} keys were pressed, {course.pressed_in_time} of them {self._while}"
        if course.ended and course.pressed_in_time >= len(KEYS):
            return Fact(about="keys", answer=Answer.REFUSED, detail=f"the boot continued to its end: {counted}")
        words = "the boot continued to its end" if course.ended else "neither a prompt nor a login appeared"
        return Fact(about="keys", answer=Answer.SILENT, detail=f"{words}: {counted}")

    def _witness(self, boot: Boot, course: _Course) -> Witness:
        """The keys would have been seen to work: the log came through this port, and each key went out in time."""
        first = boot.shows(self.declaration.boot_start)
        parts = [Witness(what=f"the boot log was {'seen' if first else 'not seen'} from its first line", holds=first)]
        if course.prompt is not None:
            return parts[0]
        pressed = course.pressed
        if self._countdown:
            counted = boot.shows(self._countdown)
            parts.append(Witness(what=f"the countdown was {'seen' if counted else 'not seen'}", holds=counted))
            pressed = course.pressed_in_time
        if self._has_no_countdown:
            words = f"the end of the boot was {'seen' if course.ended else 'not seen'}"
            parts.append(Witness(what=words, holds=course.ended))
            pressed = course.pressed_in_time
        each = f"each key of {', '.join(KEYS)}"
        if pressed >= len(KEYS):
            parts.append(Witness(what=f"{each} was pressed in time", holds=True))
        else:
            parts.append(Witness(what=f"{each} was not pressed in time", holds=False))
        return all_of(parts)
