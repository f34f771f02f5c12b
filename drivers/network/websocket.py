"""A WebSocket to listen at (RFC 6455): the opening handshake, and the texts that a server sends, bounded in octets.

Nothing is sent after the handshake but pongs; what the texts mean is said by whoever listens.
"""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from drivers.network.http import WebClient, lenient_context
from drivers.network.target import answer_of

OPEN_SECONDS = 5.0
HEAD_LIMIT = 8_192
FRAME_LIMIT = 65_536
TEXT_LIMIT = 262_144
"""Octets of texts that are kept; what comes after is not read."""
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class Listener:
    """The texts that came on one WebSocket of a service so far; a thread reads them until `close`."""

    def __init__(self, connection: socket.socket, rest: bytes) -> None:
        self._connection = connection
        self._waiting = rest
        self._texts: list[str] = []
        self._octets = 0
        self._news = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._listen, name="websocket", daemon=True)

    @classmethod
    def open(cls, client: WebClient, path: str) -> Self | None:
        """Open a WebSocket and listen; None where the server opens none. Raises BenchError as `answer_of` does."""
        try:
            plain = client.target.connect(client.service.port, OPEN_SECONDS)
        except OSError as error:
            answer_of(error)
            return None
        connection = plain
        try:
            connection = lenient_context().wrap_socket(plain) if client.service.tls else plain
            connection.settimeout(OPEN_SECONDS)
            rest = _handshake(connection, client.base.partition("//")[2], path)
        except (OSError, ValueError):
            connection.close()
            return None
        connection.settimeout(None)
        listener = cls(connection, rest)
        listener._thread.start()
        return listener

    def texts(self) -> tuple[str, ...]:
        """Return what came so far."""
        with self._news:
            return tuple(self._texts)

    def wait(self, enough: Callable[[tuple[str, ...]], bool], seconds: float) -> None:
        """Wait until what came is enough, the server closed, or the time is over."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not enough(tuple(self._texts)) and not self._over and (left := deadline - time.monotonic()) > 0:
                self._news.wait(left)

    def close(self) -> None:
        """Stop listening, and hang up."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(OPEN_SECONDS)
        self._connection.close()

    def _listen(self) -> None:
        text = b""
        with suppress(OSError, ValueError):
            while self._octets < TEXT_LIMIT:
                final, kind, payload = self._frame()
                if kind == _CLOSE:
                    break
                if kind == _PING:
                    self._pong(payload)
                if kind in (0, _TEXT):
                    text = (text if kind == 0 else b"") + payload
                    self._octets += len(payload)
                    if final:
                        self._came(text.decode("utf-8", "replace"))
        with self._news:
            self._over = True
            self._news.notify_all()

    def _came(self, text: str) -> None:
        with self._news:
            self._texts.append(text)
            self._news.notify_all()

    def _frame(self) -> tuple[bool, int, bytes]:
        """Read one frame (clause 5.2): whether it is the last of its message, its opcode and payload."""
        first, second = self._take(2)
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
        elif size == 127:
            size = int.from_bytes(self._take(8), "big")
        if second & 0x80 or size > FRAME_LIMIT:
            raise ValueError("a masked or too long frame")
        return bool(first & 0x80), first & 0xF, self._take(size)

    def _take(self, size: int) -> bytes:
        while len(self._waiting) < size:
            data = self._connection.recv(4096)
            if not data:
                raise ConnectionError("closed")
            self._waiting += data
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken

    def _pong(self, payload: bytes) -> None:
        mask = secrets.token_bytes(4)
        masked = bytes(octet ^ mask[index % 4] for index, octet in enumerate(payload[:125]))
        self._connection.sendall(bytes([0x80 | _PONG, 0x80 | len(masked)]) + mask + masked)


def _handshake(connection: socket.socket, host: str, path: str) -> bytes:
    """Make the opening handshake (clause 4.1), and return what came behind it; ValueError where none came about."""
    key = base64.b64encode(secrets.token_bytes(16))
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
    )
    connection.sendall("\r\n".join((*lines, "", "")).encode())
    deadline = time.monotonic() + OPEN_SECONDS
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) > HEAD_LIMIT or time.monotonic() > deadline:
            raise ValueError("no end of the head")
        data = connection.recv(4096)
        if not data:
            raise ConnectionError("closed")
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    if not head.startswith(b"HTTP/1.1 101") or proof not in head:
        raise ValueError("no WebSocket")
    return rest
