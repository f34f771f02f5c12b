"""One guess, one attempt to log in with it, and what an attempt is made on."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from trustprobe.probe import Answer, Asked


@dataclass(frozen=True)
class LoginAttempt:
    """How one attempt ended: SEEN is a proven login, REFUSED the device's own words, SILENT anything less."""

    answer: Answer
    detail: str
    picture: bytes = field(default=b"", repr=False)
    """What a browser showed after a login, as PNG."""
    stale: bool = False
    """The connection had served other attempts before, and ended under this one: worth another one on a fresh one."""
    unanswered: bool = False
    """The service said nothing to this attempt: no connection came about, or no octet of an answer."""
    connected: bool = True
    """False if no connection came about."""
    limited: bool = False
    """The device said in its own words, or by a status, that it limits attempts. It did not judge this password."""
    retry_after: float | None = None
    """Seconds after which the device lets attempts be made again, in its own words (RFC 9110, 10.2.3)."""
    without_login: bool = False
    """The interface asked for neither a user name nor a password."""
    passwordless: bool = False
    """The interface asked for a user name only."""

    @property
    def judged(self) -> Answer:
        """What the attempt says of its password: a connection that the port refused says nothing of it."""
        return Answer.SILENT if self.unanswered else self.answer

    @property
    def next_step(self) -> str:
        """What to do where this was a valid login of the bench: only a refusal is about its credentials."""
        if self.limited:
            return "Try again when the device no longer limits logins."
        if self.judged is Answer.REFUSED:
            return "Check the credentials in the bench file."
        return "The device did not refuse the credentials. Check how the declaration says to log in."


class LoginWay(Protocol):
    """What one attempt after the other can be made on."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in once, and leave no open session."""


class Door(Protocol):
    """An interface of the device that asks for a user name and a password."""

    @property
    def interface(self) -> str:
        """The declared interface: the id of a service, or `console`."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in once, and leave no open session."""


def login_at(door: Door) -> Asked:
    """Return the question that each attempt at a door is."""
    return Asked(door=door.interface, shape="a login")


@runtime_checkable
class HeldDoor(Protocol):
    """A door whose attempts are quicker while it is held open."""

    def held(self) -> AbstractContextManager[object]:
        """Keep the way to the door open in a `with` block."""


@runtime_checkable
class WideDoor(Protocol):
    """A door that several can try at once, each on a way of his own that is quicker than attempts one by one."""

    @property
    def at_once(self) -> int:
        """How many the bench lets try at once."""

    def way(self) -> AbstractContextManager[LoginWay]:
        """Open a way for one of them, in a `with` block."""


DERIVED = "derived"
"""The origin of a guess that follows from the identifiers of the sample."""


@dataclass(frozen=True)
class Pair:
    """A user name and a password that a list holds, and where it is from.

    `shown` stands for a password that is different on each sample, and names how it was made: `{serial}`.
    """

    user: str
    password: str = field(repr=False)
    """A derived one may be the sample's own."""
    origin: str
    shown: str = ""

    @property
    def about(self) -> str:
        """The name of this guess in an observation."""
        return f"{self.user}:{self.shown or self.password}"
