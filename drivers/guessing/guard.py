"""Guesses at doors without a known login, below the lockouts of the address that they come from.

Another door of the device may lock the same address. A valid login there resets the count, if one does.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt, LoginWay
from drivers.guessing.pace import GuessPace
from lab_config.account import LockoutDeclaration
from trustprobe.probe import Answer, Recorder

_POLL_SECONDS = 0.2
"""The longest wait before it is looked again whether a guess may be made."""
USED_UP = (
    "as many logins failed in a row as a declared lockout permits, and the bench has no valid login that ends the row: "
    "declare an account on one of the `interfaces` of this lockout, and add its password to `credentials` in the bench "
    "file"
)
"""Why no further guess is made if neither time nor a login resets a count."""


def reset_by_time(lockout: LockoutDeclaration) -> LockoutDeclaration:
    """Return how a lockout counts if the bench has no valid login: time ends a declared window, but no row."""
    ends = {} if lockout.within is not None or not lockout.is_reset else {"within": math.inf}
    return lockout.model_copy(update={"reset_by_login": False, **ends})


@dataclass
class AddressGuard:
    """Lets guesses pass one by one, so that the address is not locked. Thread-safe.

    `reset` makes a valid login at a door of the same lockouts. None if the bench has none.
    """

    pace: GuessPace
    record: Recorder
    reset: Callable[[], LoginAttempt] | None = None
    until: float = math.inf
    """No guess begins after this time, in seconds of the pace's clock."""
    stopped: str = field(default="", init=False)
    """Why no further guess is made."""
    _open: int = field(default=0, init=False)
    _unproved: set[tuple[str, str]] = field(default_factory=set, init=False)
    """The guesses since the last valid login, by user name and password: a lock may have refused them."""
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)

    def way(self, way: LoginWay, tries: int) -> LoginWay:
        """Return a way on which each attempt waits for its turn. It sends so many passwords per attempt."""
        return _GuardedWay(self, way, tries) if self.pace.lockouts else way

    def begin(self) -> None:
        """Log in before the first guess: the device may still count failed logins of earlier guesses at other doors."""
        with self._changed:
            if self.pace.lockouts and self.reset is not None:
                self._log_in()

    def end(self) -> frozenset[tuple[str, str]]:
        """Log in after the last guess, so that the device counts no failed login any longer.

        Return the guesses since the last valid login, by user name and password, if none succeeds after them.
        """
        with self._changed:
            if self._unproved and not self.stopped:
                self._log_in()
            return frozenset(self._unproved)

    def enter(self, user: str, tries: int) -> str:
        """Wait until so many logins may fail. Return why they may not, empty if they may; `leave` must follow then."""
        if any(tries >= lockout.attempts for lockout in self.pace.lockouts):
            return f"each guess sends {tries} passwords here, as many as trigger a declared lockout"
        with self._changed:
            while not self._refusal:
                if self.pace.may(user, tries):
                    for _ in range(tries):
                        self.pace.asked(user)
                    self._open += 1
                    return ""
                rest = self.pace.rest([user]) or 0.0
                if self.pace.due(user, tries) and not self._open:
                    self._log_in()
                elif math.isinf(rest) and not self._open:
                    self.stopped = USED_UP
                else:
                    self._changed.wait(min(_POLL_SECONDS, rest or _POLL_SECONDS))
            return self._refusal

    def leave(self, user: str, password: str, tries: int, *, got_in: bool) -> None:
        """Note how what had entered has ended."""
        with self._changed:
            if self.reset is not None:
                self._unproved.add((user, password))
            for _ in range(tries):
                self.pace.answered(user, got_in=got_in)
            self._open -= 1
            self._changed.notify_all()

    @property
    def _refusal(self) -> str:
        if not self.stopped and self.pace.clock() >= self.until:
            return "a declared lockout does not permit more guesses in this time: set a longer `patience_seconds`"
        return self.stopped

    def _log_in(self) -> None:
        """Reset the count of the address."""
        attempt = self.reset() if self.reset is not None else LoginAttempt(Answer.SILENT, "there is no valid login")
        self.record.note(f"control: a valid login at another door -> {attempt.answer}: {attempt.detail}")
        if attempt.answer is Answer.SEEN:
            self.pace.succeeded("")
            self._unproved.clear()
        else:
            self.stopped = f"the valid login at another door did not succeed ({attempt.answer}: {attempt.detail})"


@dataclass(frozen=True)
class _GuardedWay:
    guard: AddressGuard
    inner: LoginWay
    tries: int

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in when the lockouts permit it. SILENT if they do not in time."""
        if refusal := self.guard.enter(user, self.tries):
            return LoginAttempt(Answer.SILENT, f"not tested: {refusal}")
        got_in = False
        try:
            attempt = self.inner.attempt(user, password)
            got_in = attempt.answer is Answer.SEEN
        finally:
            self.guard.leave(user, password, self.tries, got_in=got_in)
        return attempt
