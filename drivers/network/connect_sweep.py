"""A TCP sweep by connect(), for benches without raw sockets, for IPv6, and for targets behind a router.

Slower than `syn.py` where ports are filtered: at most 256 questions are open at once, and each waits a second.
"""

import errno
import os
import random
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from drivers.errors import BenchError
from drivers.network.sweep import CANARY_ASKS, CANARY_EVERY, MISSED, Canary, Pace, PortAnswers
from drivers.network.target import Target, answer_of
from drivers.probe import Answer, Recorder
from lab_config.models import Transport

MOST_OPEN = 256
PATIENCE_SECONDS = 1.0
_LEAST_ASKS, _MOST_ASKS = 2, 6
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class _Question:
    port: int
    is_canary: bool = False
    asks: int = 0
    asked_at: float = 0.0
    heard: int = 0
    """How many ports had answered when this question was first asked."""


class ConnectSweep:
    """One sweep of a target; `run` may be called once."""

    def __init__(self, target: Target, canary: Canary, record: Recorder) -> None:
        self.answers = PortAnswers("connect", canary)
        self._target, self._record = target, record
        self._family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        self._pace = Pace(target.bench.packets_per_second)
        self._most_open = MOST_OPEN
        self._questions: deque[_Question] = deque()
        self._again: list[_Question] = []
        # In the order of asking, so that the first one is the first to run out of patience.
        self._flight: dict[socket.socket, _Question] = {}
        self._mute_in_a_row = 0

    def run(self, ports: Sequence[int], first: Iterable[int] = ()) -> PortAnswers:
        """Ask all these ports, `first` before the others; raises BenchError when this machine cannot ask."""
        self._total = len(ports)
        shuffled = random.sample(ports, len(ports))
        asked_first = set(first) | set(shuffled[: MOST_OPEN // 2])
        with selectors.DefaultSelector() as self._selector:
            try:
                self._sweep(sorted(asked_first & set(ports)), [port for port in shuffled if port not in asked_first])
            finally:
                for sock in list(self._flight):
                    self._close(sock)
        return self.answers

    def _sweep(self, first: Sequence[int], others: Sequence[int]) -> None:
        canary = _Question(self.answers.canary.port, is_canary=True)
        self._ask([canary, *map(_Question, first)])
        if not self.answers.heard and not self.answers.canary.answered:
            self.answers.unfinished = "the device answered nothing, the sweep was ended early"
            return
        for start in range(0, len(others), CANARY_EVERY):
            self._questions.append(canary)
            self._questions.extend(map(_Question, others[start : start + CANARY_EVERY]))
        self._ask([])
        self._ask([canary])

    def _ask(self, questions: Iterable[_Question]) -> None:
        """Ask until each question has its answer or was asked often enough."""
        self._questions.extend(questions)
        while not self.answers.unfinished:
            if not self._questions and not self._flight:
                self._questions.extend(self._again)
                self._again.clear()
            if not self._questions and not self._flight:
                return
            self._fill()
            self._collect()

    def _fill(self) -> None:
        if self._pace.wait():
            return
        sent = self.answers.sent
        for _ in range(self._pace.batch):
            if not self._questions or len(self._flight) >= self._most_open:
                break
            try:
                sock = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                self._need_fewer(error)
                break
            self._start(sock, self._questions.popleft())
        self._pace.spend(self.answers.sent - sent)

    def _need_fewer(self, error: OSError) -> None:
        """Go on with as many sockets as this process may have."""
        if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM) or not self._flight:
            raise BenchError(f"this machine gives no socket: {error}.", "Raise its limit of open files.") from error
        self._most_open = len(self._flight)

    def _start(self, sock: socket.socket, question: _Question) -> None:
        now = time.monotonic()
        heard = question.heard if question.asks else self.answers.heard
        question = replace(question, asks=question.asks + 1, asked_at=now, heard=heard)
        self._flight[sock] = question
        self.answers.sent += 1
        self.answers.lost += question.asks > 1
        # Leaves no connection of ours behind, here or on the device.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        code = sock.connect_ex((self._target.address, self._target.bench.port(Transport.TCP, question.port)))
        if code == errno.EINPROGRESS:
            self._selector.register(sock, selectors.EVENT_WRITE)
        else:
            self._finish(sock, code)

    def _collect(self) -> None:
        """Take in what was answered, waiting for it no longer than until the next question may be asked."""
        waits = []
        if self._flight:
            asked_at = next(iter(self._flight.values())).asked_at
            waits.append(max(0.0, asked_at + PATIENCE_SECONDS - time.monotonic()))
        if self._questions and len(self._flight) < self._most_open:
            waits.append(self._pace.wait())
        for key, _ in self._selector.select(min(waits, default=0)):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            self._finish(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        expired = time.monotonic() - PATIENCE_SECONDS
        while self._flight and (oldest := next(iter(self._flight.items())))[1].asked_at <= expired:
            self._finish(oldest[0], errno.ETIMEDOUT)

    def _finish(self, sock: socket.socket, code: int) -> None:
        # On loopback a socket that happens to get the very port it asks is connected to itself: nobody listens there.
        to_itself = code == 0 and sock.getsockname() == sock.getpeername()
        question = self._close(sock)
        if to_itself:
            self._again.append(replace(question, asks=question.asks - 1))
            return
        answer = Answer.SEEN if code == 0 else answer_of(OSError(code, os.strerror(code)))
        if question.is_canary:
            self._finish_canary(question, answer)
        elif answer is not Answer.SILENT:
            self.answers.enter(question.port, answer is Answer.SEEN)
        elif question.asks < _LEAST_ASKS or (
            question.asks < _MOST_ASKS and self.answers.canary.missed_after(question.asks) > MISSED
        ):
            self._again.append(question)

    def _finish_canary(self, question: _Question, answer: Answer) -> None:
        if answer is Answer.SILENT and question.asks < CANARY_ASKS:
            self._pace.halve()
            self._questions.appendleft(question)
            return
        self.answers.canary.count(answer is Answer.SEEN, repeated=question.asks > 1)
        if answer is not Answer.SILENT:
            self.answers.enter(question.port, answer is Answer.SEEN)
        if question.asks == 1:
            self._pace.rise()
        self._record.progress(min(self.answers.heard, self._total), self._total, "TCP ports by connect()")
        mute = answer is Answer.SILENT and question.heard == self.answers.heard
        self._mute_in_a_row = self._mute_in_a_row + 1 if mute else 0
        if self._mute_in_a_row > 1:
            self.answers.unfinished = "the device fell silent, the sweep was ended early"

    def _close(self, sock: socket.socket) -> _Question:
        if sock.fileno() in self._selector.get_map():
            self._selector.unregister(sock)
        sock.close()
        return self._flight.pop(sock)
