"""How guesses stay below a declared lockout: which one is next, and when a valid login has to come before it.

A valid login resets the count of an account that the bench has the password of. For other names nobody can reset it:
after as many guesses as lock an account out, a name rests for as long as the lockout lasts.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from lab_config.models import LockoutDeclaration

SPARE = 2
"""Failed logins that are left unused before a lockout: somebody else may have failed too."""


@dataclass
class Pace:
    """Counts failed logins against a lockout; without one, nothing ever waits."""

    lockout: LockoutDeclaration | None
    known: Collection[str]
    """The users whose count a valid login can reset."""
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    _failures: Counter[str] = field(default_factory=Counter, init=False)
    _rests: dict[str, float] = field(default_factory=dict, init=False)

    def next_of(self, users: list[str]) -> int:
        """Return the index of the first user that does not rest; waits where all of them do."""
        while True:
            now = self.clock()
            for index, user in enumerate(users):
                if self._rests.get(user, 0.0) <= now:
                    return index
            self.wait(min(self._rests[user] for user in users) - now)

    def due(self, user: str) -> bool:
        """Whether a valid login has to come before the next guess at this user."""
        if self.lockout is None or not (self._by_source or user in self.known):
            return False
        return self._failures[self._key(user)] >= max(1, self.lockout.attempts - SPARE)

    def failed(self, user: str) -> None:
        """Count a failed login."""
        key = self._key(user)
        self._failures[key] += 1
        if self.lockout is None or self._by_source or user in self.known:
            return
        if self._failures[key] >= self.lockout.attempts:
            del self._failures[key]
            self._rests[user] = self.clock() + self.lockout.seconds

    def succeeded(self, user: str) -> None:
        """Reset the count of a user that got in."""
        self._failures.pop(self._key(user), None)

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The known users with failed logins since their last valid one."""
        return tuple(user for user in self.known if self._failures[self._key(user)] and not self._by_source)

    @property
    def _by_source(self) -> bool:
        return self.lockout is not None and self.lockout.per == "source"

    def _key(self, user: str) -> str:
        return "" if self._by_source else user
