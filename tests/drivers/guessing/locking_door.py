"""A door in memory for the tests of guesses: accounts, a lockout, and a clock that only attempts and waits move."""

from collections import Counter

from drivers.guessing.attempt import LoginAttempt
from trustprobe.probe import Answer

ATTEMPT_SECONDS = 0.25
REFUSED = LoginAttempt(Answer.REFUSED, "Login incorrect")


class LockingDoor:
    """Locks a key (an account, or everybody) for `seconds` at the n-th failure in a row; n of None never does."""

    interface = "ssh"

    def __init__(
        self, accounts: dict[str, str], attempts: int | None, seconds: float = 2.0, *, by_source: bool = False
    ) -> None:
        self.accounts = accounts
        self.attempts = attempts
        self.seconds = seconds
        self.by_source = by_source
        self.now = 0.0
        self.delay = 0.0
        """Further seconds that a refusal takes."""
        self.locked: list[str] = []
        """Who was locked out, in order."""
        self.tried: list[str] = []
        self._failures: Counter[str] = Counter()
        self._until: dict[str, float] = {}

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        self.now += ATTEMPT_SECONDS
        self.tried.append(user)
        key = "everybody" if self.by_source else user
        if self.now < self._until.get(key, 0.0):
            return REFUSED
        if self.accounts.get(user) == password:
            self._failures[key] = 0
            return LoginAttempt(Answer.SEEN, "a session opened")
        self.now += self.delay
        if user in self.accounts or self.by_source:
            self._failures[key] += 1
        if self.attempts is not None and self._failures[key] >= self.attempts:
            self._failures[key] = 0
            self._until[key] = self.now + self.seconds
            self.locked.append(key)
        return REFUSED
