"""A wide door in memory, for the tests of guesses that go on beside each other."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.guessing.attempt import LoginAttempt
from trustprobe.probe import Answer

REFUSED = LoginAttempt(Answer.REFUSED, "Login incorrect")
SILENT = LoginAttempt(Answer.SILENT, "no answer")
IN = LoginAttempt(Answer.SEEN, "a session opened")


class WideDoor:
    """Lets accounts in; `answers` may say something else first, given the number of ways open, user and attempts."""

    interface = "ssh"

    def __init__(
        self,
        accounts: dict[str, str],
        at_once: int,
        answers: Callable[["WideDoor", str, str], LoginAttempt | None] = lambda door, user, password: None,
    ) -> None:
        self.accounts = accounts
        self.at_once = at_once
        self.answers = answers
        self.open = self.most_open = 0
        self.tried: list[str] = []
        self.failed: Counter[str] = Counter()
        """Failed attempts of each user since his last valid one, and of everybody since any."""
        self.most_failed: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def way(self) -> Iterator["WideDoor"]:
        with self._lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            yield self
        finally:
            with self._lock:
                self.open -= 1

    def attempt(self, user: str, password: str) -> LoginAttempt:
        with self._lock:
            self.tried.append(user)
        if (other := self.answers(self, user, password)) is not None:
            return other
        with self._lock:
            if self.accounts.get(user) == password:
                self.failed[user] = self.failed["everybody"] = 0
                return IN
            for key in (user, "everybody"):
                self.failed[key] += 1
                self.most_failed[key] = max(self.most_failed[key], self.failed[key])
            return REFUSED
