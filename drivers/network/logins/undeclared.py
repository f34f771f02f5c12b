"""Guessing at doors that nobody declared: no valid login is known, so each refusal must be in the device's own bytes.

A door says whether its protocol speaks at a port at all; a port that is closed, or where something else speaks, refuses
every guess. Declared doors are guessed at by `drivers.guessing.logins.GuessLogins`.
"""

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from drivers.guessing.attempt import DERIVED, Door, HeldDoor, LoginAttempt, Pair
from drivers.guessing.logins import Guesses
from drivers.network.sweep.canary import Canary
from drivers.network.target import Target
from trustprobe.probe import Answer, Fact, Recorder

AT_ONCE = 4
"""Guesses at a time: login programs wait for seconds after a wrong password."""
SILENCES = 8
"""Guesses without an answer in a row, after which no further one is made: each may take many seconds."""
MOST_REALMS = 3
"""Realms of one port that are guessed at."""
_ORDER = (Answer.SEEN, Answer.SILENT, Answer.REFUSED)


@dataclass(frozen=True)
class Knock:
    """Whether a protocol speaks at a door: SEEN with a login, REFUSED in the device's own bytes, SILENT otherwise."""

    answer: Answer
    detail: str
    realm: str = ""
    """What the login is for, where the protocol says so: doors of one realm take the same passwords."""
    connected: bool = True
    """False where the port took no connection."""


class OpenDoor(Door, Protocol):
    """A door that may not be there."""

    def knock(self) -> Knock:
        """See whether the protocol of this door speaks there, and asks for a password."""


@dataclass
class Corridor:
    """Doors of one port, such as the paths of a server, as one door: those that ask for a password, one a realm."""

    interface: str
    doors: tuple[OpenDoor, ...]
    _asking: tuple[OpenDoor, ...] = field(default=(), init=False)

    def knock(self) -> Knock:
        """Knock at each; a port that takes no connection, or where another protocol speaks, ends it."""
        asking: dict[str, OpenDoor] = {}
        said: list[Knock] = []
        for door in self.doors:
            said.append(knock := door.knock())
            if knock.answer is Answer.SEEN and len(asking) < MOST_REALMS:
                asking.setdefault(knock.realm, door)
            if not knock.connected or knock.answer is Answer.SILENT:
                break
        self._asking = tuple(asking.values())
        nobody = Knock(Answer.SILENT, "there is no door to probe")
        return min(said, key=lambda knock: _ORDER.index(knock.answer), default=nobody)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try each door that asked; the one that lets in counts first, then the one that says nothing."""
        if not self._asking:
            self.knock()
        tried = [door.attempt(user, password) for door in self._asking]
        silent = LoginAttempt(Answer.SILENT, "no door requires a password")
        return min(tried, key=lambda one: _ORDER.index(one.answer), default=silent)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the doors that can be held."""
        with ExitStack() as stack:
            for door in self._asking:
                if isinstance(door, HeldDoor):
                    stack.enter_context(door.held())
            yield


@dataclass(frozen=True)
class GuessUndeclared:
    """Try each pair on the doors of one kind that answer. `doors` are the usual ports, each named by its interface.

    Where none answers, the canary is the witness of the silence; where one does, its silence proves nothing.
    """

    kind: str
    target: Target
    doors: tuple[OpenDoor, ...]
    pairs: tuple[Pair, ...]
    canary: int | None

    @property
    def name(self) -> str:
        """One observation a kind."""
        return f"guess_logins.{self.kind}"

    def run(self, record: Recorder) -> Guesses:
        """Knock, and guess where somebody answers; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            knocks = list(pool.map(lambda door: door.knock(), self.doors))
        for door, knock in zip(self.doors, knocks, strict=True):
            record.note(f"{door.interface}: {knock.answer}: {knock.detail}")
        found = [door for door, knock in zip(self.doors, knocks, strict=True) if knock.answer is Answer.SEEN]
        anything = False
        if found:
            with ExitStack() as stack:
                for door in found:
                    if isinstance(door, HeldDoor):
                        stack.enter_context(door.held())
                anything = self._takes_anything(found, record)
                facts = self._guess_all(found, anything, record)
        else:
            silent = any(knock.answer is Answer.SILENT for knock in knocks)
            detail = "; ".join(f"{d.interface}: {k.detail}" for d, k in zip(self.doors, knocks, strict=True))[:1_500]
            answer = Answer.SILENT if silent else Answer.REFUSED
            facts = [Fact(about=pair.about, answer=answer, detail=detail) for pair in self.pairs]
        return Guesses(
            question=f"Does {self.kind} on an undeclared port accept one of {len(self.pairs)} well-known credentials?",
            facts=tuple(facts),
            witness=None if found else canary.witness(),
            interface=self.kind,
            accepts_anything=anything,
            derived=tuple(pair.about for pair in self.pairs if pair.origin == DERIVED),
        )

    def _takes_anything(self, doors: Sequence[OpenDoor], record: Recorder) -> bool:
        nonsense = [door.attempt("admin", secrets.token_urlsafe(12)) for door in doors]
        for door, attempt in zip(doors, nonsense, strict=True):
            record.note(f"{door.interface}: a nonsense password -> {attempt.answer}: {attempt.detail}")
        return any(attempt.answer is Answer.SEEN for attempt in nonsense)

    def _guess_all(self, doors: Sequence[OpenDoor], anything: bool, record: Recorder) -> list[Fact]:
        """Try each pair on each door; where one takes anything, one pair of each user shows it."""
        shown = {pair.user: pair for pair in self.pairs} if anything else {}
        silences = 0

        def guess(pair: Pair) -> Fact:
            nonlocal silences
            if silences >= SILENCES:
                return Fact(about=pair.about, answer=Answer.SILENT, detail="not tested: the device no longer answers")
            if shown and shown[pair.user] is not pair:
                return Fact(about=pair.about, answer=Answer.SILENT, detail="not tested: the door accepts any password")
            tried = [(door, door.attempt(pair.user, pair.password)) for door in doors]
            door, attempt = min(tried, key=lambda one: _ORDER.index(one[1].answer))
            silences = silences + 1 if attempt.answer is Answer.SILENT else 0
            return Fact(about=pair.about, answer=attempt.answer, detail=f"{door.interface}: {attempt.detail}"[:1_900])

        facts = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done, fact in enumerate(pool.map(guess, self.pairs), 1):
                record.progress(done, len(self.pairs), f"{self.kind}: {fact.about}")
                record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
                facts.append(fact)
        return facts
