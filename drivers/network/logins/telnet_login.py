"""One dialogue with a login program over Telnet: which prompt shows, and what a password has come to.

What follows a password decides, and not a word in it: a message of the day may speak of failed logins, and a refusal
may be in any language. A command prompt that comes twice is a login. The prompt of the login program is a refusal, and
so are its words with which it closes the connection.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS as LIMIT_WORDS
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.logins.telnet_options import TelnetOptions, escaped
from drivers.prompts import PromptKind, prompt_in, same_prompt
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, printable

QUIET = 0.3
"""Seconds without a further octet, after which a last line that ends like a prompt is one: text arrives in pieces."""
UNKNOWN_QUIET = 1.5
"""The same for a line of unknown form: the prompt of another language."""
REFUSED_QUIET = 4.0
"""The same for the words of a refusal without a prompt after them: a slow message of the day reads alike."""
_ROUNDS = 4
"""Empty lines until a prompt has to have come twice: a message of the day may stand in between."""
_SHOWN = 160
_KEPT = 4_096
"""How many characters after the last typed line are searched: each octet may arrive alone."""
_TERMINAL_ANSWERS = 8
_LEARNED_MOST, _UNKNOWN_TIMES = 64, 2
ESCAPE = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[@-Z\\^_=>78])")
"""What moves the cursor or sets a colour: no part of the text."""
_QUERIES = {"\x1b[c": b"\x1b[?1;2c", "\x1b[0c": b"\x1b[?1;2c", "\x1bZ": b"\x1b[?1;2c", "\x1b[6n": b"\x1b[1;1R",
            "\x1b[5n": b"\x1b[0n"}  # fmt: skip
"""What a VT100 answers when it is asked what it is, where its cursor is, and whether it works."""
_QUERY = re.compile(r"\x1b(?:\[0?c|Z|\[[56]n)")
_COUNTS = re.compile(r"\d|(?i:\b(?:since|last|previous|attempts?|history)\b)")
"""A line that counts or dates failed logins is news to somebody who got in."""
_OTHER_SECRET = re.compile(
    r"(?i)\b(?:new|change|confirm|re-?(?:type|enter)|again|expired?|old|current|otp|token|code|pin)\b"
)
_MENU = re.compile(
    r"(?i)\b(?:select\w*|choi[cs]e|option|menu|command|enter (?:a |your )?(?:number|selection))\b[^\n]*$"
)


@dataclass(frozen=True)
class Prompts:
    """What the device shows, as regular expressions; the prompts are looked for in the last line."""

    login: str = r"(?i)(?<!last )\b(?:login|user ?name|user|account|log-?in (?:as|name))\b[^:>]{0,24}[:>] ?$"
    password_prompt: str = r"(?i)\b(?:password|passwd|passcode|pass ?phrase)\b[^:>]{0,40}[:>] ?$"
    refusal: str = (
        r"(?im)^\W{0,4}(?:(?:login|password|authenti?cation|authori[sz]ation) (?:is )?(?:incorrect|invalid|fail\w{0,4}|"
        r"denied|error)|(?:incorrect|invalid|bad|wrong|illegal) (?:login|user|pass|name|account|credential)|"
        r"(?:access|permission) denied|user ?name or password)[^\r\n]*"
    )
    shell: str = r"(?:[$#>%~]|->) ?$"


class Line(StrEnum):
    """What the last line is."""

    LOGIN = "login"
    PASSWORD = "password"
    SHELL = "shell"
    UNKNOWN = "unknown"
    """Text without a line end, after which nothing comes."""
    REFUSAL = "refusal"
    """Words of a refusal, after which nothing comes."""


@dataclass
class Learned:
    """The prompts of one door that were seen to be whole: nothing has to be waited for after them."""

    _seen: Counter[str] = field(default_factory=Counter)

    def note(self, line: str, kind: Line) -> None:
        """Note that nothing followed a line for a while. What looks like a command prompt is always waited for."""
        if kind is not Line.SHELL and len(self._seen) < _LEARNED_MOST:
            self._seen[line.strip()] += 1

    def whole(self, line: str, kind: Line) -> bool:
        """Whether this line was seen to be whole; one of unknown form has to be seen more often."""
        return self._seen[line.strip()] >= (_UNKNOWN_TIMES if kind is Line.UNKNOWN else 1)


class TelnetLogin:
    """One connection. `attempt` may be called again as long as `ready` says that the login prompt shows."""

    def __init__(self, dialogue: Dialogue, prompts: Prompts, learned: Learned | None = None) -> None:
        self._dialogue = dialogue
        self._prompts = prompts
        self._learned = learned or Learned()
        self.options = TelnetOptions()
        self._text = ""
        """What came since the last line that was typed, without escape sequences."""
        self._typed = ""
        self._asking = ""
        """The line in which the login program waits for a user name or, without one, for a password."""
        self._answers = 0
        self.ready = False

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once; EndedError where the connection ends without an answer."""
        kind, first = self._again() if self.ready else self.greeting()
        self.ready = False
        if kind is Line.SHELL:
            return self._proven("", f"a command prompt without a login: {printable(first, _SHOWN)}", without_login=True)
        self._asking, asked = first, ""
        if kind is not Line.PASSWORD:
            self._type(user)
            kind, asked = self._await()
            if kind is Line.SHELL:
                return self._proven(first, "logged in without a password prompt", passwordless=True)
            if kind is Line.LOGIN or kind is Line.REFUSAL:
                self.ready = kind is Line.LOGIN
                return LoginAttempt(Answer.REFUSED, f"the user name was refused before a password: {self.words}")
            if kind is Line.UNKNOWN and same_prompt(asked, first):
                return LoginAttempt(Answer.SILENT, f"the prompts were not recognised: {printable(first, _SHOWN)}")
        self._type(password)
        return self._outcome(first, asked)

    def greeting(self) -> tuple[Line, str]:
        """Read until a prompt shows, and return it; some devices wait for a key first."""
        return self._await(wake=True)

    def _again(self) -> tuple[Line, str]:
        return (Line.PASSWORD if self._kind(self._asking) is Line.PASSWORD else Line.LOGIN), self._asking

    def _outcome(self, first: str, asked: str) -> LoginAttempt:
        """Say what a password that was typed has come to, from what follows."""
        try:
            kind, shown = self._await(refusal=True)
        except EndedError as ended:
            return self._closed(ended)
        back = any(same_prompt(shown, one) for one in (first, asked))
        if kind is Line.REFUSAL or (back and kind is not Line.SHELL) or kind is Line.LOGIN:
            self.ready = same_prompt(shown, first)
            return LoginAttempt(Answer.REFUSED, self.words)
        if kind is Line.SHELL or (kind is Line.UNKNOWN and _MENU.search(shown)):
            return self._proven(first, "logged in")
        if kind is Line.PASSWORD and not _OTHER_SECRET.search(shown):
            return LoginAttempt(Answer.REFUSED, self.words)
        return LoginAttempt(Answer.SILENT, f"neither a command prompt nor a refusal: {self.words}")

    def _closed(self, ended: EndedError) -> LoginAttempt:
        """Say what a connection means that ended after a password: words before it are the device's refusal."""
        refused = self._refusal_words()
        said = bool(self._own_words())
        if refused or (said and ended.closed and not LIMIT_WORDS.search(self._text)):
            return LoginAttempt(Answer.REFUSED, f"{self.words}; {ended.detail}")
        if said and LIMIT_WORDS.search(self._text):
            return LoginAttempt(Answer.SILENT, f"{self.words}; {ended.detail}", limited=True)
        raise ended

    def _proven(
        self, before: str, how: str, *, without_login: bool = False, passwordless: bool = False
    ) -> LoginAttempt:
        """Press return until the same prompt came twice."""
        last = self._line
        for _ in range(_ROUNDS):
            self._type("")
            kind, shown = self._await()
            if kind in (Line.LOGIN, Line.PASSWORD):
                return LoginAttempt(Answer.REFUSED, f"the login prompt appears again: {printable(shown, _SHOWN)}")
            if same_prompt(shown, last) and not (before and same_prompt(shown, before)):
                self._dialogue.send(b"exit\r\n")
                detail = f"{how}, and the prompt {printable(shown, _SHOWN)} appeared twice"
                return LoginAttempt(Answer.SEEN, detail, without_login=without_login, passwordless=passwordless)
            last = shown
        return LoginAttempt(Answer.SILENT, f"no prompt appeared twice: {self.words}")

    def _type(self, text: str) -> None:
        """Send a line; where the device echoes, Enter is CR NUL as from a terminal (RFC 1123, 3.3.1)."""
        self._text, self._typed = "", text.strip()
        self._dialogue.send(escaped(text) + (b"\r\0" if self.options.echoes else b"\r\n"))

    def _await(self, *, wake: bool = False, refusal: bool = False) -> tuple[Line, str]:
        """Read until the last line is a prompt, and return what it is.

        A line counts once nothing follows it, unless it is known to be whole.
        """
        quiet = 0.0
        while True:
            line, kind = self._line, self._kind(self._line)
            if kind is not None and self._learned.whole(line, kind):
                return kind, line
            wait = 0.0
            if kind is not None:
                wait = UNKNOWN_QUIET if kind is Line.UNKNOWN else QUIET
            elif refusal and self._refusal_words():
                wait = REFUSED_QUIET
            if wait and quiet >= wait:
                if kind is not None:
                    self._learned.note(line, kind)
                return kind or Line.REFUSAL, line
            if self._read(wait - quiet if wait else 2.0 if wake else None):
                quiet = 0.0
            elif wait:
                quiet = wait
            elif wake:
                if (ended := self._ended_line()) is not None:
                    return ended
                wake = False
                self._dialogue.send(b"\r\n")

    def _ended_line(self) -> tuple[Line, str] | None:
        """Return the prompt in a last line that a line end follows, as a few devices send it."""
        lines = [line for line in re.split(r"[\r\n\0]+", self._text) if line.strip()]
        found = prompt_in(lines[-1]) if lines else None
        if found is None or found.opens:
            return None
        return (Line.LOGIN if found.kind is PromptKind.LOGIN else Line.PASSWORD), lines[-1]

    def _kind(self, line: str) -> Line | None:
        """Say what a line is: declared prompts come first, then those of many devices."""
        if not line.strip() or line.strip() == self._typed:
            return None
        declared = ((Line.LOGIN, self._prompts.login), (Line.PASSWORD, self._prompts.password_prompt))
        for kind, pattern in declared:
            if _regex(pattern).search(line):
                return kind
        found = prompt_in(line)
        if found is not None and not found.opens:
            return Line.LOGIN if found.kind is PromptKind.LOGIN else Line.PASSWORD
        usual = self._prompts.shell == Prompts.shell
        if _regex(self._prompts.shell).search(line) or (found is not None and found.opens):
            # command lines are written in ASCII: `Имя> ` is rather the prompt of a login program
            return Line.UNKNOWN if usual and line.rstrip().endswith(">") and not line.isascii() else Line.SHELL
        return Line.UNKNOWN if len(line) <= _SHOWN and re.search(r"[:?>=] ?$", line) else None

    def _refusal_words(self) -> bool:
        """Whether a line refuses: one that counts failed logins, or dates the last one, does not."""
        declared = self._prompts.refusal != Prompts.refusal
        found = _regex(self._prompts.refusal).finditer(self._text)
        return any(declared or not _COUNTS.search(one[0]) for one in found)

    def _read(self, seconds: float | None) -> bool:
        """Read what comes next, and answer the options and the questions for the terminal in it; whether text came."""
        data = self._dialogue.receive(seconds)
        text = self.options.feed(data)
        replies = bytes(self.options.replies)
        self.options.replies.clear()
        whole = self._text + text.decode("utf-8", "replace")
        for query in _QUERY.findall(whole):
            if self._answers < _TERMINAL_ANSWERS:
                self._answers += 1
                replies += _QUERIES[query]
        if replies:
            self._dialogue.send(replies)
        self._text = ESCAPE.sub("", whole)[-_KEPT:]
        return bool(data)

    @property
    def _line(self) -> str:
        """The last line, as far as it came. A carriage return at its end does not end it."""
        text = self._text.rstrip("\0")
        text = text[:-1] if text.endswith("\r") else text
        return re.split(r"[\r\n\0]", text)[-1][-512:].lstrip()

    def _own_words(self) -> str:
        """Return what the device said, without what it echoes."""
        lines = (line.strip() for line in re.split(r"[\r\n\0]+", self._text))
        return " ".join(line for line in lines if line and line != self._typed and not set(line) <= {"*"})

    @property
    def words(self) -> str:
        """The end of what came, ready to print."""
        lines = [line.strip() for line in re.split(r"[\r\n\0]+", self._text[-1024:]) if line.strip()]
        return printable("; ".join(lines[-3:]), _SHOWN) or "nothing"


@lru_cache(32)
def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{pattern!r} is not a regular expression: {error}.", "Correct `telnet` in the declaration."
        ) from error
