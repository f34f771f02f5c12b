"""A WebSocket to listen at (RFC 6455): the opening handshake, and what a server sends, bounded in octets.

After the handshake, only the caller's texts and pongs are sent. The caller interprets the messages.
"""

import base64
import hashlib
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from drivers.guessing.limit import RequestLimit, limit_of
from drivers.network.lenient_tls import lenient_context
from drivers.network.target import answer_of
from drivers.network.web.transport.client import NoAnswerError, WebClient
from drivers.network.web.transport.response import fields_of, joined
from trustprobe.probe import Answer, printable

OPEN_SECONDS = 7.0
"""How long an answer to the handshake may take. Node.js closes connections that nobody serves after five to six."""
HEAD_LIMIT = 8_192
FRAME_LIMIT = 65_536
TEXT_LIMIT = 262_144
"""Octets of texts that are kept; what comes after is not read."""
_SUBPROTOCOL = re.compile(rb"(?im)^sec-websocket-protocol:[ \t]*([!-~]{1,200})[ \t]*$")
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FRAME_OCTETS = 16
"""What a frame without content counts, so that a server cannot send them without end."""
_NOT_IMPLEMENTED = 501
_SHOWN = 200
_CLOSED = "RemoteDisconnected"
"""The connection ended without an octet of an answer."""


@dataclass(frozen=True)
class NotOpened:
    """Why a server opened no WebSocket: REFUSED is an HTTP status below 500 or an RST, SILENT what proves nothing."""

    answer: Answer
    detail: str
    limit: RequestLimit | None = None
    """The limit of requests that the server stated instead."""
    closed: bool = False
    """Whether the server closed the connection after the request, without an octet of an answer."""
    status: int = 0
    """The HTTP status of the answer; 0 without one."""


class _NoWebSocketError(ValueError):
    """What came is no acceptance of the opening handshake."""

    def __init__(self, head: bytes) -> None:
        super().__init__("not a WebSocket")
        self.head = head

    def outcome(self) -> NotOpened:
        words = printable(self.head.partition(b"\r\n")[0], _SHOWN)
        refused = self.head[:9] in (b"HTTP/1.1 ", b"HTTP/1.0 ") and self.head[9:10] in (b"2", b"3", b"4")
        status = int(self.head[9:12]) if self.head[9:12].isdigit() else 0
        limit = limit_of(status, joined(fields_of(self.head.splitlines()[1:])))
        answer = Answer.REFUSED if refused and limit is None else Answer.SILENT
        return NotOpened(answer, words or "no answer", limit, closed=not self.head, status=status)


class Listener:
    """What came on one WebSocket of a service so far; a thread reads it until `close`."""

    def __init__(self, connection: socket.socket, rest: bytes, subprotocol: str = "") -> None:
        self._connection = connection
        self._waiting = rest
        self.subprotocol = subprotocol
        """The one that the server chose (clause 4.2.2); empty if it chose none."""
        self._messages: list[tuple[int, str]] = []
        self._closed: bytes | None = None
        self._octets = 0
        self._news = threading.Condition(threading.RLock())
        self._over = False
        self._thread = threading.Thread(target=self._listen, name="websocket", daemon=True)

    @classmethod
    def open(cls, client: WebClient, path: str) -> Self | None:
        """Open a WebSocket and listen; None where the server opens none. Raises BenchError as `answer_of` does."""
        opened = cls.ask(client, path)
        return None if isinstance(opened, NotOpened) else opened

    @classmethod
    def ask(
        cls, client: WebClient, path: str, headers: Mapping[str, str] | None = None, say: str | None = None
    ) -> Self | NotOpened:
        """Request a WebSocket with these headers and the handshake's, and listen. Or return how it was not opened.

        `say` is the first text that is sent. A server that limits requests is asked again, as long as the bench waits.
        Raises BenchError as `answer_of` does.
        """
        pace, until = client.pace, None
        while True:
            sent = 0.0 if pace is None else pace.turn(path)
            opened = cls._asked(client, path, headers or {}, say)
            limit = opened.limit if isinstance(opened, NotOpened) else None
            if pace is None or limit is None or not isinstance(opened, NotOpened):
                return opened
            until = until or sent + pace.patience
            waits = pace.limited(sent, opened.detail, limit.retry_after, path, everywhere=limit.everywhere)
            if not waits or pace.clock() >= until:
                return opened

    @classmethod
    def _asked(cls, client: WebClient, path: str, headers: Mapping[str, str], say: str | None) -> Self | NotOpened:
        try:
            plain = client.target.connect(client.service.port, OPEN_SECONDS)
        except OSError as error:
            return NotOpened(answer_of(error), f"no connection: {printable(str(error), _SHOWN)}")
        connection = plain
        try:
            connection = lenient_context().wrap_socket(plain) if client.service.tls else plain
            connection.settimeout(OPEN_SECONDS)
            rest, subprotocol = _handshake(connection, client.base.partition("//")[2], path, headers)
        except _NoWebSocketError as error:
            connection.close()
            return error.outcome()
        except (OSError, ValueError) as error:
            connection.close()
            return NotOpened(Answer.SILENT, printable(f"{type(error).__name__}: {error}", _SHOWN))
        listener = cls(connection, rest, subprotocol)
        if say is not None:
            listener.say(say)
        connection.settimeout(None)
        listener._thread.start()
        return listener

    def say(self, text: str) -> None:
        """Send a further text. A server that is gone by now shows by what is heard."""
        with suppress(OSError):
            self._send(_TEXT, text.encode())

    def say_binary(self, data: bytes) -> None:
        """Send a binary message. A server that is gone by now shows by what is heard."""
        with suppress(OSError):
            self._send(_BINARY, data)

    def texts(self) -> tuple[str, ...]:
        """Return the texts that came so far."""
        with self._news:
            return tuple(text for kind, text in self._messages if kind == _TEXT)

    def messages(self) -> tuple[str, ...]:
        """Return the messages that came so far, binary ones as Latin-1."""
        with self._news:
            return tuple(text for _, text in self._messages)

    @property
    def goodbye(self) -> str | None:
        """The code and reason of the server's Close (clause 7.4), None where it sent none."""
        if self._closed is None:
            return None
        code = int.from_bytes(self._closed[:2], "big")
        return f"Close {code or 'without a code'} {printable(self._closed[2:], _SHOWN)}".rstrip()

    def heard(self, enough: Callable[[str], bool], seconds: float) -> str | None:
        """Wait for a message that is enough; None where the time or the connection ended before it came."""
        self.wait(lambda _: any(map(enough, self.messages())), seconds)
        return next(filter(enough, self.messages()), None)

    def await_more(self, known: int, seconds: float) -> bool:
        """Wait for more messages than are known; False where the time or the connection ended before one came."""
        self.wait(lambda _: len(self._messages) > known, seconds)
        return len(self.messages()) > known

    def wait(self, enough: Callable[[tuple[str, ...]], bool], seconds: float) -> None:
        """Wait until the texts that came are enough, the server closed, or the time is over."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not enough(self.texts()) and not self._over and (left := deadline - time.monotonic()) > 0:
                self._news.wait(left)

    def close(self) -> None:
        """Stop listening, and hang up."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(OPEN_SECONDS)
        self._connection.close()

    def _listen(self) -> None:
        message, of = b"", _TEXT
        with suppress(OSError, ValueError):
            while self._octets < TEXT_LIMIT:
                final, kind, payload = self._frame()
                self._octets += len(payload) + _FRAME_OCTETS
                if kind == _CLOSE:
                    self._closed = payload
                    break
                if kind == _PING:
                    self._send(_PONG, payload[:125])
                if kind in (0, _TEXT, _BINARY):
                    of = of if kind == 0 else kind
                    message = (message if kind == 0 else b"") + payload
                    if final:
                        self._came(of, message)
        with self._news:
            self._over = True
            self._news.notify_all()

    def _came(self, kind: int, message: bytes) -> None:
        text = message.decode("utf-8", "replace") if kind == _TEXT else message.decode("latin-1")
        with self._news:
            self._messages.append((kind, text))
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

    def _send(self, kind: int, payload: bytes) -> None:
        """Send one masked frame (clause 5.3)."""
        mask = secrets.token_bytes(4)
        masked = bytes(octet ^ mask[index % 4] for index, octet in enumerate(payload))
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._connection.sendall(bytes([0x80 | kind]) + length + mask + masked)


def refused_as_an_upgrade(client: WebClient, path: str, opened: NotOpened) -> NotOpened:
    """Return a refusal if a server knows no upgrade, and answers a GET of the same path.

    Servers on Node.js close the connections of upgrades that no part of the program takes. CUPS and others answer 501
    (RFC 9110, 15.6.2).
    """
    if not opened.closed and opened.status != _NOT_IMPLEMENTED:
        return opened
    try:
        answer = client.request("GET", path, seconds=OPEN_SECONDS)
    except NoAnswerError:
        return opened
    if answer.status == _NOT_IMPLEMENTED:
        return opened
    ended = "the connection is closed after an upgrade" if opened.closed else f"an upgrade is answered {opened.status}"
    words = f"{ended}, and GET {path} is answered ({answer.status})"
    return replace(opened, answer=Answer.REFUSED, detail=words)


def opens_only_websockets(client: WebClient, error: NoAnswerError) -> bool:
    """Whether a server closes the connection after a whole request for a page, and answers an upgrade there.

    `error` is how the request ended. Such a server has no pages, and so no login by HTTP.
    """
    if not error.connected or _CLOSED not in error.detail:
        return False
    for headers in ({}, {"Sec-WebSocket-Protocol": "mqtt"}):
        listener = Listener.ask(client, "/", headers)
        if not isinstance(listener, NotOpened):
            listener.close()
            return True
    return False


def _handshake(connection: socket.socket, host: str, path: str, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """Make the opening handshake (clause 4.1), and return the data after it and the subprotocol. Raises ValueError."""
    key = base64.b64encode(secrets.token_bytes(16))
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    )
    connection.sendall("\r\n".join((*lines, "", "")).encode())
    deadline = time.monotonic() + OPEN_SECONDS
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) > HEAD_LIMIT or time.monotonic() > deadline:
            raise ValueError("the head has no end")
        data = connection.recv(4096)
        if not data:
            raise _NoWebSocketError(head)
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    if not head.startswith(b"HTTP/1.1 101") or proof not in head:
        raise _NoWebSocketError(head)
    chosen = _SUBPROTOCOL.search(head)
    return rest, chosen[1].decode("latin-1") if chosen else ""
