"""RTSP: bounded requests and their answers (RFC 2326, RFC 7826), and a stream as a door to log in at.

A login counts when DESCRIBE is answered with an SDP where it was answered 401 without one. Streams that anybody may
have are asked for in `rtsp_access.py`.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import limited
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from drivers.network.web.transport.authentication import Challenge, authorization, challenges, no_method, strongest
from drivers.network.web.transport.response import fields_of, joined
from trustprobe.probe import Answer, printable

SECONDS = 6.0
_HEAD_LIMIT, _BODY_LIMIT = 16_384, 65_536
_SHOWN = 200
_STALE = 2
_STATUS = re.compile(rb"RTSP/[12]\.[0-9][ \t]+([1-5][0-9]{2})(?:[ \t]+([^\r\n]*))?[ \t]*\r?\n", re.IGNORECASE)
_SDP = re.compile(rb"^v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n){0,64}", re.M)


@dataclass(frozen=True)
class Endpoint:
    """A TCP port on which RTSP is declared, or lives by custom."""

    port: int
    tls: bool

    @property
    def about(self) -> str:
        """The name of this port in observations: `tcp/554`."""
        return f"tcp/{self.port}"


USUAL_ENDPOINTS = (Endpoint(554, tls=False), Endpoint(8554, tls=False), Endpoint(322, tls=True))
"""IANA's rtsp, rtsp-alt and rtsps."""


@dataclass(frozen=True)
class RtspAnswer:
    """One answer; header names are lower case, and fields of one name are joined by commas."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_sdp(self) -> bool:
        """Whether it is 200 with a session description (RFC 8866)."""
        return self.status == 200 and _SDP.search(self.body) is not None

    @property
    def words(self) -> str:
        """Status and reason, ready to print."""
        return printable(f"{self.status} {self.reason}".rstrip(), _SHOWN)


class RtspConnection:
    """Requests over one connection, one after the other; `with` it. EndedError where no answer comes."""

    def __init__(self, target: Target, endpoint: Endpoint, seconds: float = SECONDS) -> None:
        self._target, self._endpoint = target, endpoint
        self.dialogue = Dialogue(target, endpoint.port, tls=endpoint.tls, seconds=seconds)
        self._pending = bytearray()
        self._sequence = 0

    def url(self, path: str) -> str:
        """Return the URL of a path of this device, as it is named in requests."""
        host = self._target.address.split("%")[0]
        host = f"[{host}]" if ":" in host else host
        return f"{'rtsps' if self._endpoint.tls else 'rtsp'}://{host}:{self._endpoint.port}{path}"

    def request(self, method: str, uri: str, headers: Mapping[str, str] | None = None) -> RtspAnswer:
        """Send one request and read its answer; media that comes in between is passed over."""
        self._sequence += 1
        fields = {"CSeq": str(self._sequence), "User-Agent": "trustprobe", **(headers or {})}
        lines = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields.items())
        self.dialogue.send(f"{method} {_one_line(uri)} RTSP/1.0\r\n{lines}\r\n".encode())
        return self._answer()

    def _answer(self) -> RtspAnswer:
        head = self.dialogue.until(self._pending, self._head_size)
        matched = _STATUS.match(head)
        if matched is None:
            raise EndedError(Answer.SILENT, f"something other than RTSP answered: {printable(head, _SHOWN)}")
        headers = joined(fields_of(head.splitlines()[1:]))
        length = headers.get("content-length", "0")
        size = int(length) if length.isascii() and length.isdecimal() and len(length) < 9 else 0
        if size > _BODY_LIMIT:
            raise EndedError(Answer.SILENT, f"a body of {size} octets")
        body = self.dialogue.until(self._pending, lambda pending: size if len(pending) >= size else 0) if size else b""
        return RtspAnswer(int(matched[1]), (matched[2] or b"").decode("utf-8", "replace"), headers, body)

    def _head_size(self, pending: bytes) -> int:
        """Return how long the head is that comes first; interleaved media before it (RFC 2326, 10.12) is dropped."""
        while pending[:1] == b"$":
            size = 4 + int.from_bytes(pending[2:4], "big")
            if len(pending) < max(4, size):
                return 0
            del self._pending[:size]
            pending = bytes(self._pending)
        if pending[:1] in (b"\r", b"\n"):
            del self._pending[: len(pending) - len(pending.lstrip(b"\r\n"))]
            pending = bytes(self._pending)
        end = re.search(rb"\r?\n\r?\n", pending)
        if end is None and len(pending) > _HEAD_LIMIT:
            raise EndedError(Answer.SILENT, f"a head of more than {_HEAD_LIMIT} octets")
        if end is None and len(pending) >= 8 and not pending[:5].upper() == b"RTSP/":
            raise EndedError(Answer.SILENT, f"something other than RTSP answered: {printable(pending, _SHOWN)}")
        return end.end() if end else 0

    def __enter__(self) -> "RtspConnection":
        """Hold the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.dialogue.close()


@dataclass
class RtspDoor:
    """Logins at one stream; `interface` is the declared service. Implements `drivers.guessing.logins.Door`."""

    target: Target
    endpoint: Endpoint
    path: str
    interface: str
    _held: bool = field(default=False, init=False, repr=False)
    _required: list[bool] = field(default_factory=list, init=False, repr=False)
    """Not empty once the stream has required a login."""
    _idle: deque[RtspConnection] = field(default_factory=deque, init=False, repr=False)
    """Connections that the device leaves open after a refusal; while the door is held, guesses go over them."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once: SEEN is an SDP where 401 is answered without a login, REFUSED a 401 to the credential.

        Another status and a time-out are SILENT. BenchError only where this machine cannot send.
        """
        try:
            connection = self._idle.popleft()
        except IndexError:
            return self._over_new(user, password)
        try:
            connection.dialogue.extend(SECONDS)
            return self._over(connection, user, password)
        except EndedError:  # it was closed meanwhile
            connection.dialogue.close()
            return self._over_new(user, password)

    def _over_new(self, user: str, password: str) -> LoginAttempt:
        connection = None
        try:
            connection = RtspConnection(self.target, self.endpoint)
            return self._over(connection, user, password)
        except EndedError as ended:
            if connection is not None:
                connection.dialogue.close()
            return LoginAttempt(ended.answer, ended.detail, unanswered=True)

    def _over(self, connection: RtspConnection, user: str, password: str) -> LoginAttempt:
        """Attempt once over a connection, and keep it where the credential was refused: it is nobody's yet."""
        attempt = self._compared(describe_as(connection, self.path, user, password))
        if self._held and attempt.answer is Answer.REFUSED:
            self._idle.append(connection)
        else:
            connection.dialogue.close()
        return attempt

    def _compared(self, attempt: LoginAttempt) -> LoginAttempt:
        """Return how an attempt ended: a stream that required a login before and is open now was not opened by it."""
        if attempt.without_login and self._required:
            detail = f"{attempt.detail}, but it required one before: the device may have locked this address"
            return LoginAttempt(Answer.SILENT, detail)
        required = attempt.answer is Answer.REFUSED or (attempt.answer is Answer.SEEN and not attempt.without_login)
        if required and not self._required:
            self._required.append(True)
        return attempt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep connections for many attempts, and close them at the end."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            while self._idle:
                self._idle.popleft().dialogue.close()

    def knock(self) -> Knock:
        """See whether this stream asks for a password."""
        try:
            with RtspConnection(self.target, self.endpoint) as connection:
                answer = connection.request("DESCRIBE", connection.url(self.path), {"Accept": "application/sdp"})
        except EndedError as ended:
            kind = Answer.REFUSED if "other than RTSP" in ended.detail else ended.answer
            return Knock(kind, ended.detail, connected=ended.connected, answered=kind is Answer.REFUSED)
        asked = answer.headers.get("www-authenticate", "")
        challenge = strongest(challenges(asked))
        if answer.status == 401 and challenge is None:
            return Knock(*no_method(asked))
        if answer.status == 401 or answer.is_sdp:
            realm = challenge.parameters.get("realm", "") if challenge else ""
            return Knock(Answer.SEEN, f"the answer to DESCRIBE {self.path} is {answer.words}", realm)
        if (limit := limited(answer.status, dict(answer.headers), answer.words)) is not None:
            return Knock(Answer.SILENT, limit.detail)
        return Knock(Answer.REFUSED, f"DESCRIBE {self.path} requires no password: {answer.words}")


def describe_as(connection: RtspConnection, path: str, user: str, password: str) -> LoginAttempt:
    """Ask for a stream without a login and then with one, over one connection; EndedError where no answer comes."""
    uri, accept = connection.url(path), {"Accept": "application/sdp"}
    answer = connection.request("DESCRIBE", uri, accept)
    if answer.is_sdp:
        return LoginAttempt(Answer.SEEN, f"{path} gives an SDP without a login", without_login=True)
    if (limit := limited(answer.status, dict(answer.headers), answer.words)) is not None:
        return limit
    if answer.status != 401:
        return LoginAttempt(Answer.SILENT, f"{path} requires no login: {answer.words}")
    for _ in range(_STALE):
        asked = answer.headers.get("www-authenticate", "")
        if (challenge := strongest(challenges(asked))) is None:
            return LoginAttempt(*no_method(asked))
        answer = connection.request("DESCRIBE", uri, accept | credential(challenge, user, password, "DESCRIBE", uri))
        if answer.is_sdp:
            return LoginAttempt(Answer.SEEN, f"{path} gives an SDP to {challenge.label}, and answers 401 without it")
        if (limit := limited(answer.status, dict(answer.headers), answer.words)) is not None:
            return limit
        if answer.status != 401:
            return LoginAttempt(Answer.SILENT, f"neither an SDP nor another challenge: {answer.words}")
        again = strongest(challenges(answer.headers.get("www-authenticate", "")))
        if again is None or not again.stale:
            return LoginAttempt(Answer.REFUSED, f"401 to {challenge.label}")
    return LoginAttempt(Answer.SILENT, "the device rejects each nonce as stale at its first use")


def credential(challenge: Challenge, user: str, password: str, method: str, uri: str) -> dict[str, str]:
    """Return the header that answers a challenge."""
    return {"Authorization": authorization(challenge, user, password, method, uri)}


def _one_line(value: str) -> str:
    """Keep what a device sent and gets back from ending the line."""
    return re.sub(r"[\r\n\0]+", " ", value)
