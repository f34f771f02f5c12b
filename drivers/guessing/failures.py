"""The failed logins of a run: a device that counts them for hours counts those of all probes together."""

import math
import threading
from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field

MOST = 100_000
"""Failed logins that are kept, of all users and of each."""


@dataclass
class FailedLogins:
    """When logins failed, by user name. Thread-safe."""

    _failed: defaultdict[str | None, list[float]] = field(default_factory=lambda: defaultdict(list))
    """In the order of time; those of all users under None. Each guess looks here: nothing may scan or sort them."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, user: str, when: float) -> None:
        """Note that a login failed at this time, in seconds of the monotonic clock."""
        with self._lock:
            for times in (self._failed[user], self._failed[None]):
                insort(times, when)  # several threads note theirs: the last one is not always the newest
                del times[:-MOST]

    def since(self, when: float, user: str | None = None) -> list[float]:
        """Return when logins of a user, or of any if `user` is None, failed after this time. The oldest comes first."""
        with self._lock:
            times = self._failed.get(user, [])
            return times[bisect_right(times, when) :]

    def count(self, when: float, user: str | None = None) -> int:
        """Return how many logins of a user, or of any if `user` is None, failed after this time."""
        with self._lock:
            times = self._failed.get(user, [])
            return len(times) - bisect_right(times, when)

    def latest(self, nth: int, user: str | None = None) -> float:
        """Return when the nth last login of a user, or of any, failed: 1 is the last one. Long ago if there is none."""
        with self._lock:
            times = self._failed.get(user, [])
            return times[-nth] if 0 < nth <= len(times) else -math.inf
