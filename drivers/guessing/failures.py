"""The failed logins of a run: a device that counts them for hours counts those of all probes together."""

import threading
from collections import deque
from dataclasses import dataclass, field

MOST = 100_000
"""Failed logins that are kept."""


@dataclass
class FailedLogins:
    """When logins failed, by user name. Thread-safe."""

    _failed: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=MOST))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, user: str, when: float) -> None:
        """Note that a login failed at this time, in seconds of the monotonic clock."""
        with self._lock:
            self._failed.append((when, user))

    def since(self, when: float, user: str | None = None) -> list[float]:
        """Return when logins of a user, or of any if `user` is None, failed after this time. The oldest comes first."""
        with self._lock:
            return sorted(at for at, who in self._failed if at > when and user in (None, who))
