"""What the serial console shows: to somebody who logs in, to one who does not, and while the device starts.

The port is `port.py`, the dialogue with the login program `login.py`. Which guesses are tried is not known here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.serial import login as login_program
from drivers.serial.boot import ends_of_boot, restarted
from drivers.serial.login import LoginDialogue
from drivers.serial.port import Awaited, Console
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, condition, printable

_PROMPT = Asked(door="the console", shape="keys that a prompt answers")
_UNKNOWN = Asked(door="the console", shape="keys that unknown output answers")
"""No login proves that it is no prompt."""
_BOOT = Asked(door="the console", shape="a boot from its first line to its end")

TEXT_LIMIT = 1 << 18
"""Characters of a boot log that an observation holds; all of it is in the evidence."""
_BREAKS = 4


@dataclass
class ConsoleDoor:
    """One attempt at a time on the serial console; the port is held during an attempt, or in a `with door.held()`."""

    bench: ConsoleBench
    declaration: ConsoleDeclaration
    _session_left: bool = field(default=False, init=False, repr=False)
    _held: LoginDialogue | None = field(default=None, init=False, repr=False)

    @property
    def interface(self) -> str:
        """The console's name in declarations."""
        return "console"

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in once and log out again. Raises BenchError when the port is gone.

        An attempt that a message on the console has disturbed is made once more.
        """
        if not (user + password).isprintable():
            raise BenchError("a login to type contains control characters.", "Correct the list of guesses.")
        with self._dialogue() as dialogue:
            result = self._once(dialogue, user, password)
            if result.answer is Answer.SILENT and dialogue.disturbed:
                return self._once(dialogue, user, password)
            return result

    def _once(self, dialogue: LoginDialogue, user: str, password: str) -> LoginAttempt:
        if not dialogue.at_login:
            reached = dialogue.reach_login()
            if reached is None:
                return LoginAttempt(Answer.SILENT, "no login prompt appeared")
            if reached.awaited is not dialogue.login:
                if self._session_left:
                    return LoginAttempt(Answer.SILENT, "the session of an earlier login could not be ended")
                return LoginAttempt(Answer.SEEN, f"a shell without a login: {printable(reached.text, 200)}")
        result = dialogue.attempt(user, password)
        self._session_left = result.answer is Answer.SEEN and not dialogue.leave()
        return result

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the port for many attempts: where one left the login prompt, the next begins."""
        with self._dialogue() as self._held:
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _dialogue(self) -> Iterator[LoginDialogue]:
        if self._held is not None:
            yield self._held
            return
        with Console(self.bench, self.declaration.baud) as console:
            yield LoginDialogue(console, self.declaration)


class ConsoleLogin(Observation):
    """What the console shows to one who does not log in; `about()` takes `return`, `ctrl_c` and `break`."""

    break_sent: bool
    """False where the port carries no BREAK (socket://): `break` is then about CR alone."""


@dataclass(frozen=True)
class ObserveConsoleLogin:
    """Press CR, Ctrl-C and BREAK on the console, and see whether a shell comes without a login.

    SEEN is a prompt at which commands can be given, of a shell, an interpreter, a bootloader or a monitor. REFUSED is a
    login prompt. Witness: a declared account logs in on the same port. Without one, only refusals prove anything.
    """

    bench: ConsoleBench
    declaration: ConsoleDeclaration
    valid_user: str | None
    """None if no account of the console is declared, or if the bench has no secret for it."""
    valid_password: str = field(repr=False)

    @property
    def name(self) -> str:
        """One console a bench."""
        return "console_login"

    def run(self, record: Recorder) -> ConsoleLogin:
        """Press the keys, then log in. Raises BenchError when the port is gone."""
        with Console(self.bench, self.declaration.baud) as console:
            dialogue = LoginDialogue(console, self.declaration)
            dialogue.reach_login()
            try:
                facts = [_press(console, dialogue, "return", "\r"), _press(console, dialogue, "ctrl_c", "\x03")]
                broken, fact = _break(console, dialogue)
            finally:
                record.keep("console.raw", console.transcript())
        for one in (*facts, fact):
            record.note(f"{one.about} -> {one.answer}: {one.detail}")
        all_refused = all(one.answer is Answer.REFUSED for one in (*facts, fact))
        return ConsoleLogin(
            question="Does the serial console show a shell without a login?",
            facts=(*facts, fact),
            witness=None if all_refused and self.valid_user is None else self._witness(record),
            asked=_PROMPT,
            break_sent=broken,
        )

    def _witness(self, record: Recorder) -> Witness:
        if self.valid_user is None:
            return condition("no account of the console is known that could log in as control", holds=False)
        login = ConsoleDoor(self.bench, self.declaration).attempt(self.valid_user, self.valid_password)
        record.note(f"control: the valid login of {self.valid_user} -> {login.answer}: {login.detail}")
        holds = login.answer is Answer.SEEN
        words = "succeeded" if holds else f"did not succeed ({login.answer}: {login.detail})"
        return Witness(what=f"the valid login of {self.valid_user} on the console {words}", holds=holds, asked=_PROMPT)


def _press(console: Console, dialogue: LoginDialogue, about: str, keys: str) -> Fact:
    """Press keys on a quiet console, and say what prompt answers."""
    console.drain()
    console.send(keys)
    awaited = (dialogue.login, dialogue.password, dialogue.shell, dialogue.root, dialogue.asks)
    arrival = console.read_until(*awaited, seconds=login_program.STEP_SECONDS)
    if arrival is None:
        if dialogue.computes():
            return Fact(about=about, answer=Answer.SEEN, detail="there is no prompt, but a shell computes a typed sum")
        return Fact(about=about, answer=Answer.SILENT, detail="no prompt appeared")
    words = printable(arrival.text, 200)
    if arrival.awaited in (dialogue.login, dialogue.password, dialogue.asks):
        return Fact(about=about, answer=Answer.REFUSED, detail=f"the console requires a login: {words}")
    proof = dialogue.answers(arrival)
    if not proof and arrival.awaited is dialogue.root:
        detail = f"output that looks like a prompt: {words}"
        return Fact(about=about, answer=Answer.SILENT, detail=detail, asked=_UNKNOWN)
    return Fact(about=about, answer=Answer.SEEN, detail=f"a prompt without a login: {words}; {proof}".rstrip("; "))


def _break(console: Console, dialogue: LoginDialogue) -> tuple[bool, Fact]:
    """Send BREAK and CR twice: Linux may treat the first character as a SysRq command, and CR is not one.

    Getty programs change the baud rate at each BREAK, so several are sent until one is understood.
    """
    for _ in range(_BREAKS):
        sent = console.send_break()
        if sent:
            console.send("\r")
        fact = _press(console, dialogue, "break", "\r")
        if not sent:
            return False, fact.model_copy(update={"detail": f"this port cannot send BREAK, only CR: {fact.detail}"})
        if fact.answer is not Answer.SILENT:
            break
    return True, fact


class BootLog(Observation):
    """The boot log as text. Its silence on something counts only if it was captured from its first line to its end."""

    text: str
    """Printable lines, from the restart on; at most 256 KiB of them."""
    first_line_seen: bool
    login_seen: bool


@dataclass(frozen=True)
class CaptureBoot:
    """Restart the device and read its console up to the login prompt, for `seconds` after the restart at most."""

    bench: ConsoleBench
    declaration: ConsoleDeclaration
    restart: Callable[[], None]
    seconds: float
    first_line: Callable[[], None] = lambda: None
    """Called when the declared first line of the boot arrives: the device has restarted."""

    @property
    def name(self) -> str:
        """One console a bench."""
        return "boot_log"

    def run(self, record: Recorder) -> BootLog:
        """Capture one boot. Raises BenchError when the port is gone, and whatever `restart` raises."""
        with restarted(self.bench, self.declaration.baud, self.restart, self.seconds) as boot:
            try:
                if boot.read_until(Awaited.line(self.declaration.boot_start)) is not None:
                    self.first_line()
                ends = ends_of_boot(self.declaration, lambda: boot.started)
                arrival = boot.read_to_end(*ends)
                login = arrival is not None and arrival.awaited is ends[0]
            finally:
                record.keep("boot.raw", boot.raw)
            raw, first = boot.raw, boot.shows(self.declaration.boot_start)
        text, whole = _lines(raw)
        record.note(f"{len(raw)} bytes; first line {'seen' if first else 'not seen'}; login {login}")
        ended = "to the login prompt" if login else "to its end" if arrival else "but not to its end"
        detail = f"{len(raw)} bytes from {'its first line' if first else 'the restart'} {ended}"
        captured = first and arrival is not None and whole
        return BootLog(
            question="What does the device print on its console while it starts?",
            facts=(Fact(about="boot_log", answer=Answer.SEEN if text.strip() else Answer.SILENT, detail=detail),),
            witness=Witness(what=f"the boot log was captured: {detail}", holds=captured, asked=_BOOT),
            asked=_BOOT,
            text=text,
            first_line_seen=first,
            login_seen=login,
        )


def _lines(raw: bytes) -> tuple[str, bool]:
    """Return printable lines of at most 256 KiB, and whether that is all."""
    lines = raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = "\n".join(printable(line, TEXT_LIMIT) for line in lines)
    return text[:TEXT_LIMIT], len(text) <= TEXT_LIMIT
