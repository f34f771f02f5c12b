"""Guessing logins: one probe for every interface that asks for a user name and a password.

A door knows how one attempt is made on its interface (SSH, web form, serial console); the probe knows the controls that
make a refusal mean something: after each batch the valid credential must get in through the same code, and a nonsense
one must not. Whether a guess that got in is a failure is said by the cases.
"""

import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from drivers.pace import Pace
from drivers.probe import Answer, Fact, Observation, Recorder, Witness, all_of
from lab_config.models import LockoutDeclaration

BATCH = 10
"""Guesses between two controls."""


@dataclass(frozen=True)
class LoginAttempt:
    """How one attempt ended: SEEN is a proven login, REFUSED the device's own words, SILENT anything less."""

    answer: Answer
    detail: str
    picture: bytes = field(default=b"", repr=False)
    """What a browser showed after a login, as PNG."""


class Door(Protocol):
    """An interface of the device that asks for a user name and a password."""

    @property
    def interface(self) -> str:
        """The declared interface: the id of a service, or `console`."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in once, and leave no session behind."""


@runtime_checkable
class HeldDoor(Protocol):
    """A door whose attempts are quicker while it is held open."""

    def held(self) -> AbstractContextManager[object]:
        """Keep the way to the door open in a `with` block."""


DERIVED = "derived"
"""The origin of a guess that follows from the identifiers of the sample."""


@dataclass(frozen=True)
class Pair:
    """A user name and a password that a list holds, and where it is from.

    `shown` stands for a password that is different on each sample, and names how it was made: `{serial}`.
    """

    user: str
    password: str
    origin: str
    shown: str = ""

    @property
    def about(self) -> str:
        """The name of this guess in an observation."""
        return f"{self.user}:{self.shown or self.password}"


class Guesses(Observation):
    """What each guess came to; `about()` takes `user:password`."""

    interface: str
    accepts_anything: bool
    """A password that nobody can know got in: the interface checks no password."""
    derived: tuple[str, ...] = ()
    """The guesses among the facts that follow from the identifiers of the sample."""

    def of_user(self, user: str, *, derived: bool = False) -> "Guesses":
        """Narrow to the well-known guesses at one user name, or to the derived ones."""
        own = (fact.about for fact in self.facts if fact.about.split(":", 1)[0] == user)
        return self.about(*(about for about in own if (about in self.derived) is derived))


@dataclass(frozen=True)
class GuessLogins:
    """Try each pair on a door, with both controls after each batch. `valid` is a real credential of the bench.

    `others` are further real accounts of this door with their passwords. Below a declared `lockout` the guesses stay by
    a valid login in time; a name that no valid login is known for rests instead.
    """

    door: Door
    pairs: tuple[Pair, ...]
    valid_user: str
    valid_password: str
    lockout: LockoutDeclaration | None = None
    others: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """One observation an interface."""
        return f"guess_logins.{self.door.interface}"

    def run(self, record: Recorder) -> Guesses:
        """Guess, and control; stops early when a valid credential no longer gets in."""
        with self.door.held() if isinstance(self.door, HeldDoor) else nullcontext():
            anything, controls, answers = self._guess_all(record)
        facts = [answers.get(pair.about, self._unasked(pair)) for pair in self.pairs]
        return Guesses(
            question=f"Does {self.door.interface} accept one of {len(self.pairs)} well-known credentials?",
            facts=tuple(facts),
            witness=all_of(controls),
            interface=self.door.interface,
            accepts_anything=anything,
            derived=tuple(pair.about for pair in self.pairs if pair.origin == DERIVED),
        )

    def _guess_all(self, record: Recorder) -> tuple[bool, list[Witness], dict[str, Fact]]:
        pace = Pace(self.lockout, {self.valid_user, *self.others})
        nonsense = self.door.attempt(self.valid_user, secrets.token_urlsafe(12))
        record.note(f"control: a nonsense password -> {nonsense.answer}: {nonsense.detail}")
        controls = [self._control(self.valid_user, pace, record)]
        if self.lockout is not None:  # somebody may have failed before: start from a count of nought
            guessed = {pair.user for pair in self.pairs}
            controls += [self._control(user, pace, record) for user in self.others if user in guessed]
        pending, answers = list(self.pairs), dict[str, Fact]()
        if nonsense.answer is Answer.SEEN:  # it takes anything: one guess a user shows it
            pending = list({pair.user: pair for pair in self.pairs}.values())
        while pending and all(control.holds for control in controls):
            pair = pending.pop(pace.next_of([pair.user for pair in pending]))
            if pace.due(pair.user):
                controls.append(self._control(pair.user, pace, record))
            answers[pair.about] = self._guess(pair, pace, record)
            record.progress(len(answers), len(self.pairs), f"{self.door.interface}: {pair.user}")
            if not pending or len(answers) % BATCH == 0:
                controls.append(self._control(self.valid_user, pace, record))
        controls += [self._control(user, pace, record) for user in pace.unsettled]
        return nonsense.answer is Answer.SEEN, controls, answers

    def _guess(self, pair: Pair, pace: Pace, record: Recorder) -> Fact:
        attempt = self.door.attempt(pair.user, pair.password)
        (pace.succeeded if attempt.answer is Answer.SEEN else pace.failed)(pair.user)
        record.note(f"{pair.about} -> {attempt.answer}: {attempt.detail}")
        if attempt.picture:
            record.keep(f"{pair.about}.png", attempt.picture)
        return Fact(about=pair.about, answer=attempt.answer, detail=attempt.detail)

    def _control(self, user: str, pace: Pace, record: Recorder) -> Witness:
        """Log in with a valid credential, which resets the count of a lockout; an unknown user's is the valid one."""
        user = user if user in self.others else self.valid_user
        attempt = self.door.attempt(user, self.others.get(user, self.valid_password))
        record.note(f"control: the valid login of {user} -> {attempt.answer}: {attempt.detail}")
        if attempt.picture:
            record.keep(f"control-{user}.png", attempt.picture)
        holds = attempt.answer is Answer.SEEN
        if holds:
            pace.succeeded(user)
        words = "got in" if holds else f"did not get in ({attempt.answer}: {attempt.detail})"
        return Witness(what=f"the valid login of {user} on {self.door.interface} {words}", holds=holds)

    def _unasked(self, pair: Pair) -> Fact:
        return Fact(about=pair.about, answer=Answer.SILENT, detail="not asked: the valid login had stopped working")
