"""Connections that end: a time-out bounds one read, and a device that drips octets makes many."""

import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BUFFER = 8192


@contextmanager
def ends_after(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Shut a connection down after so many seconds."""
    own = connection.dup()

    def end() -> None:
        try:
            own.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        own.close()


def acknowledge(connection: socket.socket) -> None:
    """Have what has come acknowledged at once, where the system can.

    A server that sends in two pieces may wait for that with the second one, and unasked it takes up to 40 ms.
    """
    if (quick := getattr(socket, "TCP_QUICKACK", None)) is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, quick, 1)


class TimedSocket:
    """A connection for many exchanges, each with a time of its own: as much of a socket as http.client needs.

    Closing it only says that the peer will; `end` closes the connection.
    """

    def __init__(self, sock: socket.socket | ssl.SSLSocket) -> None:
        self._sock = sock
        self._each = self._until = 0.0
        self.closing = False

    def begin(self, each: float, whole: float) -> None:
        """Begin an exchange: so many seconds for one send or receive, and for all of them."""
        self._each, self._until = each, time.monotonic() + whole

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come between two exchanges: an end, or octets that nobody asked for, is no silence."""
        self._sock.settimeout(0.0)
        try:
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def sendall(self, data: bytes) -> None:
        """Send all of it; TimeoutError where that takes too long."""
        self._set_timeout()
        self._sock.sendall(data)

    def receive(self, buffer: memoryview) -> int:
        """Receive into a buffer; TimeoutError where nothing comes in time."""
        self._set_timeout()
        acknowledge(self._sock)
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader of what comes; `mode` is always rb."""
        return io.BufferedReader(_Reader(self), _BUFFER)

    def close(self) -> None:
        """Note that this was the last exchange."""
        self.closing = True

    def end(self) -> None:
        """Close the connection."""
        self.closing = True
        self._sock.close()

    def _set_timeout(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the exchange took too long")
        self._sock.settimeout(min(self._each, left))


class _Reader(io.RawIOBase):
    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._timed.receive(buffer)
