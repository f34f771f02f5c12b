"""Submission of mail as a door to log in at (RFC 5321, RFC 4954): AUTH in clear, after STARTTLS, or inside TLS.

No mail is sent, and no recipient is named. A login counts when AUTH is answered 235.
"""

import base64
import hmac
import re
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.kept_door import KeptDoor
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from trustprobe.probe import Answer, printable

USUAL_PORTS = ((25, False), (587, False), (465, True))
"""IANA's smtp, submission and submissions with whether TLS comes first."""
SECONDS = 10.0
_SHOWN, _LINES, _LINE_OCTETS = 200, 64, 8_192
_REPLY = re.compile(rb"(\d{3})(?:([ -])|\r?\n|\Z)")
_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
_REFUSED = (535, 530, 550, 554)
_UNKNOWN = (500, 501, 502, 504)
"""EHLO is not known: a server of RFC 821, which has no AUTH."""
_NOT_HERE = (502, 503, 504, 538)
"""AUTH is not known, not now, not with this mechanism, or only inside TLS."""


@dataclass(frozen=True)
class SmtpReply:
    """One reply: its code, and the texts of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The mechanisms of AUTH that EHLO lists and trustprobe speaks, in the order in which they are used."""
        return tuple(one for one in _MECHANISMS if one in self._offered)

    @property
    def other_mechanisms(self) -> tuple[str, ...]:
        """The other mechanisms of AUTH that EHLO lists."""
        return tuple(sorted(self._offered.difference(_MECHANISMS)))

    @property
    def _offered(self) -> frozenset[str]:
        """What stands after AUTH; old servers write `AUTH=`."""
        lines = (line.upper() for line in self.lines if re.match(r"(?i)AUTH[ =]", line))
        return frozenset(word for line in lines for word in re.split("[ =]", line)[1:] if word)

    @property
    def offers_tls(self) -> bool:
        """Whether EHLO lists STARTTLS."""
        return any(line.upper().strip() == "STARTTLS" for line in self.lines)

    def __str__(self) -> str:
        """Give it ready to print."""
        return printable(f"{self.code} {' '.join(self.lines)}".rstrip(), _SHOWN)


@dataclass
class SmtpDoor(KeptDoor):
    """Logins over SMTP; `interface` is the declared service, `tls` whether TLS comes first.

    SEEN is reply 235, REFUSED 535 and its like. Other replies and a time-out are SILENT.
    """

    target: Target
    port: int
    interface: str
    tls: bool = False

    def new_way(self) -> "_SmtpWay":
        """Return a way without a connection."""
        return _SmtpWay(self)

    def knock(self) -> Knock:
        """See whether SMTP speaks here, and offers a login."""
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=SECONDS) as dialogue:
                session = _SmtpSession(dialogue)
                session.begin()
        except _NoAuthError as no_login:
            return Knock(Answer.REFUSED, str(no_login))
        except EndedError as ended:
            kind = Answer.REFUSED if "not a reply of SMTP" in ended.detail else ended.answer
            return Knock(kind, ended.detail, connected=ended.connected, answered=kind is Answer.REFUSED)
        return Knock(Answer.SEEN, f"AUTH {' '.join(session.mechanisms)} is offered")


class _NoAuthError(Exception):
    """The server says in its own words that it offers no login."""


class _SmtpWay:
    """Attempts one after the other; a connection that stays open after a refusal serves the next one."""

    def __init__(self, door: SmtpDoor) -> None:
        self._door = door
        self._open: _SmtpSession | None = None

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once, over the connection that is open or over another one."""
        used = self._open is not None
        try:
            attempt = self._session().attempt(user, password)
        except _NoAuthError as no_login:
            self.close()
            return LoginAttempt(Answer.REFUSED, str(no_login))
        except EndedError as ended:
            self.close()
            if used:  # a server lets a few attempts be made, and then ends the connection
                return self.attempt(user, password)
            return LoginAttempt(ended.answer, ended.detail, unanswered=True, connected=ended.connected)
        if attempt.answer is not Answer.REFUSED:
            self.close()
            if used and attempt.answer is Answer.SILENT:
                return self.attempt(user, password)
        return attempt

    def _session(self) -> "_SmtpSession":
        if self._open is None:
            door = self._door
            self._open = _SmtpSession(Dialogue(door.target, door.port, tls=door.tls, seconds=SECONDS))
            try:
                self._open.begin()
            except (EndedError, _NoAuthError):
                self.close()
                raise
        else:
            self._open.dialogue.extend(SECONDS)
        return self._open

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._open is not None:
            self._open.dialogue.close()
        self._open = None


@dataclass
class _SmtpSession:
    """One connection; EndedError where no reply comes."""

    dialogue: Dialogue
    mechanisms: tuple[str, ...] = ()
    _pending: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        """Read the greeting, and continue inside TLS if that is offered. _NoAuthError if there is no login."""
        greeting = self._reply()
        if greeting.code != 220:
            raise EndedError(Answer.SILENT, f"no service: {greeting}")
        hello = self._hello()
        clear = hello.mechanisms
        if hello.offers_tls and not self.dialogue.encrypted:
            hello = self._inside_tls(clear)
        self.mechanisms = hello.mechanisms or clear
        if not self.mechanisms and hello.other_mechanisms:
            others = ", ".join(hello.other_mechanisms)
            raise EndedError(Answer.SILENT, f"trustprobe speaks none of the mechanisms that AUTH offers: {others}")
        if not self.mechanisms:
            raise _NoAuthError(f"the server offers no login to EHLO: {hello}")

    def _hello(self) -> SmtpReply:
        """Send EHLO. _NoAuthError if the server does not know it; any other reply but 250 says nothing of logins."""
        hello = self._ask("EHLO trustprobe.invalid")
        if hello.code in _UNKNOWN:
            raise _NoAuthError(f"the server offers no login: {hello} to EHLO")
        if hello.code != 250:
            raise EndedError(Answer.SILENT, f"the answer to EHLO is {hello}")
        return hello

    def _inside_tls(self, clear: tuple[str, ...]) -> SmtpReply:
        """Continue inside TLS. A server that offers a login in clear is asked there if it does not begin TLS."""
        reply = self._ask("STARTTLS")
        if reply.code == 220:
            self._pending.clear()  # what came before TLS is discarded (RFC 3207 clause 4.2)
            self.dialogue.start_tls()
            return self._hello()
        if not clear:
            raise EndedError(Answer.SILENT, f"the answer to STARTTLS is {reply}")
        return reply

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in by the first mechanism that the server accepts."""
        reply = SmtpReply(504, ())
        for mechanism in self.mechanisms:
            reply = self._authenticate(mechanism, user, password)
            if reply.code not in _NOT_HERE:
                break
        words = f"the answer to AUTH {mechanism} is {reply}"
        if reply.code == 235:
            return LoginAttempt(Answer.SEEN, words)
        limited = WORDS.search(str(reply)) is not None
        if reply.code in _REFUSED and not limited:
            return LoginAttempt(Answer.REFUSED, words)
        return LoginAttempt(Answer.SILENT, words, limited=limited or reply.code == 421)

    def _authenticate(self, mechanism: str, user: str, password: str) -> SmtpReply:
        """Send one login (RFC 4616, RFC 2195; LOGIN is in no standard, and is usual)."""
        if mechanism == "PLAIN":
            return self._ask(f"AUTH PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
        asked = self._ask(f"AUTH {mechanism}")
        if asked.code != 334:
            return asked
        if mechanism == "CRAM-MD5":
            try:
                challenge = base64.b64decode(asked.lines[0] if asked.lines else "")
            except ValueError:
                raise EndedError(Answer.SILENT, f"the challenge was not parsed: {asked}") from None
            digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
            return self._ask(_base64(f"{user} {digest}"))
        asked = self._ask(_base64(user))
        return self._ask(_base64(password)) if asked.code == 334 else asked

    def _ask(self, line: str) -> SmtpReply:
        self.dialogue.send(line.encode("ascii") + b"\r\n")
        return self._reply()

    def _reply(self) -> SmtpReply:
        """Read a reply of one or of many lines (RFC 5321, 4.2.1)."""
        lines: list[str] = []
        for _ in range(_LINES):
            line = self.dialogue.until(self._pending, _line_size)
            matched = _REPLY.match(line)
            if matched is None:
                raise EndedError(Answer.SILENT, f"not a reply of SMTP: {printable(line, _SHOWN)}")
            lines.append(line[4:].decode("utf-8", "replace").strip())
            if matched[2] != b"-":
                return SmtpReply(int(matched[1]), tuple(one for one in lines if one))
        raise EndedError(Answer.SILENT, f"a reply of more than {_LINES} lines")


def _line_size(pending: bytes) -> int:
    if len(pending) > _LINE_OCTETS and b"\n" not in pending:
        raise EndedError(Answer.SILENT, f"a line of more than {_LINE_OCTETS} octets")
    return pending.find(b"\n") + 1


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
