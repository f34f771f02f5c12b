"""TCP ports probed with connect(), for benches without raw sockets, and for targets beyond a router.

Slower than `syn.py` where ports are filtered: at most 1,000 questions are open at once, and each waits a second. In
which order and how fast they are asked is said by `course.py`.
"""

import contextlib
import errno
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drivers.network.sweep.answers import PortAnswers, SweepCanary
from drivers.network.sweep.asker import SweepAsker, never
from drivers.network.target import Target, answer_of
from lab_config.component import Transport
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Recorder

PATIENCE_SECONDS = 1.0
_TO_ITSELF = 10
"""How often a port is asked again because our own socket got its number."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR of <linux/in.h> and <linux/in6.h>: they show who refused."""


@dataclass(frozen=True)
class _Question:
    port: int
    asked_at: float
    canary: int = 0
    """The number of the question to the canary, 0 for any other port."""
    tries: int = 0


class ConnectAsker(SweepAsker):
    """Asks a target."""

    def __init__(self, target: Target, canary: SweepCanary) -> None:
        super().__init__(PortAnswers("connect", canary))
        self._target = target
        self._family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        # In the order of asking, so that the first one is the first to run out of patience.
        self._flight: dict[socket.socket, _Question] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the selector. Every socket is closed at the end."""
        with selectors.DefaultSelector() as self._selector:
            try:
                yield
            finally:
                for sock in list(self._flight):
                    self._close(sock)

    def ask(self, ports: Sequence[int]) -> None:
        """Begin a connection to each of these ports; waits where no more may be open."""
        for port in ports:
            self._start(port)

    def ask_canary(self) -> None:
        """Begin one more connection to the canary."""
        self.canary_asks += 1
        self._start(self.answers.canary.port, self.canary_asks)

    def listen(self, seconds: float, enough: Callable[[], bool] = never) -> None:
        """Take in what was answered for some seconds, or until there is enough."""
        deadline = time.monotonic() + seconds
        self._collect(0)
        while (left := deadline - time.monotonic()) > 0 and not enough():
            self._collect(left)

    def settle(self) -> None:
        """Wait until each question was answered or has run out of patience."""
        self.listen(2 * PATIENCE_SECONDS, lambda: not any(not question.canary for question in self._flight.values()))

    def keep(self, record: Recorder) -> None:
        """Leave nothing: the kernel keeps the bytes."""

    def _start(self, port: int, canary: int = 0, tries: int = 0) -> None:
        there = (self._target.address, self._target.port(Transport.TCP, port))
        sock = self._socket()
        # Leaves no open connection, here or on the device.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        sock.setsockopt(*_RECVERR[self._family], 1)
        self._flight[sock] = _Question(port, time.monotonic(), canary, tries)
        self.answers.sent += 1
        code = sock.connect_ex(there)
        if code == errno.EINPROGRESS:
            self._selector.register(sock, selectors.EVENT_WRITE)
        else:
            self._finish(sock, code)

    def _socket(self) -> socket.socket:
        """Return a socket as soon as this process may have one more."""
        while True:
            try:
                if len(self._flight) < self.capacity:
                    return socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                if error.errno not in _NO_MORE or not self._flight:
                    raise BenchError(
                        f"this machine cannot open a socket: {error}.", "Raise its limit of open files."
                    ) from error
                self.capacity = len(self._flight)
            flying = len(self._flight)
            self.listen(PATIENCE_SECONDS, lambda flying=flying: len(self._flight) < flying)  # type: ignore[misc]

    def _collect(self, seconds: float) -> None:
        """Take in what was answered, waiting no longer than until the oldest question runs out of patience."""
        if self._flight:
            seconds = min(seconds, max(0.0, self._oldest()[1].asked_at + PATIENCE_SECONDS - time.monotonic()))
        for key, _ in self._selector.select(seconds):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            self._finish(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        expired = time.monotonic() - PATIENCE_SECONDS
        while self._flight and (oldest := self._oldest())[1].asked_at <= expired:
            self._finish(oldest[0], errno.ETIMEDOUT)

    def _oldest(self) -> tuple[socket.socket, _Question]:
        return next(iter(self._flight.items()))

    def _finish(self, sock: socket.socket, code: int) -> None:
        # On loopback a socket that happens to get the very port it asks is connected to itself: nobody listens there.
        to_itself = code == 0 and _name(sock) == _peer(sock)
        by_icmp = code == errno.ECONNREFUSED and _is_of_icmp(sock)
        question = self._close(sock)
        if to_itself and question.tries < _TO_ITSELF:
            self._start(question.port, question.canary, question.tries + 1)
            return
        answer = Answer.SEEN if code == 0 else answer_of(OSError(code, os.strerror(code)))
        # An ICMP error comes from a firewall, not the port: raw frames do not count it as an RST either.
        if answer is Answer.SILENT or by_icmp:
            return
        self.answers.enter(question.port, answer is Answer.SEEN)
        if question.canary >= self.canary_first:
            self.canary_refused |= answer is Answer.REFUSED
            if answer is Answer.SEEN:
                self.canary_open.add(question.canary)

    def _close(self, sock: socket.socket) -> _Question:
        if sock.fileno() in self._selector.get_map():
            self._selector.unregister(sock)
        sock.close()
        return self._flight.pop(sock)


def _name(sock: socket.socket) -> object:
    return sock.getsockname()


def _peer(sock: socket.socket) -> object:
    """Return whom a socket is connected to; None when that has reset it already."""
    try:
        return sock.getpeername()
    except OSError:
        return None


def _is_of_icmp(sock: socket.socket) -> bool:
    """Whether the error of a socket came as ICMP: then it is in the socket's queue of errors as well."""
    try:
        sock.recvmsg(1, 256, socket.MSG_ERRQUEUE)
    except OSError:
        return False
    return True
