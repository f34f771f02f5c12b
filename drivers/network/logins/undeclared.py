"""Guessing at doors that nobody declared: no valid login is known, so each refusal must be in the device's own bytes.

A door says whether its protocol speaks at a port at all; a port that is closed, or where something else speaks, refuses
every guess. Declared doors are guessed at by `drivers.guessing.logins.GuessLogins`.
"""

import math
import secrets
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from drivers.guessing.attempt import DERIVED, Door, HeldDoor, LoginAttempt, LoginWay, Pair, WideDoor
from drivers.guessing.failures import FailedLogins
from drivers.guessing.guard import AddressGuard, reset_by_time
from drivers.guessing.limit import wait_of
from drivers.guessing.logins import Guesses
from drivers.guessing.pace import GuessPace
from drivers.guessing.plan import ANYTHING, LIMIT_SECONDS, RETRY_SECONDS
from drivers.network.sweep.canary import Canary, asked_at
from drivers.network.target import Target
from lab_config.account import LockoutDeclaration
from trustprobe.probe import Answer, Fact, Recorder

AT_ONCE = 4
"""Guesses at a time: login programs wait for seconds after a wrong password."""
SILENCES = 8
"""Guesses without an answer in a row, after which no further one is made: each may take many seconds."""
_WIDTHS = (64, 2)
"""The most at once, and the most at once for what got no answer before."""
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
    answered: bool = True
    """False where nothing came that the protocol can be told from."""
    everywhere: bool = False
    """Whether each other door of the port answers in the same way, so that it need not be tried."""


class OpenDoor(Door, Protocol):
    """A door that may not be there."""

    def knock(self) -> Knock:
        """See whether the protocol of this door speaks there, and asks for a password."""


@dataclass
class Corridor:
    """Doors of one port, such as the paths of a server, as one door: those that ask for a password, one a realm."""

    interface: str
    doors: tuple[OpenDoor, ...]
    own: OpenDoor | None = None
    """A door of the same port at which another probe guesses. What requires a password of its realm is left to it."""
    _asking: tuple[OpenDoor, ...] = field(default=(), init=False)

    def knock(self) -> Knock:
        """Knock at each; a port that takes no connection, or where another protocol speaks, ends it."""
        asking: dict[str, OpenDoor] = {}
        said: list[Knock] = []
        realm = self._own_realm()
        for door in self.doors:
            knock = door.knock()
            if knock.answer is Answer.SEEN and realm and knock.realm == realm:
                words = f"{knock.detail} of the same realm as the declared path, at which passwords are guessed"
                knock = replace(knock, answer=Answer.REFUSED, detail=words)
            said.append(knock)
            if knock.answer is Answer.SEEN and len(asking) < MOST_REALMS:
                asking.setdefault(knock.realm, door)
            if knock.everywhere or not (knock.connected and knock.answered):
                break
        self._asking = tuple(asking.values())
        nobody = Knock(Answer.SILENT, "there is no door to probe")
        return min(said, key=lambda knock: _ORDER.index(knock.answer), default=nobody)

    def _own_realm(self) -> str:
        """Return the realm whose passwords another probe guesses; empty if the own door names none (RFC 9110, 11.5)."""
        if self.own is None or (knock := self.own.knock()).answer is not Answer.SEEN:
            return ""
        return knock.realm if knock.realm.partition(" ")[2] else ""

    @property
    def at_once(self) -> int:
        """How many try at once, each on ways of its own."""
        return AT_ONCE

    @property
    def tries(self) -> int:
        """How many passwords one attempt sends: one to each door that asked."""
        return max(1, len(self._asking))

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try each door that asked; the one that lets in counts first, then the one that says nothing."""
        if not self._asking:
            self.knock()
        return _Passage(self._asking).attempt(user, password)

    @contextmanager
    def way(self) -> Iterator[LoginWay]:
        """Open a way through each door that asked, in a `with` block."""
        with ExitStack() as stack:
            yield _Passage([_way(door, stack) for door in self._asking])

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the doors that can be held."""
        with ExitStack() as stack:
            for door in self._asking:
                if isinstance(door, HeldDoor):
                    stack.enter_context(door.held())
            yield


@dataclass(frozen=True)
class _Passage:
    """One way through each door of a corridor."""

    ways: Sequence[LoginWay]

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try each; the one that lets in counts first, then the one that says nothing."""
        tried = [way.attempt(user, password) for way in self.ways]
        silent = LoginAttempt(Answer.SILENT, "no door requires a password")
        return min(tried, key=lambda one: _ORDER.index(one.judged), default=silent)


@dataclass(frozen=True)
class GuessUndeclared:
    """Try each pair on the doors of one kind that answer. `doors` are the usual ports, each named by its interface.

    The canary is the witness for ports that accept no connection. The silence of an open port proves nothing.
    """

    kind: str
    target: Target
    doors: tuple[OpenDoor, ...]
    pairs: tuple[Pair, ...]
    canary: int | None
    where: str = ""
    """What distinguishes these doors from the usual ones of their kind."""
    patience: float = math.inf
    """How long in seconds guesses begin. Those that are left out are open."""
    lockouts: tuple[LockoutDeclaration, ...] = ()
    """Those that are declared to lock the address at one of these doors."""
    valid: Callable[[], LoginAttempt] | None = field(default=None, repr=False, compare=False)
    """A valid login at another door of these lockouts, which resets their counts."""
    failed: FailedLogins = field(default_factory=FailedLogins, repr=False, compare=False)
    """The failed logins of the whole run."""
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait, repr=False, compare=False)

    @property
    def name(self) -> str:
        """One observation a kind, and a further one for other doors."""
        return f"guess_logins.{self.kind}{self.where}"

    def run(self, record: Recorder) -> Guesses:
        """Knock, and guess where somebody answers; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            knocks = list(pool.map(lambda door: door.knock(), self.doors))
        for door, knock in zip(self.doors, knocks, strict=True):
            record.note(f"{door.interface}: {knock.answer}: {knock.detail}")
        found = [door for door, knock in zip(self.doors, knocks, strict=True) if knock.answer is Answer.SEEN]
        silent = [(d, k) for d, k in zip(self.doors, knocks, strict=True) if k.answer is Answer.SILENT]
        mute = next((door for door, knock in silent if knock.connected), None)
        asked = asked_at(mute.interface if mute else "", f"a {self.kind} login", connected=mute is not None)
        nonsense: dict[str, LoginAttempt] = {}
        detail = "; ".join(f"{d.interface}: {k.detail}" for d, k in zip(self.doors, knocks, strict=True))[:1_500]
        answer = Answer.SILENT if silent else Answer.REFUSED
        facts = [Fact(about=pair.about, answer=answer, detail=detail, asked=asked) for pair in self.pairs]
        passwordless, at = set[str](), dict[str, tuple[str, ...]]()
        if found:
            with ExitStack() as stack:
                for door in found:
                    if isinstance(door, HeldDoor):
                        stack.enter_context(door.held())
                guard = self._guard(record)
                guard.begin()
                nonsense = self._nonsense(found, guard, record)
                open_ = any(one.answer is Answer.SEEN for one in nonsense.values())
                refused = frozenset(name for name, one in nonsense.items() if one.answer is Answer.REFUSED)
                guessed = self._guess_all(found, open_, refused, passwordless, at, guard)
                guessed = self._proved(guessed, guard.end())
            # a port that says nothing is a door as well: what another one refuses proves nothing about it
            facts = [
                known if one.answer is Answer.REFUSED and mute else one
                for one, known in zip(guessed, facts, strict=True)
            ]
        got_in = [one for one in nonsense.values() if one.answer is Answer.SEEN]
        return Guesses(
            question=f"Does {self.kind} accept one of {len(self.pairs)} known passwords where no account is declared?",
            facts=tuple(facts),
            witness=canary.witness() if silent and not mute else None,
            interface=self.kind,
            accepts_anything=bool(got_in),
            without_login=any(one.without_login for one in got_in),
            passwordless=tuple(sorted(passwordless)),
            at=at,
            derived=tuple(pair.about for pair in self.pairs if pair.origin == DERIVED),
        )

    def _guard(self, record: Recorder) -> AddressGuard:
        """Return what keeps the guesses below the lockouts. Without a valid login, only time resets their counts."""
        known = self.lockouts if self.valid is not None else tuple(map(reset_by_time, self.lockouts))
        pace = GuessPace(known, (), failed=self.failed)
        reset = None if self.valid is None else partial(self._reset, self.valid, record)
        return AddressGuard(pace, record, reset, pace.clock() + self.patience)

    def _reset(self, valid: Callable[[], LoginAttempt], record: Recorder) -> LoginAttempt:
        """Make a valid login, and again if no answer came or the device limits logins: no further guess without one."""
        attempt, left = valid(), min(self.patience, LIMIT_SECONDS)
        for number, seconds in enumerate(RETRY_SECONDS, start=1):
            wait = wait_of(attempt.retry_after, number, seconds) if attempt.limited else seconds
            left -= wait
            if attempt.judged is not Answer.SILENT or left < 0:
                break
            record.note(f"a valid login at another door -> {attempt.detail}: tried again after {wait:.0f} s")
            self.wait(wait)
            attempt = valid()
        return attempt

    def _nonsense(self, doors: Sequence[OpenDoor], guard: AddressGuard, record: Recorder) -> dict[str, LoginAttempt]:
        """Try a password that nobody can know at each door."""
        ways = {door.interface: guard.way(door, _tries(door)) for door in doors}
        nonsense = {name: way.attempt("admin", secrets.token_urlsafe(12)) for name, way in ways.items()}
        for name, attempt in nonsense.items():
            record.note(f"{name}: a nonsense password -> {attempt.answer}: {attempt.detail}")
        return nonsense

    def _proved(self, facts: Sequence[Fact], unproved: Collection[tuple[str, str]]) -> list[Fact]:
        """Return the facts; a refusal is open if no valid login succeeded after it. A lock may have refused it."""
        why = "a lockout may have refused it, because the valid login at another door did not succeed afterwards"
        return [
            fact.model_copy(update={"answer": Answer.SILENT, "detail": f"{why}: {fact.detail}"[:1_900]})
            if fact.answer is Answer.REFUSED and (pair.user, pair.password) in unproved
            else fact
            for pair, fact in zip(self.pairs, facts, strict=True)
        ]

    def _guess_all(
        self,
        doors: Sequence[OpenDoor],
        anything: bool,
        refused: frozenset[str],
        passwordless: set[str],
        at: dict[str, tuple[str, ...]],
        guard: AddressGuard,
    ) -> list[Fact]:
        """Try each pair on each door; where one takes anything, one pair of each user shows it.

        `refused` are the doors that refused a random password at first.
        What gets no answer is tried again, by fewer at once.
        """
        shown = {pair.user: pair for pair in self.pairs} if anything else {}
        facts: dict[str, Fact] = {}
        for pair in self.pairs:
            if shown and shown[pair.user] is not pair:
                detail = "not tested: the door accepts any password"
                facts[pair.about] = Fact(about=pair.about, answer=Answer.SILENT, detail=detail)
        left = [pair for pair in self.pairs if pair.about not in facts]
        for width in _WIDTHS:
            for pair, tried in self._try(doors, left, min(width, self._at_once(doors)), refused, guard):
                best = min((attempt.judged for _, attempt in tried), key=_ORDER.index, default=Answer.SILENT)
                said = [(door, attempt) for door, attempt in tried if attempt.judged is best]
                if best is Answer.SEEN:
                    at[pair.about] = tuple(door.interface for door, _ in said)
                if any(one.passwordless for _, one in tried):
                    passwordless.add(pair.user)
                detail = "; ".join(f"{door.interface}: {attempt.detail}" for door, attempt in said)
                detail = detail or self._left_out(guard)
                facts[pair.about] = Fact(about=pair.about, answer=best, detail=detail[:1_900])
                guard.record.note(f"{pair.about} -> {best}: {detail}")
            left = [pair for pair in left if facts[pair.about].answer is Answer.SILENT]
            if not left or len(left) == len(self.pairs):
                break
        return [facts[pair.about] for pair in self.pairs]

    def _left_out(self, guard: AddressGuard) -> str:
        if guard.stopped:
            return f"not tested: {guard.stopped}"
        if guard.pace.clock() < guard.until:
            return "not tested: the device no longer answers"
        return f"not tested within {self.patience:g} s: set a longer `patience_seconds` in the bench file"

    def _at_once(self, doors: Sequence[OpenDoor]) -> int:
        """Return how many may try at once: the bench's limit where a door is wide, else AT_ONCE."""
        return max([AT_ONCE, *(door.at_once for door in doors if isinstance(door, WideDoor))])

    def _try(
        self,
        doors: Sequence[OpenDoor],
        pairs: Sequence[Pair],
        width: int,
        refused: frozenset[str],
        guard: AddressGuard,
    ) -> list[tuple[Pair, list[tuple[OpenDoor, LoginAttempt]]]]:
        """Try pairs by so many at once, each on ways of its own, as long as the guard lets guesses pass.

        After SILENCES in a row without an answer, no further one is tried.
        """
        waiting, results = deque(pairs), dict[str, list[tuple[OpenDoor, LoginAttempt]]]()
        silences = 0

        def work() -> None:
            nonlocal silences
            with ExitStack() as stack:
                ways = [(door, guard.way(_way(door, stack), _tries(door))) for door in doors]
                while silences < max(SILENCES, width) and not guard.stopped and guard.pace.clock() < guard.until:
                    try:
                        pair = waiting.popleft()
                    except IndexError:
                        return
                    tried = [(door, _tried(way, pair, doubted=door.interface in refused)) for door, way in ways]
                    silent = all(attempt.judged is Answer.SILENT for _, attempt in tried)
                    silences = silences + 1 if silent else 0
                    results[pair.about] = tried
                    guard.record.progress(len(results), len(pairs), f"{self.kind}: {pair.about}")

        with ThreadPoolExecutor(width) as pool:
            for one in [pool.submit(work) for _ in range(min(width, len(pairs)))]:
                one.result()
        return [(pair, results.get(pair.about, [])) for pair in pairs]


def _tries(door: OpenDoor) -> int:
    """Return how many passwords one attempt at a door sends."""
    return door.tries if isinstance(door, Corridor) else 1


def _way(door: OpenDoor, stack: ExitStack) -> LoginWay:
    return stack.enter_context(door.way()) if isinstance(door, WideDoor) else door


def _tried(way: LoginWay, pair: Pair, *, doubted: bool) -> LoginAttempt:
    """Guess once. If `doubted`, a random password was refused at first, and it must not get in now either."""
    attempt = way.attempt(pair.user, pair.password)
    if not doubted or attempt.answer is not Answer.SEEN or attempt.passwordless:
        return attempt
    random = way.attempt("admin", secrets.token_urlsafe(12))
    if random.answer is not Answer.SEEN:
        return attempt
    return replace(attempt, answer=Answer.SILENT, detail=f"it {ANYTHING} ({random.detail})")
