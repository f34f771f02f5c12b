"""How fast the device lets one of its doors be asked: one pace for all probes of a run.

A server that answers 429 (RFC 6585), or 503 with Retry-After, or that refuses connections for a moment, is asked more
slowly from then on, by every later probe as well. The pace becomes faster again as answers come.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_SECONDS = 0.25
"""The first interval between two requests, after the first limit."""
MOST_SECONDS = 15.0
"""The longest interval."""
_EASIER = 0.9
"""The factor of the interval after each answer that is no limit."""
_LEAST_SECONDS = 0.02
"""An interval below this is none."""
LISTS = 0.5
"""The share of the bench's patience for long lists of questions."""
REFUSALS = 3
"""How often a refused connection is tried again at a door that has answered before."""


@dataclass
class DoorPace:
    """The pace at one door. `patience` is the longest wait in seconds for one answer. Thread-safe."""

    patience: float = 60.0
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    limit: str = ""
    """What the device said last when it limited requests; empty if it never did."""
    waited: float = 0.0
    """The seconds that the limit has cost all probes together."""
    _interval: float = 0.0
    _next: float = -math.inf
    """When the next request may be sent."""
    _last: float = -math.inf
    """When the last request was sent."""
    _slowed_at: float = -math.inf
    _has_answered: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self) -> float:
        """Wait until one more request may be sent, and return the time at which it is."""
        with self._lock:
            now = self.clock()
            at = max(now, self._next)
            if at > now:
                self.waited += at - max(now, self._last)
            self._last, self._next = at, at + self._interval
        if at > now:
            self.wait(at - now)
        return at

    def answered(self) -> None:
        """Note an answer that is no limit."""
        with self._lock:
            self._has_answered = True
            self._interval *= _EASIER
            if self._interval < _LEAST_SECONDS:
                self._interval = 0.0

    def limited(self, sent: float, words: str, retry_after: float | None = None) -> bool:
        """Note that the request of this time was answered with a limit. Return whether the bench waits so long."""
        with self._lock:
            self.limit = words
            if sent >= self._slowed_at:  # those that were sent before the last change say nothing about it
                self._interval = min(max(FIRST_SECONDS, 2 * self._interval), MOST_SECONDS)
                self._slowed_at = self.clock()
            pause = self._interval if retry_after is None else retry_after
            if pause <= self.patience:
                self._next = max(self._next, self.clock() + pause)
            return pause <= self.patience

    def refused(self, times: int) -> bool:
        """Note that a connection was refused so many times in a row. Return whether it is worth another try.

        A port that never answered is closed, and so is one that goes on refusing.
        """
        with self._lock:
            again = self._has_answered and times <= REFUSALS
            if again:
                self._next = max(self._next, self.clock() + FIRST_SECONDS * 2 ** (times - 1))
            self._has_answered = again
            return again

    @property
    def exhausted(self) -> str:
        """Why no long list of questions is asked at this door any more; empty as long as the bench is patient.

        Lists get a share of the patience: single questions and guesses take their time as well.
        """
        if self.waited < LISTS * self.patience:
            return ""
        return (
            f"the device limits requests ({self.limit}), and this bench waits at most {LISTS * self.patience:g} s "
            "for lists of them: set a longer `patience_seconds` in the bench file"
        )


@dataclass
class DoorPaces:
    """The paces of all doors of a device, by TCP port."""

    patience: float = 60.0
    """The longest wait in seconds for one answer, and for a list of questions."""
    _paces: dict[int, DoorPace] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, port: int) -> DoorPace:
        """Return the pace of a port of the device."""
        with self._lock:
            return self._paces.setdefault(port, DoorPace(self.patience))
