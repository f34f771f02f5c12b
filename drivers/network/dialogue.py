"""A conversation in turns over TCP or TLS: for logins that ask, wait and ask again; bounded in time and octets.

One short question and its answer are `conversation.py`; what the words mean is said by each protocol's door.
"""

import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from drivers.network.lenient_tls import lenient_context
from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer, printable

SECONDS = 10.0
"""From the first octet to the last: a login program may wait 3 s before it says that a password was wrong."""
LIMIT = 65_536
"""Octets that are read in one dialogue."""
_CHUNK = 4_096
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux: without it a device that sends in two pieces waits 40 ms for our ACK of the first one (Nagle's algorithm)."""


class EndedError(Exception):
    """A dialogue is over. `answer` is REFUSED for an RST to connect() or a TLS alert, else SILENT."""

    def __init__(self, answer: Answer, detail: str, *, connected: bool = True, closed: bool = False) -> None:
        super().__init__(detail)
        self.answer = answer
        self.detail = detail
        self.connected = connected
        self.closed = closed
        """Whether the device ended the connection in good order, with a FIN."""


class Dialogue:
    """A connection that is held in a `with` block. Each read may raise EndedError; `heard` keeps all that came."""

    def __init__(
        self, target: Target, port: int, *, tls: bool = False, seconds: float = SECONDS, limit: int = LIMIT
    ) -> None:
        """Connect, and shake hands where `tls` says so. EndedError; BenchError where this machine cannot send."""
        self._deadline = time.monotonic() + seconds
        self._left = limit
        self.heard = bytearray()
        self.encrypted = False
        try:
            self._socket = target.connect(port, min(seconds, 3.0))
        except OSError as error:
            answer = answer_of(error)
            words = "connection refused" if answer is Answer.REFUSED else "no answer to connect()"
            raise EndedError(answer, words, connected=False) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.start_tls()

    def start_tls(self) -> None:
        """Go on inside TLS, with whatever version the device can; its certificate is judged elsewhere."""
        self._socket.settimeout(self._seconds())
        try:
            self._socket = lenient_context().wrap_socket(self._socket)
        except (OSError, ValueError) as error:
            self.close()
            alert = isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "")
            detail = printable(f"no TLS session: {error}", 300)
            raise EndedError(Answer.REFUSED if alert else Answer.SILENT, detail) from error
        self.encrypted = True

    def protect(self, connection: socket.socket) -> socket.socket:
        """Put a second connection inside TLS with the session of this one (RFC 4217, 10.2). Raises OSError.

        Outside TLS, the connection stays as it is.
        """
        if not isinstance(self._socket, ssl.SSLSocket):
            return connection
        return self._socket.context.wrap_socket(connection, session=self._socket.session)

    def send(self, data: bytes) -> None:
        """Send; a device that closes meanwhile may have said something before: reading tells."""
        self._socket.settimeout(self._seconds())
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise EndedError(Answer.SILENT, "the device no longer reads") from error
        except OSError:
            return

    def receive(self, seconds: float | None = None) -> bytes:
        """Return what came next, at least one octet; b"" where nothing came within `seconds`, if they are given."""
        if self._left <= 0:
            raise EndedError(Answer.SILENT, "the device does not stop sending")
        left = self._seconds()
        self._socket.settimeout(left if seconds is None else min(left, seconds))
        if _QUICK_ACK is not None:  # it lasts for a moment only: set before each read
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        try:
            data = self._socket.recv(min(_CHUNK, self._left))
        except TimeoutError as error:
            if seconds is not None and seconds < left:
                return b""
            raise EndedError(Answer.SILENT, "time was up") from error
        except (OSError, ValueError) as error:
            raise EndedError(Answer.SILENT, printable(f"the connection broke: {error}", 200)) from error
        if not data:
            raise EndedError(Answer.SILENT, "the device closed the connection", closed=True)
        self._left -= len(data)
        self.heard += data
        return data

    def until(self, pending: bytearray, enough: Callable[[bytes], int]) -> bytes:
        """Read into `pending` until `enough` returns how many octets of it are wanted; return and remove those."""
        while (size := enough(bytes(pending))) <= 0:
            pending += self.receive()
        wanted = bytes(pending[:size])
        del pending[:size]
        return wanted

    def _seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise EndedError(Answer.SILENT, "time was up")
        return left

    def extend(self, seconds: float = SECONDS, limit: int = LIMIT) -> None:
        """Give a connection that is kept a new bound, for its next question."""
        self._deadline = time.monotonic() + seconds
        self._left = limit
        self.heard.clear()

    def close(self) -> None:
        """End the connection; without a TLS goodbye, which a device might not answer."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Hold the connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()
