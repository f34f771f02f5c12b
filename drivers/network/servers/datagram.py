"""A server of the bench that the device asks by datagrams: one thread, one socket, one question at a time.

It counts what it was asked, and can answer wrongly before it answers well. What an answer is, is its own.
"""

import selectors
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, Self

STOP_SECONDS = 10.0
_READ_LIMIT = 1_500


class DatagramServer(ABC):
    """Answer while the `with` block runs."""

    title: ClassVar[str]
    """The name of its thread."""

    def __init__(self) -> None:
        self.strangers = 0
        """How often somebody else asked, who got no answer."""
        self._news = threading.Condition()
        self._count = 0
        self._before: tuple[bytes, ...] = ()

    def __enter__(self) -> Self:
        """Take the port and start; BenchError where it cannot be had."""
        with ExitStack() as opening:
            self._socket = self._open(opening)
            self._wake, self._woken = map(opening.enter_context, socket.socketpair())
            self._opened = opening.pop_all()
        self._thread = threading.Thread(target=self._serve, name=self.title, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give the port back."""
        self._wake.send(b"x")
        self._thread.join(STOP_SECONDS)
        self._opened.close()

    @property
    def count(self) -> int:
        """How often the device has asked, and was answered."""
        with self._news:
            return self._count

    def precede(self, answers: Sequence[bytes]) -> None:
        """Send these before the good answer to the next question, each made one to that question."""
        with self._news:
            self._before = tuple(answers)

    def wait_for_question(self, since: int, seconds: float) -> bool:
        """Wait until the device was answered once more than `since` times; False when it has not asked by then."""
        with self._news:
            return self._news.wait_for(lambda: self._count > since, seconds)

    @abstractmethod
    def _open(self, opening: ExitStack) -> socket.socket:
        """Return the socket that is asked, and let `opening` close it and what else is opened; BenchError."""

    @abstractmethod
    def _respond(self, question: bytes, peer: tuple[Any, ...]) -> bool:
        """Answer, first with what `_preceding` returns; whether it was a question of the device's."""

    def _preceding(self) -> tuple[bytes, ...]:
        """Return the wrong answers that go before this good one, once."""
        before, self._before = self._before, ()
        return before

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._woken in ready:
                    return
                self._answer()

    def _answer(self) -> None:
        try:
            question, peer = self._socket.recvfrom(_READ_LIMIT)
            with self._news:
                if self._respond(question, peer):
                    self._count += 1
                    self._news.notify_all()
        except OSError:
            return  # an ICMP error for an earlier answer, or who asked is gone again
