"""How fast a sweep asks: gently at first, twice as fast while all goes well, half as fast when answers get lost.

A device that fell silent is tried a little faster after each calm while, until it falls silent once more: from then on
it is probed as fast as it tolerated. `course.py` defines a lost answer, and when a device rests.
"""

import time
from collections import deque
from collections.abc import Callable

START = 2_000
"""Questions a second in the beginning."""
FLOOR = 100
"""Questions a second that a sweep does not go below."""
CREDIT_SECONDS = 0.005
"""Lateness that is made up for; more would be a burst."""
CALM_SECONDS = 5.0
"""How long a device must have answered all before it is tried faster than what silenced it."""
_WINDOW_SECONDS = 0.1
_FIRST_WINDOW, _LEAST_WINDOW, _MOST_WINDOW = 64, 32, 1_000


class SweepPace:
    """Questions a second, at most `ceiling`."""

    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = min(ceiling, START)
        self.limit = ceiling
        """The pace that the device tolerates, as far as known: no faster."""
        self._floor = min(ceiling, FLOOR)
        self._ceiling, self._starting = ceiling, True
        self._calm_since: float | None = None
        self._borne = 0
        """The limit before the last try at a higher one."""
        self._is_known = False
        """Whether the limit has been found: nothing above it is tried any more."""
        self._clock, self._due = clock, clock()
        self._spent: deque[tuple[float, int]] = deque()

    def spend(self, questions: int) -> None:
        """Account for questions that were sent now."""
        now = self._clock()
        self._due = max(self._due, now - CREDIT_SECONDS) + questions / self.per_second
        self._spent.append((now, questions))
        while self._spent[0][0] < now - 1.0:
            self._spent.popleft()

    def wait(self) -> float:
        """Return the seconds until the next question may be sent, 0.0 if at once."""
        return max(0.0, self._due - self._clock())

    def rise(self) -> None:
        """Ask faster: twice as fast until the first loss, a twentieth faster after it."""
        faster = 2 * self.per_second if self._starting else self.per_second + self.per_second // 20 + 1
        if faster >= self.limit:
            self._try_more()
        self.per_second = min(self.limit, faster)

    def _try_more(self) -> None:
        """Raise the limit of a device that fell silent, when it has been calm for a while."""
        now = self._clock()
        if self._is_known or self._calm_since is None or now - self._calm_since < CALM_SECONDS:
            return
        self._borne, self._calm_since = self.limit, now
        self.limit = min(self._ceiling, self.limit * 3 // 2)

    def halve(self) -> None:
        """Ask half as fast, within reason."""
        self._starting = False
        if self._calm_since is not None:
            self._calm_since = self._clock()
        self.per_second = max(self._floor, self.per_second // 2)

    def hold(self) -> None:
        """Stay as fast as it is."""
        self._starting = False

    def silenced(self) -> None:
        """Continue at half the pace before the device became silent, at most the tolerated pace before the last try.

        Called when it answers again: from now on it must be calm for a while before it is tried faster.
        """
        before = sum(questions for _, questions in self._spent)
        if self._borne and not self._is_known:
            self.limit, self._is_known = self._borne * 9 // 10, True
        else:
            self.limit = min(self.limit * 3 // 4, before * 3 // 4)
        self.limit = max(self._floor, self.limit)
        self.per_second = max(self._floor, min(self.limit, before // 2))
        self._starting, self._calm_since = False, self._clock()
        self._spent.clear()

    @property
    def batch(self) -> int:
        """How many questions may be sent in one go: about two milliseconds' worth."""
        return max(1, min(64, self.per_second // 500))

    @property
    def window(self) -> int:
        """How many ports are asked between two questions to the canary: about a tenth of a second's worth."""
        if self._starting and self.per_second < self.limit:
            return _FIRST_WINDOW
        return max(_LEAST_WINDOW, min(_MOST_WINDOW, int(self.per_second * _WINDOW_SECONDS)))
