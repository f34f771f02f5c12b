"""The collector: the server that the device sends its log to, over TLS and on the clear-text ports.

One thread reads all sockets; everything is bounded. It takes whatever TLS a device speaks: what a device offers is
judged elsewhere. The questions asked of it are in `events.py`.
"""

import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from drivers.logs.listening import bound, server_context, speak
from drivers.logs.syslog import Deframer, SyslogRecord, parse, split_datagram
from lab_config.bench import CollectorBench
from trustprobe.errors import BenchError, HarnessError
from trustprobe.probe import printable

RECORD_LIMIT = 20_000
"""Records that are kept; then the oldest is dropped, and counted."""
CONTACT_LIMIT = 1_000
CONNECTION_LIMIT = 64
HANDSHAKE_SECONDS = 10.0
STOP_SECONDS = 10.0
_PIECE = 16 * 1024

Channel = Literal["tls", "tcp", "udp"]
Outcome = Literal["opened", "agreed", "refused", "broken", "failed", "closed"]
_ENDED_BY_PEER = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@dataclass(frozen=True)
class Collected:
    """A record as it arrived. `monotonic` is in seconds of this machine's steady clock, `number` counts from 0."""

    channel: Channel
    at: datetime
    monotonic: float
    record: SyslogRecord
    peer: str
    number: int


@dataclass(frozen=True)
class CollectorContact:
    """How a connection of the device went: `agreed` and `refused` are about the TLS handshake.

    `refused` is an alert, named in `detail`. `broken` is an end without one after the certificate was shown. `failed`
    is any other handshake that was not completed: nothing was shown, nothing came in time, or no suite is common.
    """

    channel: Channel
    peer: str
    outcome: Outcome
    detail: str
    at: datetime
    number: int


@dataclass
class _Connection:
    sock: socket.socket
    channel: Channel
    peer: str
    deframer: Deframer = field(default_factory=Deframer)
    handshake_until: float | None = None
    shown: bool = False
    """Whether it sent a whole ClientHello, which is answered with the certificate."""


class Collector:
    """Listen while the `with` block runs. With `device`, an address, what others send is counted and dropped."""

    def __init__(self, bench: CollectorBench, device: str | None = None) -> None:
        self.bench = bench
        self.device = device
        self._news = threading.Condition()
        self._records: deque[Collected] = deque(maxlen=RECORD_LIMIT)
        self._contacts: deque[CollectorContact] = deque(maxlen=CONTACT_LIMIT)
        self._counted = 0
        self._contacted = 0
        self.strangers = 0
        self._stranger = ""
        self._presented, self._turned_down = bench.certificate, ""
        self._context = server_context(bench.certificate, bench.key, self._hello_came)
        self._connections: dict[socket.socket, _Connection] = {}
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._failure: Exception | None = None

    # --- for the caller's thread -----------------------------------------------------------------------------------

    def __enter__(self) -> "Collector":
        """Take the ports and start; BenchError where a port cannot be had."""
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._listeners: dict[socket.socket, Channel] = {}
        try:
            self._listeners[bound(self.bench.address, self.bench.tls_port, socket.SOCK_STREAM)] = "tls"
            self._listeners[bound(self.bench.address, self.bench.clear_port, socket.SOCK_STREAM)] = "tcp"
            self._listeners[bound(self.bench.address, self.bench.clear_port, socket.SOCK_DGRAM)] = "udp"
        except BenchError:
            self._close()
            raise
        for sock in (*self._listeners, self._woken):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="collector", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give the ports back."""
        self._stopping = True
        self._wake.send(b"x")
        self._thread.join(STOP_SECONDS)
        self._close()

    @property
    def dropped(self) -> int:
        """Records that came and are not kept any more."""
        with self._news:
            return self._counted - len(self._records)

    def mark(self) -> int:
        """Return the number that the next record will have."""
        with self._news:
            return self._counted

    @property
    def instead(self) -> str:
        """Say what came instead, after a sentence about a device that sent no record: a refusal, and other senders."""
        words = ""
        if self._turned_down:
            words = (
                f"; the device refused the collector's own certificate ({self._turned_down}): make the sample trust "
            )
            words += "its CA, and run `trustprobe bench check trust`"
        if not self.strangers:
            return words
        return words + (
            f"; {self.strangers} connections or datagrams came from {self._stranger} or others instead: "
            "if that address is the sample's, add `sends_from: ADDRESS` to `network` in the bench file"
        )

    def records(self, since: int = 0) -> tuple[Collected, ...]:
        """Return the kept records from a mark on."""
        if self._failure is not None:
            raise HarnessError(f"the collector's thread failed: {self._failure!r}.") from self._failure
        with self._news:
            return tuple(one for one in self._records if one.number >= since)

    def contacts(self, since: int = 0) -> tuple[CollectorContact, ...]:
        """Return how connections went, from a number on."""
        with self._news:
            return tuple(one for one in self._contacts if one.number >= since)

    def wait_for(self, predicate: Callable[[Collected], bool], seconds: float, since: int) -> Collected | None:
        """Return the first record from a mark on that the predicate holds for; None when none came in this time."""
        until = time.monotonic() + seconds
        while True:
            for one in self.records(since):
                since = one.number + 1
                if predicate(one):
                    return one
            with self._news:
                if not self._news.wait_for(lambda mark=since: self._counted > mark, until - time.monotonic()):  # type: ignore[misc]
                    return None

    def wait_for_any(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition on `records` and `contacts` holds; asked whenever either has grown."""
        until = time.monotonic() + seconds
        while True:
            with self._news:
                before = (self._counted, self._contacted)
            if condition():
                return True
            with self._news:
                if not self._news.wait_for(
                    lambda known=before: (self._counted, self._contacted) != known,  # type: ignore[misc]
                    until - time.monotonic(),
                ):
                    return False

    def present(self, certificate: Path, key: Path) -> tuple[int, int]:
        """Switch the certificate and drop all connections; the marks of records and contacts from then on."""
        context = server_context(certificate, key, self._hello_came)
        done = threading.Event()
        marks = [(0, 0)]

        def switch() -> None:
            for connection in list(self._connections.values()):
                self._end(connection)
            self._context, self._presented = context, certificate
            marks[0] = (self._counted, self._contacted)
            done.set()

        self._commands.append(switch)
        self._wake.send(b"x")
        if not done.wait(STOP_SECONDS):
            raise BenchError("the collector no longer answers.", "Start the run again.")
        return marks[0]

    def say(self, octets: bytes, *, beside_tls: bool = False) -> int:
        """Say something on every connection over which records come; return how many there were.

        `beside_tls` writes it between the records of TLS, which ends the session.
        """
        done, said = threading.Event(), [0]

        def on_each() -> None:
            for connection in list(self._connections.values()):
                if connection.channel != "udp" and connection.handshake_until is None:
                    speak(connection.sock, octets, beside_tls)
                    said[0] += 1
            done.set()

        self._commands.append(on_each)
        self._wake.send(b"x")
        if not done.wait(STOP_SECONDS):
            raise BenchError("the collector no longer answers.", "Start the run again.")
        return said[0]

    # --- the collector's own thread --------------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while not self._stopping:
                for key, _ in self._selector.select(self._patience()):
                    if isinstance(key.fileobj, socket.socket):
                        self._ready(key.fileobj)
                while self._commands:
                    self._commands.popleft()()
                self._lose_patience()
        except Exception as error:  # noqa: BLE001 - whatever it is, a dead collector must not look like a quiet device
            self._failure = error
            with self._news:
                self._contacted += 1
                self._news.notify_all()

    def _ready(self, sock: socket.socket) -> None:
        if sock is self._woken:
            self._woken.recv(_PIECE)
        elif sock in self._connections:
            self._attend(self._connections[sock])
        elif sock in self._listeners:
            self._welcome(sock, self._listeners[sock])

    def _patience(self) -> float | None:
        until = [one.handshake_until for one in self._connections.values() if one.handshake_until is not None]
        return max(0.0, min(until) - time.monotonic()) if until else None

    def _lose_patience(self) -> None:
        now = time.monotonic()
        for connection in list(self._connections.values()):
            if connection.handshake_until is not None and connection.handshake_until <= now:
                self._note(connection, "failed", f"no handshake within {HANDSHAKE_SECONDS:g} s")
                self._end(connection)

    def _welcome(self, listener: socket.socket, channel: Channel) -> None:
        try:
            if channel == "udp":
                data, address = listener.recvfrom(65535)
                if self._known(address[0]):
                    self._take(channel, address[0], split_datagram(data))
                return
            sock, address = listener.accept()
        except OSError:
            return  # it went away before it was accepted
        if not self._known(address[0]) or len(self._connections) >= CONNECTION_LIMIT:
            sock.close()
            return
        sock.setblocking(False)
        connection = _Connection(sock, channel, address[0])
        if channel == "tls":
            try:
                sock.getpeername()  # a wrapper that finds the connection reset stays open until it is collected
                connection.sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            except OSError:
                sock.close()
                return  # reset before it was wrapped
            connection.handshake_until = time.monotonic() + HANDSHAKE_SECONDS
        self._connections[connection.sock] = connection
        self._selector.register(connection.sock, selectors.EVENT_READ)
        self._note(connection, "opened", "")

    def _hello_came(self, sock: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Note a whole ClientHello; OpenSSL calls this for each, whether or not it names a server."""
        if isinstance(sock, ssl.SSLSocket) and sock in self._connections:
            self._connections[sock].shown = True

    def _known(self, peer: str) -> bool:
        known = self.device is None or peer == self.device
        if not known:
            self.strangers += 1
            self._stranger = peer
        return known

    def _attend(self, connection: _Connection) -> None:
        try:
            if connection.handshake_until is not None and not self._shaken(connection):
                return
            while True:
                if not (data := connection.sock.recv(_PIECE)):
                    self._over(connection, "the device closed it")
                    return
                self._take(connection.channel, connection.peer, connection.deframer.feed(data))
                if not (isinstance(connection.sock, ssl.SSLSocket) and connection.sock.pending()):
                    return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except OSError as error:
            self._over(connection, _name_of(error))

    def _shaken(self, connection: _Connection) -> bool:
        """Go on with the handshake; whether it is done."""
        assert isinstance(connection.sock, ssl.SSLSocket)
        interest = selectors.EVENT_READ
        try:
            connection.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._selector.modify(connection.sock, interest)
            return False
        except ssl.SSLWantWriteError:
            self._selector.modify(connection.sock, interest | selectors.EVENT_WRITE)
            return False
        except OSError as error:
            outcome = _outcome_of(error, connection.shown)
            if outcome in {"refused", "broken"} and self._presented == self.bench.certificate:
                self._turned_down = _name_of(error)
            self._note(connection, outcome, _name_of(error))
            self._end(connection)
            return False
        connection.handshake_until = None
        self._selector.modify(connection.sock, interest)
        suite = (connection.sock.cipher() or ("",))[0]
        self._note(connection, "agreed", f"{connection.sock.version()} {suite}")
        return True

    def _over(self, connection: _Connection, why: str) -> None:
        self._take(connection.channel, connection.peer, connection.deframer.close())
        self._note(connection, "closed", why)
        self._end(connection)

    def _end(self, connection: _Connection) -> None:
        self._selector.unregister(connection.sock)
        self._connections.pop(connection.sock, None)
        connection.sock.close()

    def _take(self, channel: Channel, peer: str, frames: list[bytes]) -> None:
        for frame in frames:
            record, now, steady = parse(frame), datetime.now(UTC), time.monotonic()
            with self._news:
                self._records.append(Collected(channel, now, steady, record, peer, self._counted))
                self._counted += 1
                self._news.notify_all()

    def _note(self, connection: _Connection, outcome: Outcome, why: str) -> None:
        with self._news:
            contact = CollectorContact(
                connection.channel, connection.peer, outcome, printable(why, 200), datetime.now(UTC), self._contacted
            )
            self._contacts.append(contact)
            self._contacted += 1
            self._news.notify_all()

    def _close(self) -> None:
        for connection in list(self._connections.values()):
            self._end(connection)
        for sock in (*self._listeners, self._wake, self._woken):
            sock.close()
        self._listeners.clear()
        self._selector.close()


def _outcome_of(error: OSError, shown: bool) -> Outcome:
    if not shown:
        return "failed"
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
        return "refused"
    return "broken" if isinstance(error, _ENDED_BY_PEER) else "failed"


def _name_of(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason
    return f"{type(error).__name__}: {error}"
