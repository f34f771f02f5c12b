"""How guesses stay below a declared lockout: who may be asked now, and when a valid login has to come before the next.

A valid login resets the count of an account that the bench has the password of. For other names nobody can reset it:
after as many guesses as lock an account out, a name rests for as long as the lockout lasts. Not thread-safe.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from lab_config.component import LockoutDeclaration

SPARE = 2
"""Failed logins that are left unused before a lockout: somebody else may have failed too."""


@dataclass
class GuessPace:
    """Counts guesses against a lockout, from when they are asked; without one, nothing ever waits."""

    lockout: LockoutDeclaration | None
    known: Collection[str]
    """The users whose count a valid login can reset."""
    clock: Callable[[], float] = time.monotonic
    patience: float = math.inf
    """The longest time in seconds that a name rests altogether."""
    _failures: Counter[str] = field(default_factory=Counter, init=False)
    _open: Counter[str] = field(default_factory=Counter, init=False)
    _rests: dict[str, float] = field(default_factory=dict, init=False)

    def may(self, user: str) -> bool:
        """Whether one more guess at this user stays below the lockout now."""
        if self.lockout is None:
            return True
        return not self.rests(user) and self._failures[self._key(user)] < self._most(user)

    def lacks(self, user: str, pending: int) -> float:
        """Return the seconds that a name has to rest before so many further guesses, if that is too long; else 0."""
        if self.lockout is None or self._is_reset(user) or not self.rests(user):
            return 0.0
        needed = self.lockout.seconds * math.ceil(pending / self.lockout.attempts)
        return needed if needed > self.patience else 0.0

    def rests(self, user: str) -> bool:
        """Whether as many guesses at this user failed as lock an account out, not long enough ago."""
        return self._rests.get(user, 0.0) > self.clock()

    def due(self, user: str) -> bool:
        """Whether a valid login has to come before the next guess at this user."""
        return self.lockout is not None and self._is_reset(user) and self._failures[self._key(user)] >= self._most(user)

    def rest(self, users: Iterable[str]) -> float | None:
        """Return the seconds until the first of these users may be asked again; None where none of them rests."""
        now = self.clock()
        left = [self._rests[user] - now for user in users if self.rests(user)]
        return min(left, default=None)

    def asked(self, user: str) -> None:
        """Count a guess that is on its way: it has failed until its answer says otherwise."""
        self._failures[self._key(user)] += 1
        self._open[self._key(user)] += 1

    def answered(self, user: str, *, got_in: bool) -> None:
        """Note how a guess ended; a name that nobody can reset begins to rest with its last one."""
        key = self._key(user)
        self._open[key] -= 1
        if got_in:
            self.succeeded(user)
            return
        if self.lockout is None or self._is_reset(user) or self._open[key]:
            return
        if self._failures[key] >= self._most(user):
            del self._failures[key]
            self._rests[user] = self.clock() + self.lockout.seconds

    def succeeded(self, user: str) -> None:
        """Reset the count of a user that got in, but for the guesses that are still on their way."""
        key = self._key(user)
        self._failures[key] = self._open[key]

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The known users with failed logins since their last valid one."""
        return tuple(user for user in self.known if self._failures[self._key(user)] and not self._by_source)

    @property
    def _by_source(self) -> bool:
        return self.lockout is not None and self.lockout.per == "source"

    def _is_reset(self, user: str) -> bool:
        return self._by_source or user in self.known

    def _most(self, user: str) -> int:
        """Return how many guesses may fail before a valid login, or a rest."""
        assert self.lockout is not None
        return max(1, self.lockout.attempts - SPARE) if self._is_reset(user) else self.lockout.attempts

    def _key(self, user: str) -> str:
        return "" if self._by_source else user
