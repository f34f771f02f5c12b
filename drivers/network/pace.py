"""How fast the device lets one of its doors be asked: one pace for all probes of a run.

A server that answers 503 with Retry-After, or that refuses connections for a moment, is asked more slowly from then on,
by every later probe as well. One that answers 429 (RFC 6585) limits the path that was asked, as far as is known: only
this path becomes slower. The whole server does if another path that has nothing to do with it is limited as well, or if
`/` is limited with Retry-After. The pace becomes faster again as answers come.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trustprobe.probe import printable

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
RECENT_SECONDS = 60.0
"""Two paths are not limited each by itself if the wait for one ended within this time before the other's limit."""
PATHS_MOST = 64
"""Paths that are slowed down each by itself."""


@dataclass
class _Rhythm:
    """When the next request may be sent, to a whole server or to one path of it."""

    interval: float = 0.0
    next: float = -math.inf
    slowed_at: float = -math.inf
    last: float = -math.inf
    """When the last request is sent."""
    waited: float = 0.0
    """The seconds that this limit has cost all probes together."""
    limit: str = ""
    """What the device said last when it stated this limit."""

    def take_turn(self, now: float) -> float:
        """Return when a request may be sent. Requests that wait at the same time are one wait."""
        at = max(now, self.next)
        self.waited += max(0.0, at - max(now, self.last))
        if self.interval:
            self.next = at + self.interval
        self.last = at
        return at

    def ease(self) -> None:
        """Note an answer that is no limit."""
        self.interval *= _EASIER
        if self.interval < _LEAST_SECONDS:
            self.interval = 0.0

    def slow(self, sent: float, now: float) -> None:
        """Note that a request of this time was limited. Those sent before the last change say nothing about it."""
        if sent >= self.slowed_at:
            self.interval = min(max(FIRST_SECONDS, 2 * self.interval), MOST_SECONDS)
            self.slowed_at = now


@dataclass
class DoorPace:
    """The pace at one door. `patience` is the longest wait in seconds for one answer. Thread-safe."""

    patience: float = 60.0
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    _all: _Rhythm = field(default_factory=_Rhythm)
    _paths: dict[str, _Rhythm] = field(default_factory=dict)
    _limited_at: dict[str, float] = field(default_factory=dict)
    """Until when a path was limited last, as far as the bench waits for it."""
    _ended: dict[str, _Rhythm] = field(default_factory=dict)
    """The paths that were slowed down once, and are no longer."""
    _has_answered: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def limit(self) -> str:
        """What the device said last when it limited all requests; empty if it never did."""
        return self._all.limit

    @property
    def waited(self) -> float:
        """The seconds that limits of all requests have cost all probes together. Those of single paths do not count."""
        return self._all.waited

    def turn(self, path: str = "") -> float:
        """Wait until one more request of this path may be sent, and return the time at which it is."""
        with self._lock:
            now, own = self.clock(), self._paths.get(_plain(path))
            at = self._all.take_turn(now)
            if own is not None:  # what waits for its own path keeps no other one waiting
                at = own.take_turn(at)
        if at > now:
            self.wait(at - now)
        return at

    def answered(self, path: str = "") -> None:
        """Note an answer that is no limit."""
        with self._lock:
            self._has_answered = True
            self._all.ease()
            own = _plain(path)
            if (rhythm := self._paths.get(own)) is not None:
                rhythm.ease()
                if not rhythm.interval:
                    self._ended[own] = self._paths.pop(own)

    def limited(
        self, sent: float, words: str, retry_after: float | None = None, path: str = "", *, everywhere: bool = True
    ) -> bool:
        """Note that the request of this time was answered with a limit. Return whether the bench waits so long.

        `everywhere` if the answer is about the whole server, whatever its path.
        """
        with self._lock:
            now, own = self.clock(), _plain(path)
            slowed = self._all
            if not everywhere and self._is_alone(own, now) and not (own == "/" and retry_after is not None):
                slowed = self._paths.setdefault(own, self._ended.pop(own, _Rhythm()))
            slowed.limit = words
            slowed.slow(sent, now)
            pause = slowed.interval if retry_after is None else retry_after
            recent = {other: at for other, at in self._limited_at.items() if at > now - RECENT_SECONDS}
            self._limited_at = recent | {own: now + min(pause, self.patience)}  # the next limit comes after the wait
            if pause <= self.patience:
                slowed.next = max(slowed.next, now + pause)
            return pause <= self.patience

    def refused(self, times: int) -> bool:
        """Note that a connection was refused so many times in a row. Return whether it is worth another try.

        A port that never answered is closed, and so is one that goes on refusing.
        """
        with self._lock:
            again = self._has_answered and times <= REFUSALS
            if again:
                self._all.next = max(self._all.next, self.clock() + FIRST_SECONDS * 2 ** (times - 1))
            self._has_answered = again
            return again

    def _is_alone(self, path: str, now: float) -> bool:
        """Whether nothing but this path, and those within it or above it, was limited lately."""
        if self._all.interval > 0 or len(self._paths) >= PATHS_MOST:
            return False
        others = [other for other, at in self._limited_at.items() if at > now - RECENT_SECONDS]
        return all(_within(path, other) or _within(other, path) for other in others)

    @property
    def exhausted(self) -> str:
        """Why no long list of questions is asked at this door any more; empty as long as the bench is patient.

        Lists get a share of the patience: single questions and guesses take their time as well.
        """
        return self._used_up("requests", self._all)

    def exhausted_at(self, path: str) -> str:
        """Why no long list of questions is asked at this path any more: because of all requests, or of its own."""
        own = _plain(path)
        with self._lock:
            slowed = self._paths.get(own) or self._ended.get(own)
        return self.exhausted or ("" if slowed is None else self._used_up(f"requests of {printable(own, 200)}", slowed))

    def _used_up(self, what: str, slowed: _Rhythm) -> str:
        if slowed.waited < LISTS * self.patience:
            return ""
        return (
            f"the device limits {what} ({slowed.limit}), and this bench waits at most {LISTS * self.patience:g} s "
            "for lists of them: set a longer `patience_seconds` in the bench file"
        )


def _plain(path: str) -> str:
    """Return a path without its query and without a slash at its end."""
    return path.partition("?")[0].partition("#")[0].rstrip("/") or "/"


def _within(path: str, folder: str) -> bool:
    """Whether a path is another one, or below it. Everything is below `/`, which says nothing."""
    return path == folder or (folder != "/" and path.startswith(f"{folder}/"))


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
