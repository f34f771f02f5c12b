"""One short exchange over TCP or TLS: say something, hear what comes back, within 4 KiB and 3 s.

The caller interprets the bytes. Nothing here trusts them.
"""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer

READ_LIMIT = 4_096
READ_SECONDS = 3.0
_HANDSHAKE_LIMIT = 65_536
_CHUNK = 4_096
_Result = TypeVar("_Result")


class ConversationEnd(StrEnum):
    """How a conversation ended."""

    NOT_OPENED = "not opened"
    ENOUGH = "enough data arrived"
    CLOSED = "the device closed the connection"
    LIMIT = f"more than {READ_LIMIT} bytes"
    TIME = "time was up"
    TLS = "no TLS session"


@dataclass(frozen=True)
class Conversation:
    """What was heard. `connected` is SEEN when the connection came about, else why not."""

    connected: Answer
    end: ConversationEnd
    heard: bytes = b""
    """The first bytes that came, inside TLS where there is TLS."""
    raw: bytes = b""
    """The first bytes on the wire, where there is TLS."""
    problem: str = ""
    """Why there is no TLS session."""

    @property
    def is_tls(self) -> bool:
        """Whether the device answered in TLS records, be it with an alert (RFC 8446 clause 5.1)."""
        return self.raw[:1] in (b"\x15", b"\x16") and self.raw[1:2] in (b"", b"\x03") and not self._is_our_own

    @property
    def is_handshake(self) -> bool:
        """Whether the device's first TLS record is of the handshake."""
        return self.raw[:2] == b"\x16\x03" and not self._is_our_own

    @property
    def _is_our_own(self) -> bool:
        """Whether what came is a ClientHello, which no server sends: what we said is sent back."""
        return self.raw[:1] == b"\x16" and self.raw[5:6] == b"\x01"


class _EndedError(Exception):
    """Reading is over."""

    def __init__(self, end: ConversationEnd) -> None:
        super().__init__(end)
        self.end = end


class _Wire:
    """A socket that is read within a deadline and a limit, and remembers what came first."""

    def __init__(
        self, sock: socket.socket, limit: int, pause: float | None, seconds: float | None, lull: float = 0.0
    ) -> None:
        self._sock, self._left, self._lull = sock, limit, lull
        self._pause = READ_SECONDS if pause is None else pause
        self._deadline = time.monotonic() + (READ_SECONDS if seconds is None else seconds)
        self.first = b""

    def send(self, data: bytes) -> None:
        if not data:
            return
        self._sock.settimeout(self._seconds())
        try:
            self._sock.sendall(data)
        except TimeoutError as error:
            raise _EndedError(ConversationEnd.TIME) from error
        except OSError:
            # It may have said something before it closed: reading tells.
            return

    def receive(self) -> bytes:
        if self._left <= 0:
            raise _EndedError(ConversationEnd.LIMIT)
        self._sock.settimeout(self._seconds())
        try:
            data = self._sock.recv(min(_CHUNK, self._left))
        except TimeoutError as error:
            raise _EndedError(ConversationEnd.TIME) from error
        except OSError as error:
            raise _EndedError(ConversationEnd.CLOSED) from error
        if not data:
            raise _EndedError(ConversationEnd.CLOSED)
        self._left -= len(data)
        self.first += data[: READ_LIMIT - len(self.first)]
        return data

    def _seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _EndedError(ConversationEnd.TIME)
        return min(left, max(self._pause, self._lull) if self.first else self._pause)


class _TlsWire:
    """TLS over a wire, without verification: only whether the inner protocol speaks is asked here."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _any_tls().wrap_bio(self._incoming, self._outgoing)

    def handshake(self) -> None:
        self._pump(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        if data:
            self._pump(lambda: self._tls.write(data))

    def receive(self) -> bytes:
        data = self._pump(lambda: self._tls.read(_CHUNK))
        if not data:
            raise _EndedError(ConversationEnd.CLOSED)
        return data

    def _pump(self, step: Callable[[], _Result]) -> _Result:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._wire.send(self._outgoing.read())
                self._incoming.write(self._wire.receive())
            except ssl.SSLZeroReturnError as error:
                raise _EndedError(ConversationEnd.CLOSED) from error
            else:
                self._wire.send(self._outgoing.read())
                return result


def _any_tls() -> ssl.SSLContext:
    """Everything that this OpenSSL can still speak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def converse(
    target: Target,
    port: int,
    say: bytes,
    enough: Callable[[bytes], bool],
    *,
    pause: float | None = None,
    lull: float = 0.0,
    seconds: float | None = None,
    after: Callable[[bytes], bool] | None = None,
) -> Conversation:
    """Connect to a TCP port, say this, and read until it is enough, or the time, the limit or the connection ends.

    `pause` is the longest tolerated silence in seconds, and `lull` that after the first bytes if it is longer,
    `seconds` the most in all; both are READ_SECONDS where nothing else is said. With `after`, nothing is said until
    what has come fulfils it. Raises BenchError when this machine cannot send.
    """
    try:
        sock = target.connect(port)
    except OSError as error:
        return Conversation(answer_of(error), ConversationEnd.NOT_OPENED)
    with sock:
        heard, end = _exchange(_Wire(sock, READ_LIMIT, pause, seconds, lull), say, enough, after)
    return Conversation(Answer.SEEN, end, heard)


def converse_tls(
    target: Target,
    port: int,
    say: bytes,
    enough: Callable[[bytes], bool],
    *,
    pause: float | None = None,
    seconds: float | None = None,
) -> Conversation:
    """Do the same inside TLS; a handshake that fails is told in `problem`, with what came in `raw`."""
    try:
        sock = target.connect(port)
    except OSError as error:
        return Conversation(answer_of(error), ConversationEnd.NOT_OPENED)
    with sock:
        wire = _Wire(sock, _HANDSHAKE_LIMIT, pause, seconds)
        tls = _TlsWire(wire)
        try:
            tls.handshake()
            heard, end = _exchange(tls, say, enough, None)
        except _EndedError as ended:
            return Conversation(Answer.SEEN, ended.end, raw=wire.first, problem=str(ended.end))
        except ssl.SSLError as error:
            return Conversation(Answer.SEEN, ConversationEnd.TLS, raw=wire.first, problem=error.reason or str(error))
    return Conversation(Answer.SEEN, end, heard, wire.first)


def _exchange(
    wire: _Wire | _TlsWire, say: bytes, enough: Callable[[bytes], bool], after: Callable[[bytes], bool] | None
) -> tuple[bytes, ConversationEnd]:
    heard = b""
    try:
        if after is None:
            wire.send(say)
        while not enough(heard):
            if len(heard) >= READ_LIMIT:
                return heard, ConversationEnd.LIMIT
            heard = (heard + wire.receive())[:READ_LIMIT]
            if after is not None and after(heard):
                wire.send(say)
                after = None
    except _EndedError as ended:
        return heard, ended.end
    return heard, ConversationEnd.ENOUGH
