"""How guesses stay below declared lockouts: who may be asked now, and when a valid login has to come before the next.

A valid login resets the count of an account that the bench has the password of, if it resets any. Otherwise a name
rests until its failed logins no longer count. Below several lockouts, each of them must permit a guess. Not
thread-safe.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from drivers.guessing.failures import FailedLogins
from lab_config.account import LockoutDeclaration

SPARE = 2
"""Failed logins that are left unused before a lockout: somebody else may have failed too."""


@dataclass
class LockoutCount:
    """The failed logins that count for one lockout, by user name, or all together if it locks the address."""

    lockout: LockoutDeclaration
    known: Collection[str]
    """The users of whom the bench has the password. They, and its own address, must not be locked."""
    failed: FailedLogins
    _failures: Counter[str] = field(default_factory=Counter, init=False)
    """Since the last valid login, including those that are on their way."""
    _open: Counter[str] = field(default_factory=Counter, init=False)
    _rests: dict[str, float] = field(default_factory=dict, init=False)

    @property
    def is_of_source(self) -> bool:
        """Whether failed logins of all users count together."""
        return self.lockout.per == "source"

    def is_reset(self, user: str) -> bool:
        """Whether a valid login of this bench sets the count of a user to zero."""
        return self.lockout.is_reset and self._is_spared(user)

    def is_full(self, user: str, further: int = 1) -> bool:
        """Whether so many further logins of the user may not fail before a valid one."""
        count = self._failures[self._key(user)]
        return self.is_reset(user) and count + min(further, self.most(user)) > self.most(user)

    def most(self, user: str) -> int:
        """Return how many logins may fail before a valid login, or a rest."""
        return max(1, self.lockout.attempts - SPARE) if self._is_spared(user) else self.lockout.attempts

    def free_at(self, user: str, now: float) -> float:
        """Return when one more login of the user may fail, as far as only time decides it. In the past if now."""
        if self.is_reset(user):
            return -math.inf
        if self._counts_time:
            return self._drained(user, now)
        return self._rests.get(user, -math.inf)

    def may(self, user: str, now: float, further: int = 1) -> bool:
        """Whether so many further logins of the user may fail now, or as many as ever may."""
        count = self._failures[self._key(user)]
        if self._counts_time and not self.is_reset(user):
            known = self.failed.count(now - self.lockout.window, None if self.is_of_source else user)
            count = known + self._open[self._key(user)]
        return count + min(further, self.most(user)) <= self.most(user)

    def asked(self, user: str) -> None:
        """Count a login that is on its way: it has failed until its answer says otherwise."""
        self._failures[self._key(user)] += 1
        self._open[self._key(user)] += 1

    def answered(self, user: str, now: float) -> None:
        """Note that a login failed. A name whose count nothing but time resets begins to rest with its last one."""
        key = self._key(user)
        self._open[key] -= 1
        if self.is_reset(user) or self._counts_time or self._open[key]:
            return
        if self._failures[key] >= self.most(user):
            del self._failures[key]
            self._rests[user] = now + self.lockout.rest

    def succeeded(self, user: str, *, was_asked: bool) -> None:
        """Reset the count of a user that got in, but for the logins that are still on their way."""
        key = self._key(user)
        self._open[key] -= was_asked
        self._failures[key] = self._open[key]

    def is_unsettled(self, user: str) -> bool:
        """Whether logins of an account failed since its last valid one, and that one would reset them."""
        return not self.is_of_source and self.lockout.is_reset and self._failures[user] > 0

    def needed(self, user: str, pending: int) -> float:
        """Return the seconds of all rests that so many further failed logins take."""
        rest = self.lockout.window if self._counts_time and self._is_spared(user) else self.lockout.rest
        return rest * math.ceil(pending / self.most(user))

    @property
    def _counts_time(self) -> bool:
        """Whether a failed login counts until it is old, even if a valid one follows."""
        return self.lockout.within is not None or not self.lockout.is_reset

    def _drained(self, user: str, now: float) -> float:
        """Return when fewer logins count than may fail: one less for what must not be locked, none for other names."""
        window, most = self.lockout.window, self.most(user)
        whose = None if self.is_of_source else user
        if not self._is_spared(user):
            full = self.failed.latest(most, whose) > now - self.lockout.rest
            return self.failed.latest(1, whose) + self.lockout.rest if full else -math.inf
        last = self.failed.latest(most - self._open[self._key(user)], whose)
        return last + window if last > now - window else -math.inf

    def _is_spared(self, user: str) -> bool:
        return self.is_of_source or user in self.known

    def _key(self, user: str) -> str:
        return "" if self.is_of_source else user


@dataclass
class GuessPace:
    """Counts guesses against all lockouts, from when they are asked; without one, nothing ever waits."""

    lockouts: tuple[LockoutDeclaration, ...]
    known: Collection[str]
    """The users whose count a valid login can reset."""
    clock: Callable[[], float] = time.monotonic
    patience: float = math.inf
    """The longest time in seconds that a name rests altogether."""
    failed: FailedLogins = field(default_factory=FailedLogins)
    """The failed logins of the whole run."""
    _counts: tuple[LockoutCount, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        """Count for each lockout on its own."""
        self._counts = tuple(LockoutCount(one, self.known, self.failed) for one in self.lockouts)

    def may(self, user: str, further: int = 1) -> bool:
        """Whether one more guess at this user, or so many, stays below every lockout now."""
        now = self.clock()
        return not self.rests(user) and all(count.may(user, now, further) for count in self._counts)

    def lacks(self, user: str, pending: int, together: int) -> float:
        """Return the seconds that a name has to rest before `pending` further guesses, if that is too long; else 0.

        `together` are the pending guesses of all names: they all count if an address is locked.
        """
        now = self.clock()
        resting = [count for count in self._counts if count.free_at(user, now) > now]
        if not self.rests(user) or not resting:
            return 0.0
        needed = max(count.needed(user, together if count.is_of_source else pending) for count in resting)
        return needed if needed > self.patience else 0.0

    def rests(self, user: str) -> bool:
        """Whether so many guesses at this user failed, not long enough ago, that only time permits another one."""
        now = self.clock()
        return any(count.free_at(user, now) > now for count in self._counts)

    def due(self, user: str, further: int = 1) -> bool:
        """Whether a valid login has to come before the next guess at this user, or before so many."""
        return any(count.is_full(user, further) for count in self._counts)

    def rest(self, users: Iterable[str]) -> float | None:
        """Return the seconds until the first of these users may be asked again; None where none of them rests."""
        now = self.clock()
        resting = (user for user in users if self.rests(user))
        left = [max(count.free_at(user, now) for count in self._counts) - now for user in resting]
        return min(left, default=None)

    def asked(self, user: str) -> None:
        """Count a guess that is on its way: it has failed until its answer says otherwise."""
        for count in self._counts:
            count.asked(user)

    def answered(self, user: str, *, got_in: bool) -> None:
        """Note how a guess ended."""
        if got_in:
            for count in self._counts:
                count.succeeded(user, was_asked=True)
            return
        now = self.clock()
        self.failed.note(user, now)
        for count in self._counts:
            count.answered(user, now)

    def succeeded(self, user: str) -> None:
        """Reset the count of a user that got in, but for the guesses that are still on their way."""
        for count in self._counts:
            count.succeeded(user, was_asked=False)

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The known users with failed logins since their last valid one."""
        return tuple(user for user in self.known if any(count.is_unsettled(user) for count in self._counts))
