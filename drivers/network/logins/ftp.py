"""FTP as a door to log in at (RFC 959), in clear, with AUTH TLS, or inside TLS from the start (RFC 4217).

A login counts when a command that was refused before it is answered after it; reply 230 alone proves nothing.
"""

import re
from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.kept_door import KeptDoor
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, printable

USUAL_PORTS = ((21, False), (2121, False), (990, True))
"""IANA's ftp and ftps with whether TLS comes first, and where devices without root have it."""
SECONDS = 10.0
_SHOWN = 200
_LINES, _LINE_OCTETS = 64, 8_192
_PROOFS = ("PWD", "EPSV", "PASV")
"""Commands that only somebody who has logged in is answered; they change nothing."""
WANTS_TLS = re.compile(r"(?i)\b(?:tls|ssl|encrypt\w*|secure)\b")
"""Words of a server that requires AUTH TLS before a login."""
_REPLY = re.compile(rb"(\d{3})([ -])")


@dataclass(frozen=True)
class FtpReply:
    """One reply: its code, and its text on one line."""

    code: int
    text: str

    @property
    def positive(self) -> bool:
        """Whether it is a completion reply (2yz)."""
        return 200 <= self.code < 300

    def __str__(self) -> str:
        """Give it ready to print."""
        return printable(f"{self.code} {self.text}".rstrip(), _SHOWN)


@dataclass(frozen=True)
class FtpDoor(KeptDoor):
    """Logins over FTP; `interface` is the declared service, `tls` whether TLS comes first.

    Where the server asks for TLS, AUTH TLS goes before the login. SEEN is a command that was refused before and is
    answered now, REFUSED reply 530. A service that is not available (421) and a time-out are SILENT.
    """

    target: Target
    port: int
    interface: str
    tls: bool = False

    def new_way(self) -> "_FtpWay":
        """Return a way without a connection."""
        return _FtpWay(self)

    def knock(self) -> Knock:
        """See whether FTP speaks here: its greeting, and USER that is no unknown command."""
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=SECONDS) as dialogue:
                session = FtpSession(dialogue)
                greeting = session.greeting()
                if greeting.code not in (220, 421, 530):
                    return Knock(Answer.REFUSED, f"something other than FTP answered: {greeting}")
                answer = session.ask("PWD")
                if greeting.code == 220 and answer.code in (250, 500, 502) and "ftp" not in greeting.text.lower():
                    return Knock(Answer.REFUSED, f"the greeting is that of a mail server: {greeting}; {answer}")
                return Knock(Answer.SEEN, str(greeting))
        except EndedError as ended:
            return Knock(ended.answer, ended.detail, connected=ended.connected, answered=False)


class _FtpWay:
    """Attempts one after the other; a control connection that stays open after a refusal serves the next one."""

    def __init__(self, door: FtpDoor) -> None:
        self._door = door
        self._open: FtpSession | None = None
        self._upgrades = False
        """Whether the server was seen to require AUTH TLS before a login."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once, over the connection that is open or over another one."""
        if not (user + password).isprintable():
            raise BenchError("a login to send contains control characters.", "Correct the list of guesses.")
        used = self._open is not None
        try:
            attempt = self._session().attempt(user, password, upgrade=self._upgrades)
        except EndedError as ended:
            self.close()
            if used:  # a server lets a few attempts be made, and then ends the connection
                return self.attempt(user, password)
            return LoginAttempt(ended.answer, ended.detail, unanswered=True, connected=ended.connected)
        if attempt.answer is not Answer.REFUSED:
            self.close()
        if attempt.answer is Answer.SILENT and used:
            return self.attempt(user, password)
        clear = not (self._door.tls or self._upgrades)
        if clear and attempt.answer is not Answer.SEEN and WANTS_TLS.search(attempt.detail):
            self.close()
            self._upgrades = True
            return self.attempt(user, password)
        return attempt

    def _session(self) -> "FtpSession":
        if self._open is None:
            door = self._door
            self._open = FtpSession(Dialogue(door.target, door.port, tls=door.tls, seconds=SECONDS))
        else:
            self._open.extend()
        return self._open

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._open is not None:
            self._open.close()
        self._open = None


class FtpSession:
    """One control connection. EndedError where no reply comes."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self._pending = bytearray()
        self._proof: tuple[str, FtpReply] | None = None
        """A command that was refused before any login, and its reply."""

    def extend(self) -> None:
        """Give the connection the time of another attempt."""
        self.dialogue.extend(SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self.dialogue.close()

    def attempt(self, user: str, password: str, *, upgrade: bool = False) -> LoginAttempt:
        """Log in once; the first attempt reads the greeting, and looks which command is refused without a login."""
        if self._proof is None and (ended := self._begin(upgrade=upgrade)) is not None:
            return ended
        assert self._proof is not None
        reply, asked = self.ask(f"USER {user}"), "user name"
        if reply.code == 331:
            reply, asked = self.ask(f"PASS {password}"), "password"
        if reply.code in (530, 430, 532, 332):
            words = f"the answer to the {asked} is {reply}"
            if WORDS.search(reply.text):
                return LoginAttempt(Answer.SILENT, words, limited=True)
            return LoginAttempt(Answer.REFUSED, words)
        if not reply.positive:
            return LoginAttempt(Answer.SILENT, f"the answer to the {asked} is {reply}")
        command, before = self._proof
        after = self.ask(command)
        self.dialogue.send(b"QUIT\r\n")
        if not after.positive:
            return LoginAttempt(Answer.SILENT, f"{reply}, but the answer to {command} is still {after}")
        words = f"the answer to {command} is {after} after the login and {before} before it"
        return LoginAttempt(Answer.SEEN, words, passwordless=asked == "user name")

    def _begin(self, *, upgrade: bool) -> LoginAttempt | None:
        """Read the greeting and find the proof. Return how the attempt ended if that is not possible."""
        greeting = self.greeting()
        if greeting.code != 220:
            return LoginAttempt(Answer.SILENT, f"no service: {greeting}", limited=greeting.code == 421)
        if upgrade and (problem := self.upgrade()) is not None:
            return problem
        refused = ((command, reply) for command in _PROOFS if not (reply := self.ask(command)).positive)
        self._proof = next(refused, None)
        if self._proof is not None:
            return None
        if (listed := self.ask("STAT /")).positive:
            return LoginAttempt(Answer.SEEN, f"the answer to STAT / without a login is {listed}", without_login=True)
        return LoginAttempt(
            Answer.SILENT, "the server answers commands without a login, so no command can prove a login"
        )

    def greeting(self) -> FtpReply:
        """Read the greeting; 120 says that it is still to come."""
        reply = self.reply()
        return self.reply() if reply.code == 120 else reply

    def ask(self, command: str) -> FtpReply:
        """Send a command, and return what it is answered."""
        self.dialogue.send(command.encode("utf-8") + b"\r\n")
        return self.reply()

    def upgrade(self) -> LoginAttempt | None:
        """Continue inside TLS, which discards clear data after the reply (RFC 4217, 4). Return why it cannot."""
        if (reply := self.ask("AUTH TLS")).code != 234:
            return LoginAttempt(Answer.SILENT, f"the server requires TLS, but answers AUTH TLS with {reply}")
        self._pending.clear()
        self.dialogue.start_tls()
        return None

    def reply(self) -> FtpReply:
        """Read a reply of one or of many lines (RFC 959, 4.2)."""
        first = self._line()
        matched = _REPLY.match(first + b" ")
        if matched is None:
            raise EndedError(Answer.SILENT, f"not a reply of FTP: {printable(first, _SHOWN)}")
        text = [first[4:]]
        if matched[2] == b"-":
            for _ in range(_LINES):
                line = self._line()
                text.append(line.removeprefix(matched[1] + b" "))
                if line.startswith(matched[1] + b" "):
                    break
            else:
                raise EndedError(Answer.SILENT, f"a reply of more than {_LINES} lines")
        words = b" ".join(part.strip() for part in text[:8] if part.strip())
        return FtpReply(int(matched[1]), words.decode("utf-8", "replace"))

    def _line(self) -> bytes:
        def size(pending: bytes) -> int:
            if len(pending) > _LINE_OCTETS and b"\n" not in pending:
                raise EndedError(Answer.SILENT, f"a line of more than {_LINE_OCTETS} octets")
            return pending.find(b"\n") + 1

        line = self.dialogue.until(self._pending, size)
        return line.rstrip(b"\r\n")
