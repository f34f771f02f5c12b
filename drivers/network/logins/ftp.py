"""FTP as a door to log in at (RFC 959), in clear, with AUTH TLS, or inside TLS from the start (RFC 4217).

A login counts when a command that was refused before it is answered after it; reply 230 alone proves nothing.
"""

import re
from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.network.dialogue import Dialogue, EndedError
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
_WANTS_TLS = re.compile(r"(?i)\b(?:tls|ssl|encrypt\w*|secure)\b")
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
class FtpDoor:
    """Logins over FTP; `interface` is the declared service, `tls` whether TLS comes first.

    Implements `drivers.guessing.logins.Door`. Where the server asks for TLS, AUTH TLS goes before the login.
    """

    target: Target
    port: int
    interface: str
    tls: bool = False

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once: SEEN is a command that was refused before and is answered now, REFUSED reply 530.

        A service that is not available (421) and a time-out are SILENT. BenchError only where this machine cannot send.
        """
        if not (user + password).isprintable():
            raise BenchError("a login to send contains control characters.", "Correct the list of guesses.")
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=SECONDS) as dialogue:
                attempt = _Session(dialogue).attempt(user, password)
            if attempt.answer is Answer.SEEN or self.tls or not _WANTS_TLS.search(attempt.detail):
                return attempt
            with Dialogue(self.target, self.port, seconds=SECONDS) as dialogue:
                return _Session(dialogue).attempt(user, password, upgrade=True)
        except EndedError as ended:
            return LoginAttempt(ended.answer, ended.detail, unanswered=True)

    def knock(self) -> Knock:
        """See whether FTP speaks here: its greeting, and USER that is no unknown command."""
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=SECONDS) as dialogue:
                session = _Session(dialogue)
                greeting = session.greeting()
                if greeting.code not in (220, 421, 530):
                    return Knock(Answer.REFUSED, f"something other than FTP answered: {greeting}")
                answer = session.ask("PWD")
                if greeting.code == 220 and answer.code in (250, 500, 502) and "ftp" not in greeting.text.lower():
                    return Knock(Answer.REFUSED, f"the greeting is that of a mail server: {greeting}; {answer}")
                return Knock(Answer.SEEN, str(greeting))
        except EndedError as ended:
            return Knock(ended.answer, ended.detail, connected=ended.connected)


class _Session:
    """One control connection."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._pending = bytearray()

    def attempt(self, user: str, password: str, *, upgrade: bool = False) -> LoginAttempt:
        greeting = self.greeting()
        if greeting.code != 220:
            return LoginAttempt(Answer.SILENT, f"no service: {greeting}")
        if upgrade and (problem := self._upgrade()) is not None:
            return problem
        proof = next(((command, reply) for command in _PROOFS if not (reply := self.ask(command)).positive), None)
        if proof is None:
            return LoginAttempt(
                Answer.SILENT, "the server answers commands without a login, so no command can prove a login"
            )
        reply, asked = self.ask(f"USER {user}"), "user name"
        if reply.code == 331:
            reply, asked = self.ask(f"PASS {password}"), "password"
        if reply.code in (530, 430, 532, 332):
            return LoginAttempt(Answer.REFUSED, f"the answer to the {asked} is {reply}")
        if not reply.positive:
            return LoginAttempt(Answer.SILENT, f"the answer to the {asked} is {reply}")
        command, before = proof
        after = self.ask(command)
        self._dialogue.send(b"QUIT\r\n")
        if not after.positive:
            return LoginAttempt(Answer.SILENT, f"{reply}, but the answer to {command} is still {after}")
        return LoginAttempt(Answer.SEEN, f"the answer to {command} is {after} after the login and {before} before it")

    def greeting(self) -> FtpReply:
        """Read the greeting; 120 says that it is still to come."""
        reply = self._reply()
        return self._reply() if reply.code == 120 else reply

    def ask(self, command: str) -> FtpReply:
        """Send a command, and return what it is answered."""
        self._dialogue.send(command.encode("utf-8") + b"\r\n")
        return self._reply()

    def _upgrade(self) -> LoginAttempt | None:
        """Continue inside TLS, which discards clear data after the reply (RFC 4217, 4)."""
        if (reply := self.ask("AUTH TLS")).code != 234:
            return LoginAttempt(Answer.SILENT, f"the server requires TLS, but answers AUTH TLS with {reply}")
        self._pending.clear()
        self._dialogue.start_tls()
        return None

    def _reply(self) -> FtpReply:
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

        line = self._dialogue.until(self._pending, size)
        return line.rstrip(b"\r\n")
