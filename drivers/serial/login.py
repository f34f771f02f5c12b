"""The dialogue with a login program on an open console: reach its prompt, log in once, leave again.

The words of the console (prompts, refusal) are the declaration's; a login that worked is not judged here.
"""

import secrets

from drivers.guessing.attempt import LoginAttempt
from drivers.prompts import PromptKind, prompt_in, same_prompt
from drivers.serial.port import Arrival, Awaited, Console, PlainText
from drivers.serial.recognised import recognised
from lab_config.component import ConsoleDeclaration
from trustprobe.probe import Answer, printable

STEP_SECONDS = 3.0
"""From a key to a prompt."""
RESULT_SECONDS = 10.0
"""From a password to an answer; login programs delay a refusal by some seconds."""
_GENERIC_SETTLE = 0.3
_WORDLESS_SETTLE = 1.0
_WAYS_OUT = ("exit\r", "logout\r", "\x04")
_WAKING_KEYS = ("\r", "\x03", "\r", "\x03\r")


class LoginDialogue:
    """The dialogue with a login program on an open console."""

    def __init__(self, console: Console, declaration: ConsoleDeclaration) -> None:
        self._console = console
        self.login = Awaited.prompt(declaration.login_prompt)
        self.password = Awaited.prompt(declaration.password_prompt)
        self.refusal = Awaited.line(declaration.refusal)
        self.shell = Awaited.prompt(declaration.shell_prompt)
        self.root = recognised(_GENERIC_SETTLE)
        """A prompt of any shell, interpreter, bootloader or monitor, declared or not."""
        self.asks = recognised(_GENERIC_SETTLE, lambda prompt: not prompt.opens)
        """A prompt for a name or a password that is not declared."""
        self._wordless = Awaited.prompt(declaration.login_prompt, _WORDLESS_SETTLE)
        self.at_login = False
        """Whether the login prompt was the last thing to come, and nothing was typed at it."""
        self.disturbed = False
        """Whether something else was printed while the last attempt waited for a prompt, as a kernel does."""

    def reach_login(self) -> Arrival | None:
        """Bring the console to its login prompt, and end sessions that others left.

        Returns the login prompt; the shell that shows all the same after every way out; or None.
        """
        ways_out = list(_WAYS_OUT)
        shells = (self.shell, self.root)
        for key in _WAKING_KEYS:
            self._console.drain()
            self._console.send(key)
            arrival = self._console.read_until(self.login, self.password, *shells, seconds=STEP_SECONDS)
            if arrival and arrival.awaited is self.password:
                self._console.send("\r")
                arrival = self._console.read_until(self.login, *shells, seconds=RESULT_SECONDS)
            while arrival and arrival.awaited in shells and ways_out and self._takes_commands(arrival):
                self._console.send(ways_out.pop(0))
                arrival = self._console.read_until(self.login, *shells, seconds=STEP_SECONDS)
            if arrival:
                self.at_login = arrival.awaited is self.login
                return arrival
        return None

    def _takes_commands(self, arrival: Arrival) -> bool:
        """Whether a session can be left by a command: nothing is typed into an interpreter or a bootloader."""
        prompt = prompt_in(arrival.text)
        sessions = (PromptKind.SHELL, PromptKind.COMMAND_LINE)
        return arrival.awaited is self.shell or (prompt is not None and prompt.kind in sessions)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once, from the login prompt; a session that this opens stays open."""
        self.at_login, self.disturbed = False, False
        before = self._console.received
        self._console.send(f"{user}\r")
        arrival = self._console.read_until(self.password, self.refusal, self.shell, self.root, seconds=RESULT_SECONDS)
        if arrival is None:
            self.disturbed = self._printed(before, user)
            return LoginAttempt(Answer.SILENT, "no password prompt appeared after the user name")
        if arrival.awaited is self.password:
            self._console.send(f"{password}\r")
            return self._result(password)
        if arrival.awaited is self.refusal:
            return self._refused(arrival, password)
        return self._shown(arrival, password, "a shell without a password prompt")

    def leave(self) -> bool:
        """End the session of a login; False when no login prompt came after every way out."""
        for way_out in _WAYS_OUT:
            self._console.send(way_out)
            arrival = self._console.read_until(self.login, self.shell, self.root, seconds=STEP_SECONDS)
            if arrival and arrival.awaited is self.login:
                self.at_login = True
                return True
        return False

    def computes(self) -> bool:
        """Whether a shell reads what is typed: it is asked for a sum that is not in the question."""
        left, right = secrets.randbelow(9_000) + 1_000, secrets.randbelow(9_000) + 1_000
        self._console.send(f"echo $(({left}+{right}))tp\r")
        return self._console.read_until(Awaited.line(f"{left + right}tp"), seconds=STEP_SECONDS) is not None

    def answers(self, shown: Arrival) -> str:
        """Return how the prompt of a shell proved to be one: it comes again, or a shell computes. "" if it did not.

        Where no prompt for a name is known, what looks like a prompt has to come again.
        """
        self._console.send("\r")
        arrival = self._console.read_until(self.login, self.password, self.shell, self.root, seconds=STEP_SECONDS)
        again = arrival is not None and same_prompt(arrival.text, shown.text)
        prompt = prompt_in(shown.text)
        is_shell = shown.awaited is self.shell or (prompt is not None and prompt.kind is PromptKind.SHELL)
        if is_shell and self.computes():
            return "it computes a typed sum"
        return "it comes again after Enter" if again else ""

    def _printed(self, since: int, typed: str) -> bool:
        """Whether anything came but the echo of what was typed."""
        lines = (line.strip() for line in PlainText().feed(self._console.transcript(since)).split("\n"))
        return any(line not in ("", typed) for line in lines)

    def _result(self, password: str) -> LoginAttempt:
        before = self._console.received
        arrival = self._console.read_until(
            self.refusal, self.shell, self.root, self.password, self._wordless, seconds=RESULT_SECONDS
        )
        if arrival is None:
            self.disturbed = self._printed(before, password)
            return LoginAttempt(Answer.SILENT, "neither a shell nor the declared refusal appeared after the password")
        if arrival.awaited is self.refusal:
            return self._refused(arrival, password)
        if arrival.awaited in (self.password, self._wordless):
            return LoginAttempt(Answer.SILENT, "the device prompted again without the declared refusal")
        return self._shown(arrival, password, "a shell after the password")

    def _refused(self, refusal: Arrival, password: str) -> LoginAttempt:
        """Wait for what follows a refusal: it stands unless a shell shows all the same."""
        after = self._console.read_until(self.login, self.shell, self.root, seconds=RESULT_SECONDS)
        if after and after.awaited is not self.login:
            return self._shown(after, password, "a shell despite the refusal")
        self.at_login = after is not None
        return LoginAttempt(Answer.REFUSED, _without(password, refusal.text))

    def _shown(self, arrival: Arrival, password: str, what: str) -> LoginAttempt:
        """Take the declared prompt as it is; what looks like the prompt of a root shell only if it answers."""
        words = f"{what}: {_without(password, arrival.text)}"
        if arrival.awaited is self.root and not self.answers(arrival):
            return LoginAttempt(Answer.SILENT, f"output that looks like {words}. It does not answer")
        return LoginAttempt(Answer.SEEN, words)


def _without(password: str, text: str) -> str:
    """Make device output printable, without the password that a device may have echoed."""
    return printable(text.replace(password, "[password]") if password else text, 200)
