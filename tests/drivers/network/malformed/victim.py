"""A small HTTP server on loopback that takes some messages badly."""

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from typing import Self

import pytest

from drivers.network import conversation
from drivers.network.malformed.sending import delivery
from drivers.network.malformed.sending.liveness import Life, Liveness, Sign

BACK_SECONDS = 0.3
IDLE_SECONDS = 0.15
BRIEF_SECONDS, PATIENT_SECONDS = 0.4, 4.0
"""How long an answer is waited for that is not to come, and one that ends the wait."""
MISSED_SECONDS = 30.0
ANSWER = b"HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def brief_while(
    mute: Callable[[Liveness], bool], monkeypatch: pytest.MonkeyPatch, given_up: Callable[[], object] = lambda: None
) -> None:
    """Wait for a healthy answer briefly while the service is mute; else the answer ends the wait, however late."""
    ask = Liveness.ask

    def asked(liveness: Liveness) -> Sign:
        monkeypatch.setattr(conversation, "READ_SECONDS", BRIEF_SECONDS if mute(liveness) else PATIENT_SECONDS)
        sign = ask(liveness)
        if sign.life is Life.SILENT:
            given_up()
        return sign

    monkeypatch.setattr(Liveness, "ask", asked)


class Habit(Enum):
    """What the server does to a request that holds `bad`."""

    ANSWERS = auto()
    ENDS = auto()
    """Nobody listens for a moment, or until a healthy request found that, where requests are `watched`."""
    ENDS_AND_IS_BACK_AT_ONCE = auto()
    """All connections are closed, and the port is never seen closed."""
    HANGS = auto()
    """Answers nobody any more."""
    IS_SLOW_ONCE = auto()
    TURNS_AWAY = auto()
    """Closes the next connections, as one does that protects itself."""
    TURNS_AWAY_FOR_GOOD = auto()
    CLOSES_IDLE_CONNECTIONS = auto()
    """All of them while it answers the bad request, and soon from then on."""
    ANSWERS_500_FROM_THEN_ON = auto()


class Victim:
    """Serves until the context ends; `seen` counts the bad requests."""

    def __init__(self, habit: Habit, bad: bytes = b"bad") -> None:
        self._habit, self._bad = habit, bad
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._hangs = threading.Event()
        self._ended = threading.Event()
        self._refusals = 0
        self._status = 200
        self._idle = 10.0
        self.seen: Counter[Habit] = Counter()
        self._timers: list[threading.Timer] = []
        self._watched = False
        self._missed = threading.Event()

    def __enter__(self) -> Self:
        self._accept_in_background()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._missed.set()
        for timer in self._timers:
            timer.cancel()
        self._close_all()

    def watched(self, monkeypatch: pytest.MonkeyPatch) -> Self:
        """Come back as soon as a healthy request has found that nobody listens, however late that is."""
        ask = Liveness.ask

        def asked(liveness: Liveness) -> Sign:
            sign = ask(liveness)
            if sign.life is Life.NOBODY:
                self._missed.set()
            return sign

        monkeypatch.setattr(Liveness, "ask", asked)
        self._watched = True
        return self

    def hurried(self, monkeypatch: pytest.MonkeyPatch) -> Self:
        """Have its answers waited for briefly while it hangs, and not before it has answered what makes it hang."""
        monkeypatch.setattr(delivery, "QUIET_SECONDS", 1.0)  # half of a request is never answered, and costs this
        brief_while(lambda liveness: self._hangs.is_set() and liveness.service.port == self.port, monkeypatch)
        return self

    def revive(self) -> None:
        """Come back as after a power cycle."""
        self._hangs.clear()
        self._refusals, self._status = 0, 200

    def _accept_in_background(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._open.add(connection)  # here, so that an end that follows at once closes it too
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(self._idle)
            request = b""
            while b"\r\n\r\n" not in request and (piece := connection.recv(4096)):
                request += piece
            if self._hangs.is_set():
                self._ended.wait(30)
                return
            if self._refusals:
                self._refusals -= 1
                return
            if not request or (self._bad in request and not self._survives(connection)):
                return
            connection.sendall(ANSWER % self._status)

    def _survives(self, connection: socket.socket) -> bool:
        self.seen[self._habit] += 1
        if self._habit is Habit.ENDS_AND_IS_BACK_AT_ONCE:
            self._close(*self._open)  # the listener stays: a new one could be late on a busy machine
            return False
        if self._habit is Habit.ENDS:
            self._close_all()
            self._missed.clear()
            threading.Thread(target=self._reopen, daemon=True).start()
            return False
        if self._habit is Habit.HANGS or (self._habit is Habit.IS_SLOW_ONCE and self.seen[self._habit] == 1):
            self._hangs.set()
            if self._habit is Habit.IS_SLOW_ONCE:
                self._timers.append(threading.Timer(BACK_SECONDS, self._hangs.clear))
                self._timers[-1].start()
        if self._habit is Habit.CLOSES_IDLE_CONNECTIONS:
            self._idle = IDLE_SECONDS
            self._close(*(self._open - {connection}))
        if self._habit is Habit.TURNS_AWAY:
            self._refusals = 3
        if self._habit is Habit.TURNS_AWAY_FOR_GOOD:
            self._refusals = 1_000_000
        if self._habit is Habit.ANSWERS_500_FROM_THEN_ON:
            self._status = 500
        return True

    def _reopen(self) -> None:
        if self._watched:
            self._missed.wait(MISSED_SECONDS)
        else:
            self._ended.wait(BACK_SECONDS)
        if not self._ended.is_set():
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._accept_in_background()

    def _close_all(self) -> None:
        self._close(self._listener, *self._open)
        self._listener.close()

    def _close(self, *sockets: socket.socket) -> None:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._open.clear()
