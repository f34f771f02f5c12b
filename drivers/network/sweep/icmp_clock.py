"""How often a device says by ICMP that a UDP port is closed: Linux does six times at once, then once a second.

A port that is probed in between gets no answer, and must not be mistaken for a silent port.
"""

from collections import deque
from statistics import median

FIRST_INTERVAL = 1.0
"""Seconds between two ICMP messages to one address, as Linux has it unless it is told otherwise (icmp_ratelimit)."""
_LEAST_INTERVAL, _MOST_INTERVAL = 0.05, 5.0
_GAPS_KEPT = 5
_MARGIN = 1.1


class IcmpClock:
    """Learns the interval from the device's own messages; times are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.interval = FIRST_INTERVAL
        self.heard = 0
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=_GAPS_KEPT)

    def hear(self, now: float) -> None:
        """Enter a message of the device."""
        self.heard += 1
        if self._last is not None and (gap := now - self._last) >= _LEAST_INTERVAL:
            self._gaps.append(gap)
            self.interval = min(_MOST_INTERVAL, median(self._gaps))
        self._last = now

    def is_due(self, now: float) -> bool:
        """Whether a closed port that is asked now would be heard."""
        return self._last is None or now - self._last >= _MARGIN * self.interval

    def pause(self, now: float) -> float:
        """Return the seconds until the next question is worth asking: short while an answer is due."""
        return min(0.1 if self.is_due(now) else 0.2, self.interval / 2)
