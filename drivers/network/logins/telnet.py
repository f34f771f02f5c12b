"""Telnet as a door to log in at (RFC 854): prompts as declared, or as login programs and command lines show them.

A login counts when a command prompt that was not there before it shows, and shows again after an empty line: a text
that merely looks like a prompt does not come twice. The options are in `telnet_options.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from drivers.guessing.attempt import LoginAttempt
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.logins.telnet_options import TelnetOptions, escaped
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer, printable

USUAL_PORTS = (23, 2323)
"""IANA's telnet, and where many cameras and recorders have it."""
SECONDS = 12.0
_ROUNDS = 4
"""Empty lines until a prompt has to have come twice: a message of the day may stand in between."""
_QUIET = 0.3
"""Seconds without a further octet, after which a last line that ends like a prompt is one."""
_SHOWN = 160
_KEPT = 4_096
"""How many characters after the last typed line are searched: each octet may arrive alone."""
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[@-Z\\^_=>78])")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Prompts:
    """What the device shows, as regular expressions; the prompts are looked for in the last line."""

    login: str = r"(?i)(?<!last )\b(?:login|user ?name|user|account|log-?in (?:as|name))\b[^:>]{0,24}[:>] ?$"
    password: str = r"(?i)\b(?:password|passwd|passcode|pass ?phrase)\b[^:>]{0,40}[:>] ?$"
    refusal: str = (
        r"(?im)^\W{0,4}(?:(?:login|password|authenti?cation|authori[sz]ation) (?:is )?(?:incorrect|invalid|fail\w{0,4}|"
        r"denied|error)|(?:incorrect|invalid|bad|wrong|illegal) (?:login|user|pass|name|account|credential)|"
        r"(?:access|permission) denied|user ?name or password|too many|maximum number of tries|account .{0,30}locked)"
    )
    shell: str = r"(?:[$#>%~]|->) ?$"


@dataclass(frozen=True)
class TelnetDoor:
    """Logins over Telnet; `interface` is the declared service. Implements `drivers.guessing.logins.Door`."""

    target: Target
    port: int
    interface: str
    prompts: Prompts = field(default_factory=Prompts)
    tls: bool = False
    seconds: float = SECONDS

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once: SEEN is a command prompt twice, REFUSED the login program's words or its prompt again.

        A connection that is closed silently and a time-out are SILENT. BenchError only where this machine cannot
        send.
        """
        if not (user + password).isprintable():
            raise BenchError("a login to type contains control characters.", "Correct the list of guesses.")
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=self.seconds) as dialogue:
                return _Login(dialogue, self.prompts).attempt(user, password)
        except EndedError as ended:
            return LoginAttempt(ended.answer, ended.detail, unanswered=True)

    def knock(self) -> Knock:
        """See whether Telnet speaks here: a login prompt, a command prompt, or an option negotiation."""
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=self.seconds) as dialogue:
                login = _Login(dialogue, self.prompts)
                try:
                    shown = login.greeting()
                except EndedError as ended:
                    answer = Answer.SEEN if login.options.seen else Answer.SILENT
                    return Knock(answer, f"{ended.detail}; {login.words}")
                return Knock(Answer.SEEN, f"the prompt is {printable(shown, _SHOWN)}")
        except EndedError as ended:
            return Knock(ended.answer, ended.detail, connected=ended.connected)


class _Login:
    """One dialogue with a login program."""

    def __init__(self, dialogue: Dialogue, prompts: Prompts) -> None:
        self._dialogue = dialogue
        self._login, self._password = _regex(prompts.login), _regex(prompts.password)
        self._refusal, self._shell = _regex(prompts.refusal), _regex(prompts.shell)
        self.options = TelnetOptions()
        self._text = ""
        """What came since the last line that was typed, without escape sequences."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        before = self.greeting()
        if self._is_shell(before):
            return self._proven("", f"a command prompt without a login: {printable(before, _SHOWN)}")
        if self._login.search(before):
            self._type(user)
            asked = self._await(lambda line: self._is_shell(line) or self._asks(line))
            if self._is_shell(asked):
                return self._proven(before, "logged in without a password prompt")
            if not self._password.search(asked):
                return LoginAttempt(Answer.REFUSED, f"the user name was refused before a password: {self.words}")
        return self._give(password, before)

    def greeting(self) -> str:
        """Read until a prompt shows, and return it; some devices wait for a key first."""
        return self._await(lambda line: self._asks(line) or self._is_shell(line), wake=True)

    def _give(self, password: str, before: str) -> LoginAttempt:
        self._type(password)
        try:
            shown = self._await(lambda line: self._asks(line) or self._is_shell(line), refusal=True)
        except EndedError:
            if self._refusal.search(self._text):
                return LoginAttempt(Answer.REFUSED, self.words)
            raise
        if not shown or self._asks(shown):
            return LoginAttempt(Answer.REFUSED, self.words)
        return self._proven(before, "logged in")

    def _proven(self, before: str, how: str) -> LoginAttempt:
        """Press return until the same prompt came twice."""
        last = self._line
        for _ in range(_ROUNDS):
            self._type("")
            shown = self._await(lambda line: self._is_shell(line) or self._asks(line))
            if self._asks(shown):
                return LoginAttempt(Answer.REFUSED, f"the login prompt appears again: {printable(shown, _SHOWN)}")
            if _alike(shown, last) and not (before and _alike(shown, before)):
                self._dialogue.send(b"exit\r\n")
                return LoginAttempt(Answer.SEEN, f"{how}, and the prompt {printable(shown, _SHOWN)} appeared twice")
            last = shown
        return LoginAttempt(Answer.SILENT, f"no prompt appeared twice: {self.words}")

    def _type(self, text: str) -> None:
        """Send a line; where the device echoes, Enter is CR NUL as from a terminal (RFC 1123, 3.3.1)."""
        self._text = ""
        self._dialogue.send(escaped(text) + (b"\r\0" if self.options.echoes else b"\r\n"))

    def _await(self, known: Callable[[str], bool], *, wake: bool = False, refusal: bool = False) -> str:
        """Read until the last line is a known prompt and return it; "" where the refusal came instead.

        A line that ends like a command prompt counts once nothing follows it: text arrives in pieces.
        """
        while True:
            if known(self._line) and (self._asks(self._line) or not self._read(_QUIET)):
                return self._line
            if refusal and self._refusal.search(self._text):
                return ""
            if wake and not self._read(2.0):
                wake = False
                self._dialogue.send(b"\r\n")
            elif not wake:
                self._read(None)

    def _read(self, seconds: float | None) -> bool:
        """Read what comes next, and answer the options in it; whether text came."""
        data = self._dialogue.receive(seconds)
        text = self.options.feed(data)
        if self.options.replies:
            self._dialogue.send(bytes(self.options.replies))
            self.options.replies.clear()
        self._text = _ESCAPE.sub("", self._text + text.decode("utf-8", "replace"))[-_KEPT:]
        return bool(data)

    def _asks(self, line: str) -> bool:
        return bool(self._login.search(line) or self._password.search(line))

    def _is_shell(self, line: str) -> bool:
        return bool(self._shell.search(line)) and not self._asks(line)

    @property
    def _line(self) -> str:
        """The last line, as far as it came."""
        return re.split(r"[\r\n\0]", self._text)[-1][-512:].lstrip()

    @property
    def words(self) -> str:
        """The end of what came, ready to print."""
        lines = [line.strip() for line in re.split(r"[\r\n\0]+", self._text[-1024:]) if line.strip()]
        return printable("; ".join(lines[-3:]), _SHOWN) or "nothing"


def _alike(one: str, other: str) -> bool:
    """Whether two prompts are the same; numbers in them may count or tell the time."""
    return _DIGITS.sub("0", one.strip()) == _DIGITS.sub("0", other.strip())


@lru_cache(32)
def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{pattern!r} is not a regular expression: {error}.", "Correct `telnet` in the declaration."
        ) from error
