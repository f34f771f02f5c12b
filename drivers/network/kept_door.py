"""A door of the network at which attempts follow each other over one connection, while the device keeps it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from drivers.guessing.attempt import LoginAttempt, LoginWay
from drivers.network.target import Target


class KeptWay(LoginWay, Protocol):
    """Attempts one after the other, over the connection that is open or over another one."""

    def close(self) -> None:
        """Close the connection, if one is open."""


class KeptDoor(ABC):
    """What such doors share. Implements `drivers.guessing.attempt.Door` and `WideDoor`."""

    target: Target

    @property
    def at_once(self) -> int:
        """How many logins the bench lets be tried at once."""
        return self.target.bench.logins_at_once

    @abstractmethod
    def new_way(self) -> KeptWay:
        """Return a way without a connection."""

    @contextmanager
    def way(self) -> Iterator[LoginWay]:
        """Open a way for attempts one after the other, in a `with` block."""
        way = self.new_way()
        try:
            yield way
        finally:
            way.close()

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once, over a connection of its own. BenchError only where this machine cannot send."""
        with self.way() as way:
            return way.attempt(user, password)
