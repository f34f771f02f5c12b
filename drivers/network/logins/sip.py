"""SIP: bounded requests over UDP, TCP and TLS, and a registrar as a door to log in at (RFC 3261).

A REGISTER without a Contact asks for the bindings of a user, and changes none (clause 10.2.3). A registrar requires the
same login for it. Registrars that require none are asked for in `sip_access.py`.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import limited
from drivers.network.datagram import DatagramDoor
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.kept_door import KeptDoor
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from drivers.network.web.transport.authentication import authorization, challenges, no_method, strongest
from drivers.network.web.transport.response import fields_of, joined
from lab_config.component import Service, Transport
from trustprobe.probe import Answer, printable

SECONDS = 5.0
"""How long the answer to one request may take."""
_RESENT = (0.5, 1.0, 2.0)
"""Seconds after which a request over UDP is sent again (timer E, clause 17.1.2)."""
_HEAD_LIMIT, _BODY_LIMIT, _ANSWERS = 16_384, 65_536, 16
OTHER_DOMAIN = "it may serve another domain than the address of the device"
"""What 404 may say, and nothing else has ruled out."""
_STALE = 2
_SHOWN = 200
_STATUS = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]*))?[ \t]*(?:\r?\n|\Z)", re.IGNORECASE)
_CHALLENGES = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
_COMPACT = {"m": "contact", "l": "content-length", "i": "call-id"}
NOT_FOUND = 404
"""The user does not exist, or the domain is another one than this registrar's (clause 21.4.5)."""
_NO_USER = (403, NOT_FOUND)
_NO_REGISTRAR = (400, 405, 406, 415, 416, 420, 501, 505, 606)
"""Statuses of a device that takes no REGISTER at all. Others, such as 408, 480, 486 and 503, pass."""


@dataclass(frozen=True)
class SipEndpoint:
    """A port on which SIP is declared, or lives by custom."""

    port: int
    transport: Transport
    tls: bool = False

    @property
    def about(self) -> str:
        """The name of this port in observations: `udp/5060`."""
        return f"{self.transport}/{self.port}"

    @classmethod
    def of(cls, service: Service) -> "SipEndpoint":
        """Return the endpoint of a declared service."""
        return cls(service.port, service.transport, service.tls)


USUAL_ENDPOINTS = (SipEndpoint(5060, Transport.TCP), SipEndpoint(5061, Transport.TCP, tls=True))
"""IANA's sip and sips over TCP. UDP is asked where a sweep found SIP: silence there says nothing."""


@dataclass(frozen=True)
class SipAnswer:
    """One final answer; header names are lower case and in their long form."""

    status: int
    reason: str
    headers: Mapping[str, str]

    @property
    def words(self) -> str:
        """Status and reason, ready to print."""
        return printable(f"{self.status} {self.reason}".rstrip(), _SHOWN)

    @property
    def contacts(self) -> str:
        """The bindings that it lists."""
        return self.headers.get("contact", "")


class SipConnection:
    """Requests to one endpoint, one after the other. EndedError where no answer comes."""

    def __init__(self, target: Target, endpoint: SipEndpoint) -> None:
        self._target, self._endpoint = target, endpoint
        self._call, self._sequence = secrets.token_hex(12), 0
        self._pending = bytearray()
        self.challenged = False
        """Whether the registrar has required a login."""
        self.latest = 0
        """The status of the latest answer."""
        self._datagrams: DatagramDoor | None = None
        self._dialogue: Dialogue | None = None
        if endpoint.transport is Transport.UDP:
            self._datagrams = DatagramDoor(target, endpoint.port)
        else:
            self._dialogue = Dialogue(target, endpoint.port, tls=endpoint.tls, seconds=SECONDS)

    @property
    def host(self) -> str:
        """The device as a URI names it."""
        host = self._target.address.split("%")[0]
        return f"[{host}]" if ":" in host else host

    @property
    def own(self) -> str:
        """This machine as a Via and a Contact name it."""
        if self._datagrams is None:
            host = self._target.own_address()
            return f"[{host}]" if ":" in host else host
        host, port = self._datagrams.connected.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def register(self, user: str, headers: Mapping[str, str] | None = None) -> SipAnswer:
        """Send REGISTER for a user, and return its final answer."""
        self._sequence += 1
        name = re.sub(r"[^\w.!~*'()&=+$,;?/-]", lambda found: "".join(f"%{one:02X}" for one in found[0].encode()), user)
        kind = "TLS" if self._endpoint.tls else self._endpoint.transport.value.upper()
        fields = {
            "Via": f"SIP/2.0/{kind} {self.own};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards": "70",
            "From": f"<sip:{name}@{self.host}>;tag={self._call[:8]}",
            "To": f"<sip:{name}@{self.host}>",
            "Call-ID": self._call,
            "CSeq": f"{self._sequence} REGISTER",
            "User-Agent": "trustprobe",
            **(headers or {}),
            "Content-Length": "0",
        }
        lines = "".join(f"{key}: {re.sub(chr(10) + '|' + chr(13), ' ', value)}\r\n" for key, value in fields.items())
        message = f"REGISTER sip:{self.host} SIP/2.0\r\n{lines}\r\n".encode()
        answer = self._over_udp(message) if self._datagrams is not None else self._over_tcp(message)
        self.latest = answer.status
        return answer

    def _over_udp(self, message: bytes) -> SipAnswer:
        assert self._datagrams is not None
        deadline, waits = time.monotonic() + SECONDS, iter(_RESENT)
        while (left := deadline - time.monotonic()) > 0:
            self._datagrams.send(message)
            for data in self._datagrams.hear(min(left, next(waits, left))):
                head = data.partition(b"\r\n\r\n")[0]
                answer = _parsed(head)
                if answer is not None and self._is_final(answer):
                    return answer
            if self._datagrams.refused:
                raise EndedError(Answer.REFUSED, "ICMP port unreachable", connected=False)
        raise EndedError(Answer.SILENT, "no answer")

    def _over_tcp(self, message: bytes) -> SipAnswer:
        assert self._dialogue is not None
        self._dialogue.extend(SECONDS)
        self._dialogue.send(message)
        for _ in range(_ANSWERS):
            head = self._dialogue.until(self._pending, self._head_size)
            answer = _parsed(head)
            if answer is None:
                raise EndedError(Answer.SILENT, f"something other than SIP answered: {printable(head, _SHOWN)}")
            length = answer.headers.get("content-length", "0").strip()
            size = int(length) if length.isascii() and length.isdecimal() and len(length) < 9 else 0
            if size > _BODY_LIMIT:
                raise EndedError(Answer.SILENT, f"a body of {size} octets")
            if size:
                self._dialogue.until(self._pending, _once(size))
            if self._is_final(answer):
                return answer
        raise EndedError(Answer.SILENT, "answers arrive, but none to the request")

    def _is_final(self, answer: SipAnswer) -> bool:
        """Whether it is the last answer to the latest request."""
        number = re.match(r"\s*(\d{1,10})", answer.headers.get("cseq", ""))
        mine = answer.headers.get("call-id", self._call).strip() == self._call
        return answer.status >= 200 and mine and (number is None or int(number[1]) == self._sequence)

    def _head_size(self, pending: bytes) -> int:
        start = len(pending) - len(pending.lstrip(b"\r\n"))
        end = re.search(rb"\r?\n\r?\n", pending[start:])
        if end is None and len(pending) > _HEAD_LIMIT:
            raise EndedError(Answer.SILENT, f"a head of more than {_HEAD_LIMIT} octets")
        if len(pending) - start >= 8 and not pending[start : start + 4].upper() == b"SIP/":
            raise EndedError(Answer.SILENT, f"something other than SIP answered: {printable(pending, _SHOWN)}")
        return start + end.end() if end else 0

    def close(self) -> None:
        """Close the connection."""
        for held in (self._datagrams, self._dialogue):
            if held is not None:
                held.close()

    def __enter__(self) -> "SipConnection":
        """Hold the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _once(size: int) -> Callable[[bytes], int]:
    """Return how many octets are wanted once so many are there."""
    return lambda pending: size if len(pending) >= size else 0


def _parsed(head: bytes) -> SipAnswer | None:
    """Parse the head of an answer. None if it is not one of SIP."""
    matched = _STATUS.match(head)
    if matched is None:
        return None
    fields = [(_COMPACT.get(name.lower(), name), value) for name, value in fields_of(head.strip().splitlines()[1:])]
    return SipAnswer(int(matched[1]), (matched[2] or b"").decode("utf-8", "replace"), joined(fields))


@dataclass
class SipDoor(KeptDoor):
    """Logins at one registrar; `interface` is the declared service. Nothing is registered.

    SEEN is 200 where 401 or 407 is answered without a login, REFUSED one of these to a credential. 404 is REFUSED once
    the registrar has required a login in the same domain. Another status and a time-out are SILENT.
    """

    target: Target
    endpoint: SipEndpoint
    interface: str
    required: list[bool] = field(default_factory=list, init=False, repr=False)
    """Not empty once the registrar has required a login."""

    def new_way(self) -> "_SipWay":
        """Return a way without a connection."""
        return _SipWay(self)

    def knock(self) -> Knock:
        """See whether a registrar answers here."""
        try:
            with SipConnection(self.target, self.endpoint) as connection:
                answer = connection.register("admin")
        except EndedError as ended:
            kind = Answer.REFUSED if "other than SIP" in ended.detail else ended.answer
            return Knock(kind, ended.detail, connected=ended.connected, answered=kind is Answer.REFUSED)
        words = f"the answer to REGISTER is {answer.words}"
        if answer.status in (200, *_CHALLENGES, *_NO_USER):
            return Knock(Answer.SEEN, words)
        return Knock(Answer.REFUSED if answer.status in _NO_REGISTRAR else Answer.SILENT, words)


class _SipWay:
    """Attempts one after the other, over the connection that is open or over another one."""

    def __init__(self, door: SipDoor) -> None:
        self._door = door
        self._open: SipConnection | None = None

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once."""
        used = self._open is not None
        try:
            if self._open is None:
                self._open = SipConnection(self._door.target, self._door.endpoint)
            attempt = register_as(self._open, user, password)
        except EndedError as ended:
            self.close()
            if used:
                return self.attempt(user, password)
            return LoginAttempt(ended.answer, ended.detail, unanswered=True, connected=ended.connected)
        if attempt.without_login and self._door.required:
            return LoginAttempt(Answer.SILENT, f"{attempt.detail}, but it required one before")
        if self._open.challenged:
            self._door.required[:] = [True]
        if self._open.latest == NOT_FOUND and not self._door.required:
            return LoginAttempt(Answer.SILENT, f"{attempt.detail}; {OTHER_DOMAIN}")
        return attempt

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._open is not None:
            self._open.close()
        self._open = None


def register_as(connection: SipConnection, user: str, password: str) -> LoginAttempt:
    """Ask for the bindings of a user without a login, and then with one; EndedError where no answer comes."""
    answer = connection.register(user)
    if answer.status == 200:
        detail = f"REGISTER of {user} is answered {answer.words} without a login"
        return LoginAttempt(Answer.SEEN, detail, without_login=True)
    for _ in range(_STALE):
        if (limit := limited(answer.status, dict(answer.headers), answer.words)) is not None:
            return limit
        if answer.status in _NO_USER:
            return LoginAttempt(Answer.REFUSED, f"REGISTER of {user} is answered {answer.words}")
        if answer.status not in _CHALLENGES:
            return LoginAttempt(Answer.SILENT, f"REGISTER of {user} is answered {answer.words}")
        connection.challenged = True
        asked, given = _CHALLENGES[answer.status]
        header = answer.headers.get(asked, "")
        if (challenge := strongest(challenges(header))) is None:
            return LoginAttempt(*no_method(header))
        uri = f"sip:{connection.host}"
        before = answer.status
        answer = connection.register(user, {given: authorization(challenge, user, password, "REGISTER", uri)})
        if answer.status == 200:
            return LoginAttempt(Answer.SEEN, f"REGISTER of {user} is answered 200 to a login and {before} without it")
        again = strongest(challenges(answer.headers.get(_CHALLENGES.get(answer.status, ("", ""))[0], "")))
        if answer.status in _CHALLENGES and (again is None or not again.stale):
            return LoginAttempt(Answer.REFUSED, f"{answer.status} to {challenge.label}")
    return LoginAttempt(Answer.SILENT, "the device rejects each nonce as stale at its first use")
