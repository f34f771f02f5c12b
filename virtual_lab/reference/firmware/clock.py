"""The device's time: the system clock, corrected by what the declared time source says (SNTP, RFC 4330 and RFC 5905).

The source is asked at the start and then ten times a second; a correction of a second or more is a step, and logged.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from virtual_lab.reference.defects import Defects

POLL_SECONDS = 0.1
STEP_SECONDS = 1.0
"""A correction from which on it is a step, and no drift."""
_ANSWER_SECONDS = 0.4
_STALE_SECONDS = 5.0
_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""
_PACKET = struct.Struct("!BBbb11I")
_CLIENT, _SERVER = 0x23, 4
_WRONG = 7_200.0

Step = Callable[[datetime, datetime], None]


class Clock:
    """The time that log records carry."""

    def __init__(self, defects: Defects, system: Callable[[], float] = time.time) -> None:
        self._defects = defects
        self._system = system
        self._offset = 0.0
        self._corrected: float | None = None

    def now(self) -> datetime:
        """Return the device's time, UTC."""
        return self._at(self._offset)

    @property
    def synchronised(self) -> bool:
        """Whether the source was heard within the last seconds."""
        return self._corrected is not None and time.monotonic() - self._corrected < _STALE_SECONDS

    def correct(self, offset: float, step: Step) -> None:
        """Take the seconds by which the source is ahead of the system clock; `step` hears of the old and new time."""
        if self._defects("time_source_ignored"):
            return
        old, before = self._offset, self.now()
        self._offset, self._corrected = offset, time.monotonic()
        if abs(offset - old) >= STEP_SECONDS:
            step(before, self.now())

    def _at(self, offset: float) -> datetime:
        wrong = _WRONG if self._defects("clock_wrong") else 0.0
        return datetime.fromtimestamp(self._system() + offset + wrong, UTC)


class TimeSource:
    """The client of the declared time server, from the device's own address."""

    def __init__(
        self,
        server: Mapping[str, Any],
        address: str,
        clock: Clock,
        step: Step,
        on_short: Callable[[], object] | None = None,
    ) -> None:
        self._server = (str(server["address"]), int(server["port"]))
        self._address = address
        self._clock = clock
        self._step = step
        self._on_short = on_short

    def start(self) -> None:
        """Ask in the background, for as long as the device runs."""
        threading.Thread(target=self._run, name="time", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with suppress(OSError, ValueError):  # no answer, or none to this question: the next one comes soon
                self._clock.correct(ask(self._server, self._address, self._on_short), self._step)
            pause.wait(POLL_SECONDS)


def ask(server: tuple[str, int], address: str, on_short: Callable[[], object] | None = None) -> float:
    """Return the seconds by which the server is ahead; OSError without an answer, ValueError where none was good.

    `on_short` is what a planted defect does with an answer that ends before its fields do.
    """
    wrong: ValueError | None = None
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        sock.settimeout(_ANSWER_SECONDS)
        sock.connect(server)
        cookie = int.from_bytes(os.urandom(8), "big")  # nothing of the own time leaves, and only an answer repeats it
        started, steady = time.time(), time.monotonic()
        sock.send(_PACKET.pack(_CLIENT, 0, 0, 0, *[0] * 9, cookie >> 32, cookie & 0xFFFFFFFF))
        while True:  # what is no answer to this question does not end the wait for one
            sock.settimeout(max(0.001, steady + _ANSWER_SECONDS - time.monotonic()))
            try:
                answer = sock.recv(1_500)
            except TimeoutError:
                raise (wrong or TimeoutError("no answer")) from None
            if len(answer) < _PACKET.size and on_short is not None:
                on_short()
            try:
                return _offset(answer, cookie, started, time.monotonic() - steady)
            except ValueError as error:
                wrong = error


def _offset(answer: bytes, cookie: int, started: float, took: float) -> float:
    """Work out the offset of RFC 5905, 8, from an answer that came `took` seconds after `started`."""
    if len(answer) < _PACKET.size:
        raise ValueError("too short")
    flags, stratum, _, _, *words = _PACKET.unpack_from(answer)
    if flags & 7 != _SERVER or flags >> 6 == 3 or not 1 <= stratum <= 15:
        raise ValueError("not synchronised, or no server")
    if (words[5] << 32 | words[6]) != cookie:
        raise ValueError("an answer to another question")
    stamps: list[float] = [words[i] - _EPOCH + words[i + 1] / 2**32 for i in (7, 9)]
    received, sent = stamps
    return ((received - started) + (sent - started - took)) / 2
