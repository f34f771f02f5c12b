"""How fast one account can be guessed at: wrong passwords in a row, and what the device does about them.

Works on every door of `logins.py`. Whether a lock or a delay is enough is said by the cases.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from drivers.guessing.attempt import Door, LoginAttempt, login_at
from drivers.guessing.crowd import EACH, WIDTH, Crowd, guess_in_parallel
from drivers.guessing.failures import FailedLogins
from drivers.guessing.room import Room
from lab_config.account import LockoutDeclaration
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition

POLL_SECONDS = 0.2
"""Between two tries of the valid login while the account is locked."""
SILENCES = 2
"""Wrong passwords without an answer in a row, after which no further one is tried."""
PATIENCE_SECONDS = 30.0
"""How long a lock whose end is not declared is waited for."""
LOST = "the valid login got no answer once and then succeeded: an answer was lost, or a ban was short"
"""This is not a lock: a busy device or a broken connection looks the same for one attempt."""
AWAY = "neither the valid login nor any other client got an answer: a silent ban, or a device that was not reachable"
"""This is not a lock unless the door answers another client meanwhile."""
ELSEWHERE = (
    "add `other_source: ADDRESS`, a second address of this machine, to `network` in the bench file to distinguish them"
)
UNANSWERED = "the last wrong password got no answer, but the valid login succeeded at once: a lost answer, or a delay"
"""This is not a delay: the measured time is our own time-out."""
PARALLEL_SLACK = 1.5
"""So many times the rate that a delay allows is more than several connections at once may reach by chance."""
RESTART_SPARE = 2.0
"""Seconds beyond the end of a lock that each attempt restarts: devices count whole seconds."""
POLL_MOST = 5.0
"""The longest pause between two tries of the valid login, if the device says that it limits attempts."""
RETRY_MOST = 600.0
"""Seconds of a limit in the device's own words that are waited for."""


class Guessing(Observation):
    """What limits the guesses, in seconds and attempts per second.

    Facts: `limit` (a lock or a delay), `rate_before` and `rate_after`, `delay` (how long a wrong password takes at
    first and at last), `back_in` (when the valid login got in again), and while an account is turned away `others`
    (another account, from here) and `elsewhere` (the same account from another address), as far as the bench has them.
    """

    attempts: int
    """Wrong passwords that were tried in a row."""
    rate_before: float
    """Attempts per second until the limit."""
    rate_after: float
    """Attempts per second that the limit allows in the long run. Without a limit, it is the same as before."""
    locked_seconds: float | None = None
    """From the last wrong password to the next valid login; None where the account was not locked."""
    rate_parallel: float | None = None
    """Wrong passwords per second over several connections at once; None where that was not measured."""
    delays: tuple[float, float] = (0.0, 0.0)
    """Seconds that the first and the last wrong password took."""
    locked_what: Literal["account", "source"] | None = None
    """What was seen to be locked; None where nothing was, or where the bench could not tell."""
    accepts_anything: bool = False
    """The first wrong password got in: the interface checks no password, so none has to be guessed."""


@dataclass(frozen=True)
class _Tried:
    """A row of wrong passwords: how each ended, and how long it took in seconds."""

    outcomes: tuple[LoginAttempt, ...]
    seconds: tuple[float, ...]

    @property
    def rate(self) -> float:
        return len(self.seconds) / max(sum(self.seconds), 1e-6)

    @property
    def first(self) -> float:
        return self.seconds[0] if self.seconds else 0.0

    @property
    def last(self) -> float:
        return self.seconds[-1] if self.seconds else 0.0

    @property
    def is_unanswered(self) -> bool:
        return bool(self.outcomes) and _is_mute(self.outcomes[-1]) and not self.outcomes[-1].limited

    def delay(self) -> Fact:
        """Say how the time that a wrong password takes grew."""
        detail = f"wrong password 1 took {self.first:.3f} s, wrong password {len(self.seconds)} took {self.last:.3f} s"
        return Fact(about="delay", answer=Answer.SEEN if self.seconds else Answer.SILENT, detail=detail)


@dataclass(frozen=True)
class MeasureGuessing:
    """Try `attempts` wrong passwords of one account, then the right one, until it gets in again.

    A lock counts when the right password is turned away after the wrong ones and gets in later; a delay when the
    last wrong password took `least_seconds`, and several connections at once get no further (`crowd.py`).
    `lock_seconds` is how long the lock is declared to last, None where it is not. Where nothing answers it, it is
    tried once more at once, and again once the door has answered somebody else; if it then gets in, or nobody else
    is answered, nothing is proved. Nor is it where the last wrong password got no answer. Witness: the right
    password gets in before and afterwards, and the wrong ones do not.
    """

    door: Door
    user: str
    password: str = field(repr=False)
    attempts: int
    least_seconds: float
    lock_seconds: float | None = None
    other: tuple[str, str] | None = field(default=None, repr=False)
    """Another account of this door, tried while the first one is locked."""
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    elsewhere: Door | None = None
    """The same door from another address of this machine."""
    patience: float = math.inf
    """The longest time in seconds that the end of a lock is awaited."""
    is_restarted: bool = False
    """Whether each attempt during the lock makes it last as long again: it is then left alone until its end."""
    lockouts: tuple[LockoutDeclaration, ...] = ()
    """All that are declared for this door. Those that require more than `attempts` are not to be triggered."""
    failed: FailedLogins = field(default_factory=FailedLogins, repr=False, compare=False)
    """The failed logins of the whole run."""

    @property
    def name(self) -> str:
        """One observation an interface."""
        return f"guessing.{self.door.interface}"

    def run(self, record: Recorder) -> Guessing:
        """Guess, look whether the account is locked, and wait until it is not."""
        before, usual = self._before(record)
        crowded = self._room(record, self.attempts) if before.answer is Answer.SEEN else ""
        tried = self._wrong(record) if before.answer is Answer.SEEN and not crowded else _Tried((), ())
        last = self.clock()
        after, beside, lost = self._after(record)
        lost = crowded or lost
        if not lost and after.answer is Answer.SEEN:
            lost = UNANSWERED if tried.is_unanswered else self._stretched(tried, self.clock() - last, usual)
        locked, crowd = None, None
        if not lost and after.answer is Answer.SEEN and tried.last >= self.least_seconds:
            crowd, lost = self._in_parallel(record)
            last, after = self.clock(), self._valid(record)
        if after.answer is not Answer.SEEN and tried.outcomes:
            after, locked = self._locked(record, last, after)
        if self._is_too_long(after):
            limit, rate = self._stated(tried, after)
        else:
            limit, rate = self._limit(tried, locked, crowd, back=after.answer is Answer.SEEN)
        if lost:  # a pass stands without a witness, so that there must be no limit to pass on
            limit, rate = Fact(about="limit", answer=Answer.SILENT, detail=lost), tried.rate
        facts = [limit, _rate("rate_before", tried.rate, f"{len(tried.seconds)} in {sum(tried.seconds):.2f} s")]
        facts += [_rate("rate_after", rate, "in the long run"), tried.delay(), self._back_in(after, locked), *beside]
        if crowd is not None:
            facts.append(_rate("rate_parallel", crowd.rate, crowd.words))
        record.note("; ".join(f"{fact.about}: {fact.detail}" for fact in facts))
        return Guessing(
            question=f"How fast can passwords of {self.user} be guessed on {self.door.interface}?",
            facts=tuple(facts),
            witness=self._witness(before, tried, after, lost),
            asked=login_at(self.door),
            attempts=len(tried.seconds),
            rate_before=round(tried.rate, 2),
            rate_after=round(rate, 2),
            locked_seconds=None if locked is None or lost else round(locked, 2),
            rate_parallel=None if crowd is None else round(crowd.rate, 2),
            delays=(round(tried.first, 3), round(tried.last, 3)),
            locked_what=None if lost else _locked_what(beside),
            accepts_anything=any(one.answer is Answer.SEEN for one in tried.outcomes[:1]),
        )

    def _valid(self, record: Recorder) -> LoginAttempt:
        attempt = self.door.attempt(self.user, self.password)
        record.note(f"the valid login of {self.user} -> {attempt.answer}: {attempt.detail}")
        return attempt

    def _before(self, record: Recorder) -> tuple[LoginAttempt, float]:
        """Try the valid login, and return how long the last try took in seconds.

        Earlier probes may have used up what the device allows: a limit that it states is waited for.
        """
        until, poll = self.clock() + min(PATIENCE_SECONDS, self.patience), POLL_SECONDS
        while True:
            start = self.clock()
            attempt = self._valid(record)
            if not attempt.limited or self.clock() >= until or self._is_too_long(attempt):
                return attempt, self.clock() - start
            poll = min(2 * poll, POLL_MOST)
            self.wait(attempt.retry_after or poll)

    def _room(self, record: Recorder, wrong: int) -> str:
        """Wait until so many wrong passwords fit below the lockouts that this must not trigger. Say why not."""
        spared = tuple(one for one in self.lockouts if one.attempts > self.attempts)
        room = Room(spared, self.failed, self.user, self.patience, self.clock, self.wait)
        return room.wait_for(wrong, record)

    def _in_parallel(self, record: Recorder) -> tuple[Crowd | None, str]:
        """Try wrong passwords over several connections. Say why not, if a lockout leaves no room for them."""
        if no_room := self._room(record, WIDTH * EACH):
            return None, f"no wrong passwords were tried in parallel: {no_room}"
        return guess_in_parallel(self.door, self.user, record, failed=self.failed, clock=self.clock), ""

    def _after(self, record: Recorder) -> tuple[LoginAttempt, list[Fact], str]:
        """Try the valid login after the wrong ones. Return the other attempts, and why silence is not a lock."""
        attempt = self._valid(record)
        if attempt.unanswered:
            attempt = self._valid(record)
            if attempt.answer is Answer.SEEN:
                return attempt, [], LOST
        beside = self._beside(record) if attempt.answer is not Answer.SEEN else []
        if attempt.unanswered:
            if all(fact.answer is Answer.SILENT for fact in beside):
                return attempt, beside, AWAY if self.elsewhere is not None else f"{AWAY}; {ELSEWHERE}"
            attempt = self._valid(record)  # the device is there now, and may not have been before
            if attempt.answer is Answer.SEEN:
                return attempt, beside, LOST
        return attempt, beside, ""

    def _wrong(self, record: Recorder) -> _Tried:
        """Try wrong passwords; stops where one gets in, and where nobody answers any more."""
        outcomes, seconds = [], []
        for number in range(1, self.attempts + 1):
            record.progress(number, self.attempts, f"{self.door.interface}: {self.user}")
            start = self.clock()
            attempt = self.door.attempt(self.user, secrets.token_urlsafe(12))
            seconds.append(self.clock() - start)
            outcomes.append(attempt)
            self.failed.note(self.user, self.clock())
            record.note(f"wrong password {number} -> {attempt.answer} after {seconds[-1]:.3f} s: {attempt.detail}")
            mute = [_is_mute(one) for one in outcomes[-SILENCES:]]
            if attempt.answer is Answer.SEEN or (len(mute) == SILENCES and all(mute)):
                break
        return _Tried(tuple(outcomes), tuple(seconds))

    def _stretched(self, tried: _Tried, took: float, usual: float) -> str:
        """Say why a valid login that succeeded does not disprove a lock: a lock as long as required was over by then.

        The device may have counted the last wrong password as early as it was sent. Lost packets stretch both.
        """
        lock = self.lock_seconds or self.least_seconds
        stretched = max(took - usual, 0.0) + max(tried.last - tried.first, 0.0)
        if stretched < lock or tried.last >= self.least_seconds:
            return ""
        return (
            f"the valid login after the wrong passwords took {took:.1f} s instead of {usual:.1f} s, so a lock of "
            f"{lock:.1f} s may have ended before it: packets were lost, or the device was busy"
        )

    def _locked(self, record: Recorder, since: float, turned_away: LoginAttempt) -> tuple[LoginAttempt, float]:
        """Wait for the end of a lock. Return the last valid login, and for how many seconds the account was locked.

        The bench itself waits for the declared end of a lock that attempts restart: the lock is no longer than that.
        One earlier login therefore shows whether the lock is shorter than required, if it is declared to be longer.
        """
        declared, turned = self.lock_seconds or 0.0, self.clock()
        if self.is_restarted and declared >= 2 * self.least_seconds and not self._is_too_long(turned_away):
            self.wait(max(POLL_SECONDS, self.least_seconds - 2 * POLL_SECONDS))
            begun = self.clock()
            early = self._valid(record)
            if early.answer is Answer.SEEN:  # a slow login may have been judged when the lock had lasted long enough
                in_time = self.clock() - turned < self.least_seconds
                return early, begun - turned if in_time else min(self.clock() - since, declared)
        after = self._until_valid(record, since, turned_away)
        locked = self.clock() - since
        is_known = not self.is_restarted or after.answer is not Answer.SEEN
        return after, locked if is_known else min(locked, declared)

    def _until_valid(self, record: Recorder, since: float, turned_away: LoginAttempt) -> LoginAttempt:
        """Try the valid login until it gets in: from the declared end of the lock on, for as long again and more.

        If the device says how long it limits attempts, its time counts. Failed logins of earlier probes may have
        triggered a longer declared lock: its end is awaited next, unless the bench does not wait so long.
        """
        if self._is_too_long(turned_away):
            return turned_away
        declared = self.lock_seconds or min(turned_away.retry_after or 0.0, RETRY_MOST)
        longer = {one.seconds for one in self.lockouts if declared < one.seconds <= self.patience}
        attempt = turned_away
        for lock in (declared, *sorted(longer)):
            attempt = self._awaited(record, since, lock)
            if attempt.answer is Answer.SEEN:
                break
        return attempt

    def _awaited(self, record: Recorder, since: float, lock: float) -> LoginAttempt:
        """Try the valid login from the end of a lock on. Tries become rarer while the device limits attempts."""
        apart = lock + RESTART_SPARE if self.is_restarted else 0.0
        begun = self.clock() if apart else since
        deadline = begun + (2 * lock + 5.0 if lock else min(PATIENCE_SECONDS, self.patience))
        poll = POLL_SECONDS
        self.wait(max(POLL_SECONDS, apart, begun + lock - self.clock()))
        while True:
            attempt = self._valid(record)
            if attempt.answer is Answer.SEEN or self.clock() > deadline:
                return attempt
            poll = min(2 * poll, POLL_MOST) if attempt.limited else POLL_SECONDS
            self.wait(max(poll, apart))

    def _is_too_long(self, turned_away: LoginAttempt) -> bool:
        """Whether the device says that it limits attempts for longer than the bench waits."""
        return turned_away.limited and (turned_away.retry_after or 0.0) > self.patience

    def _beside(self, record: Recorder) -> list[Fact]:
        """Try another account, and this one from another address, while this one is turned away here."""
        facts = []
        if self.other is not None:
            attempt = self.door.attempt(*self.other)
            facts.append(_meanwhile("others", f"{self.other[0]}", attempt))
        if self.elsewhere is not None:
            attempt = self.elsewhere.attempt(self.user, self.password)
            facts.append(_meanwhile("elsewhere", f"{self.user} from another address", attempt))
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        return facts

    def _back_in(self, after: LoginAttempt, locked: float | None) -> Fact:
        if after.answer is not Answer.SEEN:
            return Fact(about="back_in", answer=Answer.SILENT, detail=f"{self.user} could not log in again")
        when = "at once" if locked is None else f"{locked:.2f} s after the last wrong password"
        return Fact(about="back_in", answer=Answer.SEEN, detail=f"{self.user} logged in again {when}")

    def _limit(self, tried: _Tried, locked: float | None, crowd: Crowd | None, *, back: bool) -> tuple[Fact, float]:
        """Name what limits the guesses, and the rate that it leaves."""
        count, slowest = len(tried.seconds), tried.last
        if locked is not None and not back:
            detail = f"the valid login did not succeed within {locked:.1f} s after {count} wrong passwords"
            return Fact(about="limit", answer=Answer.SILENT, detail=detail), tried.rate
        if locked is not None:
            answer = Answer.SEEN if locked >= self.least_seconds else Answer.SILENT
            detail = f"the account was locked for {locked:.2f} s after {count} wrong passwords"
            if stated := next((one.detail for one in tried.outcomes if one.limited), ""):
                detail = f"after {count} wrong passwords, no login succeeded for {locked:.2f} s, because {stated}"
            return Fact(about="limit", answer=answer, detail=detail), count / (sum(tried.seconds) + locked)
        if crowd is not None and crowd.rate > PARALLEL_SLACK / self.least_seconds:
            detail = f"wrong password {count} took {slowest:.2f} s, but only its own connection waits: {crowd.words}"
            return Fact(about="limit", answer=Answer.SILENT, detail=detail), crowd.rate
        if slowest >= self.least_seconds:
            parallel = f"; {crowd.words}" if crowd is not None else ""
            detail = f"wrong password {count} took {slowest:.2f} s{parallel}"
            return Fact(about="limit", answer=Answer.SEEN, detail=detail), 1 / slowest
        detail = f"after {count} wrong passwords at {tried.rate:.1f} per second, the valid login succeeded at once"
        return Fact(about="limit", answer=Answer.SILENT, detail=detail), tried.rate

    def _stated(self, tried: _Tried, after: LoginAttempt) -> tuple[Fact, float]:
        """Name the limit that the device states in its own words, and whose end is not awaited."""
        count, seconds = len(tried.seconds), after.retry_after or 0.0
        detail = f"after {count} wrong passwords, the valid login is refused for {seconds:g} s ({after.detail})"
        return Fact(about="limit", answer=Answer.SEEN, detail=detail), count / (sum(tried.seconds) + seconds)

    def _witness(self, before: LoginAttempt, tried: _Tried, after: LoginAttempt, lost: str) -> Witness:
        what, asked = f"the valid login of {self.user} on {self.door.interface}", login_at(self.door)
        got_in = any(outcome.answer is Answer.SEEN for outcome in tried.outcomes)
        parts = [
            Witness(what=f"{what} {_words(before)} before", holds=before.answer is Answer.SEEN, asked=asked),
            Witness(what=f"{what} {_words(after)} afterwards", holds=after.answer is Answer.SEEN, asked=asked),
            condition(f"a wrong password {'was accepted' if got_in else 'was not accepted'}", holds=not got_in),
        ]
        return all_of([*parts, condition(lost, holds=False)] if lost else parts)


def _is_mute(attempt: LoginAttempt) -> bool:
    """Whether the device neither took nor refused a password."""
    return attempt.unanswered or attempt.answer is Answer.SILENT


def _words(attempt: LoginAttempt) -> str:
    return "succeeded" if attempt.answer is Answer.SEEN else f"did not succeed ({attempt.answer}: {attempt.detail})"


def _meanwhile(about: str, who: str, attempt: LoginAttempt) -> Fact:
    words = "logs in" if attempt.answer is Answer.SEEN else f"does not log in: {attempt.detail}"
    answer = Answer.SILENT if attempt.unanswered else attempt.answer
    return Fact(about=about, answer=answer, detail=f"meanwhile {who} {words}")


def _locked_what(beside: list[Fact]) -> Literal["account", "source"] | None:
    """Say what is locked: the account, where another one gets in from here, or this one from nowhere else."""
    answers = {fact.about: fact.answer for fact in beside}
    if (elsewhere := answers.get("elsewhere", Answer.SILENT)) is not Answer.SILENT:
        return "source" if elsewhere is Answer.SEEN else "account"
    if (others := answers.get("others", Answer.SILENT)) is not Answer.SILENT:
        return "account" if others is Answer.SEEN else "source"
    return None


def _rate(about: str, rate: float, words: str) -> Fact:
    return Fact(about=about, answer=Answer.SEEN, detail=f"{rate:.1f} attempts per second ({words})")
