"""The lockout: an account that was guessed at too often is refused for a moment, whatever the password.

It counts for each account and interface on its own, so that nobody locks out anybody else, and a name without an
account locks nothing.
"""

import threading
import time
from collections.abc import Callable

ATTEMPTS = 10
"""Failed logins of one account after which it is locked out."""
WINDOW_SECONDS = 60.0
"""Failed logins that are older do not count any more."""
LOCKED_SECONDS = 1.0

Key = tuple[str, str]
"""Interface and user."""


class Lockout:
    """Failed logins, and who is locked out until when (seconds of the monotonic clock)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[Key, list[float]] = {}
        self._until: dict[Key, float] = {}

    def locked(self, interface: str, user: str) -> bool:
        """Say whether an account is locked out now."""
        with self._lock:
            return self._clock() < self._until.get((interface, user), 0.0)

    def failed(self, interface: str, user: str) -> bool:
        """Count a failed login, and say whether this one locks the account out; during a lockout none counts."""
        key, now = (interface, user), self._clock()
        with self._lock:
            if now < self._until.get(key, 0.0):
                return False
            recent = [when for when in self._failures.get(key, []) if now - when < WINDOW_SECONDS]
            self._failures[key] = [*recent, now]
            if len(self._failures[key]) < ATTEMPTS:
                return False
            del self._failures[key]
            self._until[key] = now + LOCKED_SECONDS
            return True

    def succeeded(self, interface: str, user: str) -> None:
        """Forget the failed logins of an account that got in."""
        with self._lock:
            self._failures.pop((interface, user), None)
