"""The bootloader on the serial port: whether a key stops it before it starts the system.

Who restarts the device is given as a function (power switch or reboot command).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from drivers.serial.boot import LOGIN_SETTLE, Boot, ends_of_boot, restarted
from drivers.serial.boot_keys import Course, KeysInTime
from drivers.serial.bootloader_commands import ENVIRONMENT, MEMORY, change_arguments, read_memory
from drivers.serial.login import LoginDialogue
from drivers.serial.port import Awaited, PlainText
from lab_config.base import Absent
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

KEYS = Asked(door="the console", shape="keys during a boot that ends")
"""The question whether a key stops the bootloader."""

_PROMPT_SETTLE = 0.2
_UNKNOWN = re.compile(
    r"(?i)unknown|not found|can't find|cannot find|could not find|no such|invalid|unrecogni[sz]ed|illegal|bad command"
    r"|not recogni[sz]ed|undefined|syntax|usage|error|huh|what\?|\?$"
)
_UBOOT = re.compile(r"^U-Boot (?:SPL )?\d|^=> |U-?Boot", re.MULTILINE | re.IGNORECASE)


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
            witness = condition("; ".join(unanswered), holds=False)
        return self.model_copy(update={"facts": facts, "witness": witness})


@dataclass(frozen=True)
class InterruptAutoboot:
    """Restart the device and press keys from its first line on, to stop the bootloader; one restart for all keys.

    SEEN is a bootloader's prompt, or a shell that a key named by the starting system opens. REFUSED is a boot that
    went on to its end although every key was pressed in the declared countdown or, if none is declared, between the
    first line and the system's. A bootloader that stopped is told to boot, or the device is restarted.
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
            behind: tuple[Fact, ...] = ()
            after = ""
            try:
                course = KeysInTime(boot, self.declaration, self._countdown, record).watch()
                if course.prompt is not None:
                    behind = self._look_behind(boot, course.prompt)
                    after = self._boot_on(boot, course.prompt)
                elif course.opened is not None:
                    after = self._restart_on(boot)
                elif course.ended:
                    LoginDialogue(boot.console, self.declaration).reach_login()
            finally:
                record.keep("autoboot.raw", boot.raw)
            fact, witness = self._fact(boot, course), self._witness(boot, course)
        closed = tuple(fact.model_copy(update={"about": about}) for about in (ENVIRONMENT, MEMORY))
        if course.prompt is not None or course.opened is not None:
            fact = _opened(course, after)
        record.note(f"{fact.about} -> {fact.answer}: {fact.detail}; {witness.what}")
        return Autoboot(
            question="Does a key press stop the bootloader?",
            facts=(fact,),
            witness=witness,
            asked=KEYS,
            behind=behind or closed,
        )

    def _look_behind(self, boot: Boot, shown: str) -> tuple[Fact, ...]:
        """Try at the prompt what an attacker would."""
        prompts = self._prompts(shown)
        facts = change_arguments(boot.console, prompts), read_memory(boot.console, prompts, self.address)
        return facts if _UBOOT.search(PlainText().feed(boot.raw)) else tuple(map(_of_another, facts))

    def _prompts(self, shown: str) -> list[Awaited]:
        declared = self.declaration.bootloader_prompt
        patterns = [declared] if declared else []
        return [Awaited.prompt(pattern, _PROMPT_SETTLE) for pattern in (*patterns, re.escape(shown.strip()) + " ?")]

    @property
    def _countdown(self) -> str | None:
        """What the countdown looks like, where one is declared."""
        return None if isinstance(self.declaration.autoboot, Absent) else self.declaration.autoboot

    def _boot_on(self, boot: Boot, shown: str) -> str:
        """Let the device start again, and say how that went."""
        login = Awaited.prompt(self.declaration.login_prompt, LOGIN_SETTLE)
        boot.console.drain()
        boot.console.send("boot\r")
        arrival = boot.console.read_until(login, *self._prompts(shown), seconds=self.seconds)
        if arrival is not None and arrival.awaited is login:
            return "the command `boot` continued to the login"
        return self._restart_on(boot)

    def _restart_on(self, boot: Boot) -> str:
        self.restart()
        if boot.console.read_until(*ends_of_boot(self.declaration), seconds=self.seconds):
            return "another restart continued to the login"
        return "the device did not return to its login, neither with `boot` nor with another restart"

    def _fact(self, boot: Boot, course: Course) -> Fact:
        """Say what became of the boot while no key opened anything."""
        timely = "in the declared countdown" if self._countdown else "before the system's first line"
        counted = f"{course.pressed} keys were pressed, {course.pressed_in_time} of them {timely}"
        doubtful = course.missing or course.menu or self._glimpsed(boot, course) is not None
        if course.ended and not doubtful:
            return Fact(about="keys", answer=Answer.REFUSED, detail=f"the boot continued to its end: {counted}")
        words = "the boot continued to its end" if course.ended else "neither a prompt nor a login appeared"
        return Fact(about="keys", answer=Answer.SILENT, detail=f"{words}: {counted}")

    def _glimpsed(self, boot: Boot, course: Course) -> str | None:
        """Return a line that may have been a prompt of the bootloader."""
        declared = self.declaration.bootloader_prompt
        found = Awaited.line(declared).find(PlainText().feed(boot.raw)) if declared else None
        return found.group() if found else course.glimpsed

    def _witness(self, boot: Boot, course: Course) -> Witness:
        """Show that a prompt would have been seen: the whole boot came through this port, and each key in time."""
        first = boot.shows(self.declaration.boot_start)
        parts = [condition(f"the boot log was {'seen' if first else 'not seen'} from its first line", holds=first)]
        if course.prompt is not None:
            return parts[0]
        if self._countdown:
            counted = boot.shows(self._countdown)
            parts.append(condition(f"the countdown was {'seen' if counted else 'not seen'}", holds=counted))
        each = f"each key of {', '.join(key.name for key in dict.fromkeys(course.wanted))}"
        timely = "was pressed in time" if not course.missing else "was not pressed in time"
        parts.append(condition(f"{each} {timely}", holds=not course.missing))
        words = "the end of the boot was seen" if course.ended else "the boot stood still: its end was not seen"
        parts.append(Witness(what=words, holds=course.ended, asked=KEYS))
        if (line := self._glimpsed(boot, course)) is not None:
            words = f"a line that may be a prompt of the bootloader appeared: {printable(line, 200)!r}"
            parts.append(condition(words, holds=False))
        if course.menu:
            words = "the bootloader shows a menu, and the keys of its entries were not pressed"
            parts.append(condition(words, holds=False))
        return all_of(parts)


def _opened(course: Course, after: str) -> Fact:
    """Say which prompt a key opened."""
    if course.prompt is not None:
        words = f"the bootloader stopped and shows the prompt {printable(course.prompt, 200)!r} ({course.proof})"
    else:
        names = ", ".join(key.name for key in course.offered)
        words = f"the system names {names} at its start, which opened the shell {printable(course.opened or '', 200)!r}"
    return Fact(about="keys", answer=Answer.SEEN, detail=f"{words}; {after}")


def _of_another(fact: Fact) -> Fact:
    """Leave open what a bootloader with other commands than U-Boot's did not show: it was not asked in its language."""
    if fact.answer is not Answer.REFUSED or not _UNKNOWN.search(fact.detail):
        return fact
    words = f"this bootloader may have other commands than U-Boot's: {fact.detail}"
    return fact.model_copy(update={"answer": Answer.SILENT, "detail": words})
