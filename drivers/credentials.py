"""Guessing logins: one probe for every interface that asks for a user name and a password.

A door knows how one attempt is made on its interface (SSH, web form, serial console); the probe knows the controls that
make a refusal mean something: after each batch the valid credential must get in through the same code, and a nonsense
one must not. Whether a guess that got in is a failure is said by the cases.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers.probe import Answer, Fact, Observation, Recorder, Witness, all_of

BATCH = 10
"""Guesses between two controls."""


@dataclass(frozen=True)
class LoginAttempt:
    """How one attempt ended: SEEN is a proven login, REFUSED the device's own words, SILENT anything less."""

    answer: Answer
    detail: str


class Door(Protocol):
    """An interface of the device that asks for a user name and a password."""

    @property
    def interface(self) -> str:
        """The declared interface: the id of a service, or `console`."""

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in once, and leave no session behind."""


@dataclass(frozen=True)
class Pair:
    """A user name and a password that a list holds, and where it is from."""

    user: str
    password: str
    origin: str

    @property
    def about(self) -> str:
        """The name of this guess in an observation."""
        return f"{self.user}:{self.password}"


class Guesses(Observation):
    """What each guess came to; `about()` takes `user:password`."""

    interface: str
    accepts_anything: bool
    """A password that nobody can know got in: the interface checks no password."""

    def of_user(self, user: str) -> "Guesses":
        """Narrow to the guesses at one user name."""
        return self.about(*(fact.about for fact in self.facts if fact.about.split(":", 1)[0] == user))


@dataclass(frozen=True)
class GuessLogins:
    """Try each pair on a door, with both controls after each batch. `valid` is a real credential of the bench."""

    door: Door
    pairs: tuple[Pair, ...]
    valid_user: str
    valid_password: str

    @property
    def name(self) -> str:
        """One observation an interface."""
        return f"guess_logins.{self.door.interface}"

    def run(self, record: Recorder) -> Guesses:
        """Guess, and control; stops early when the valid credential no longer gets in."""
        facts: list[Fact] = []
        anything, control = self._controls(record)
        controls: list[Witness] = [control]
        for start in range(0, len(self.pairs), BATCH):
            if not controls[-1].holds:
                break
            facts.extend(self._guess(self.pairs[start : start + BATCH], start, record))
            controls.append(self._control(record))
        facts.extend(
            Fact(about=pair.about, answer=Answer.SILENT, detail="not asked: the valid login had stopped working")
            for pair in self.pairs[len(facts) :]
        )
        return Guesses(
            question=f"Does {self.door.interface} accept one of {len(self.pairs)} well-known credentials?",
            facts=tuple(facts),
            witness=all_of(controls),
            interface=self.door.interface,
            accepts_anything=anything,
        )

    def _guess(self, batch: Sequence[Pair], start: int, record: Recorder) -> list[Fact]:
        facts = []
        for number, pair in enumerate(batch, start=start + 1):
            record.progress(number, len(self.pairs), f"{self.door.interface}: {pair.user}")
            attempt = self.door.attempt(pair.user, pair.password)
            record.note(f"{pair.about} -> {attempt.answer}: {attempt.detail}")
            facts.append(Fact(about=pair.about, answer=attempt.answer, detail=attempt.detail))
        return facts

    def _control(self, record: Recorder) -> Witness:
        attempt = self.door.attempt(self.valid_user, self.valid_password)
        record.note(f"control: the valid login of {self.valid_user} -> {attempt.answer}: {attempt.detail}")
        holds = attempt.answer is Answer.SEEN
        words = "got in" if holds else f"did not get in ({attempt.answer}: {attempt.detail})"
        return Witness(what=f"the valid login of {self.valid_user} on {self.door.interface} {words}", holds=holds)

    def _controls(self, record: Recorder) -> tuple[bool, Witness]:
        """Try the valid login, and a password made for this run that nobody can know."""
        nonsense = self.door.attempt(self.valid_user, secrets.token_urlsafe(12))
        record.note(f"control: a nonsense password -> {nonsense.answer}: {nonsense.detail}")
        return nonsense.answer is Answer.SEEN, self._control(record)
