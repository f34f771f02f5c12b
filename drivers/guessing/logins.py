"""Guessing logins: one probe for every interface that asks for a user name and a password.

A door knows how one attempt is made on its interface (SSH, web form, serial console); the probe knows the controls that
make a refusal mean something: after each batch the valid credential must get in through the same code, and a nonsense
one must not. Whether a guess that got in is a failure is said by the cases.
"""

import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from drivers.guessing.attempt import DERIVED, Door, HeldDoor, LoginAttempt, LoginWay, Pair, WideDoor, login_at
from drivers.guessing.failures import FailedLogins
from drivers.guessing.limit import wait_of
from drivers.guessing.pace import GuessPace
from drivers.guessing.plan import ANYTHING, LIMIT_SECONDS, RETRY_SECONDS, STOPPED, GuessPlan, work
from lab_config.account import LockoutDeclaration
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition

MANY = 5
"""A name with more guesses comes after the others, except for its first one."""


class Guesses(Observation):
    """What each guess came to; `about()` takes `user:password`."""

    interface: str
    accepts_anything: bool
    """A password that nobody can know got in: the interface checks no password."""
    without_login: bool = False
    """It got in because the interface asks for no login at all."""
    passwordless: tuple[str, ...] = ()
    """The user names that got in without being asked for a password."""
    at: Mapping[str, tuple[str, ...]] = {}
    """The ports at which a guess got in, where several were guessed at."""
    derived: tuple[str, ...] = ()
    """The guesses among the facts that follow from the identifiers of the sample."""

    def of_user(self, user: str, *, derived: bool = False) -> "Guesses":
        """Narrow to the well-known guesses at one user name, or to the derived ones."""
        own = (fact.about for fact in self.facts if fact.about.split(":", 1)[0] == user)
        return self.about(*(about for about in own if (about in self.derived) is derived))


@dataclass(frozen=True)
class GuessLogins:
    """Try each pair on a door, with both controls around and the valid login between. `valid` is one of the bench.

    `others` are further real accounts of this door with their passwords. Below declared `lockouts` the guesses stay by
    a valid login in time; a name that no valid login is known for rests instead. A wide door is tried by as many at
    once as the bench allows and the device keeps up with.
    """

    door: Door
    pairs: tuple[Pair, ...]
    valid_user: str
    valid_password: str = field(repr=False)
    lockouts: tuple[LockoutDeclaration, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict, repr=False)
    patience: float = math.inf
    """The longest time in seconds that a name rests below a lockout, or that a limit of the device is waited for."""
    budget: float = math.inf
    """How long all guesses may take in seconds. Those that do not fit are left out, the least likely ones first."""
    clock: Callable[[], float] = time.monotonic
    failed: FailedLogins = field(default_factory=FailedLogins, repr=False, compare=False)
    """The failed logins of the whole run."""

    @property
    def name(self) -> str:
        """One observation an interface."""
        return f"guess_logins.{self.door.interface}"

    def run(self, record: Recorder) -> Guesses:
        """Guess, and control; stops early when a valid credential no longer gets in."""
        with self.door.held() if isinstance(self.door, HeldDoor) else nullcontext():
            nonsense, controls, plan = self._guess_all(record)
        facts = [plan.answers.get(pair.about, _unasked(pair, plan)) for pair in self.pairs]
        return Guesses(
            question=f"Does {self.door.interface} accept one of {len(self.pairs)} well-known credentials?",
            facts=tuple(facts),
            witness=all_of(dict.fromkeys(controls)),
            asked=login_at(self.door),
            left_open={fact.about: plan.given_up[user] for fact in facts if (user := _left(fact, plan))},
            interface=self.door.interface,
            accepts_anything=nonsense.answer is Answer.SEEN,
            without_login=nonsense.without_login,
            passwordless=tuple(sorted(plan.passwordless)),
            derived=tuple(pair.about for pair in self.pairs if pair.origin == DERIVED),
        )

    def _guess_all(self, record: Recorder) -> tuple[LoginAttempt, list[Witness], GuessPlan]:
        known = tuple(dict.fromkeys((self.valid_user, *self.others)))
        pace = GuessPace(self.lockouts, known, patience=self.patience, failed=self.failed)
        if refusal := self._rested(pace, record):
            where, judge = self.door.interface, self._judged(record)
            plan = GuessPlan((), pace, self.valid_user, at_once=1, record=record, interface=where, judge=judge)
            plan.stopped = refusal
            return LoginAttempt(Answer.SILENT, refusal), [condition(refusal, holds=False)], plan
        with self._way() as way:
            nonsense = self._nonsense(way, record, pace)
            patient = nonsense.answer is not Answer.SILENT
            controls = [self._control(way, self.valid_user, pace, record, patient=patient)]
            if self.lockouts:  # a login may have failed before: start from a count of zero
                guessed = {pair.user for pair in self.pairs}
                controls += [self._control(way, user, pace, record) for user in self.others if user in guessed]
        anything = nonsense.answer is Answer.SEEN
        plan = GuessPlan(
            pairs=tuple(self._one_a_user()) if anything else self._likeliest_first(),
            pace=pace,
            valid_user=self.valid_user,
            at_once=self.door.at_once if isinstance(self.door, WideDoor) else 1,
            record=record,
            interface=self.door.interface,
            limit_seconds=LIMIT_SECONDS if math.isinf(self.patience) else self.patience,
            budget=self.budget,
            clock=self.clock,
            judge=self._judged(record),
            patient=patient,
        )
        if not all(control.holds for control in controls):
            plan.stopped = STOPPED
            return nonsense, controls, plan
        started = time.monotonic()
        doubted = nonsense.answer is Answer.REFUSED
        work(plan, lambda number: self._use(plan, number, doubted=doubted))
        record.note(_summary(plan, time.monotonic() - started))
        with self._way() as way:
            controls += [*plan.controls, *self._at_last(plan, way, took_anything=anything)]
        return nonsense, controls, plan

    def _rested(self, pace: GuessPace, record: Recorder) -> str:
        """Wait until a wrong password of the valid user stays below the lockouts: other probes may have used them up.

        Return why none may be tried, if that takes longer than the bench waits.
        """
        until = pace.clock() + self.patience
        while (rest := pace.rest([self.valid_user])) is not None:
            if pace.clock() + rest > until:
                return (
                    f"after the failed logins of other probes, a further one could trigger a declared lockout for "
                    f"{rest:.0f} s, but this bench waits at most {self.patience:g} s: set "
                    f"`patience_seconds: {math.ceil(rest)}` in the bench file"
                )
            record.note(f"rests for {rest:.0f} s below a declared lockout before the first wrong password")
            threading.Event().wait(rest)
        return ""

    def _one_a_user(self) -> Iterable[Pair]:
        """Return what shows that a door takes anything: a well-known guess at each user, and a derived one."""
        return {(pair.user, pair.origin == DERIVED): pair for pair in self.pairs}.values()

    def _likeliest_first(self) -> tuple[Pair, ...]:
        """Return the guesses in their order: the bench's own logins, since wrong passwords may lock the door.

        Then come those that follow from this sample, the first one at each name with many, and then the names with the
        fewest: each name that is settled is a verdict.
        """
        known = {**self.others, self.valid_user: self.valid_password}
        count = Counter(pair.user for pair in self.pairs)
        first: dict[str, Pair] = {}
        for pair in self.pairs:
            first.setdefault(pair.user, pair)

        places = {user: place for place, user in enumerate(first)}

        def rank(pair: Pair) -> tuple[bool, bool, tuple[int, int]]:
            is_derived = pair.origin == DERIVED
            early = is_derived or (first[pair.user] is pair and count[pair.user] > MANY)
            name = (0, 0) if early else (count[pair.user], places[pair.user])
            return known.get(pair.user) != pair.password, not is_derived, name

        return tuple(sorted(self.pairs, key=rank))

    def _way(self) -> AbstractContextManager[LoginWay]:
        return self.door.way() if isinstance(self.door, WideDoor) else nullcontext(self.door)

    def _use(self, plan: GuessPlan, number: int, *, doubted: bool) -> None:
        """Try what the plan says, on one way, as long as it wants this one.

        If `doubted`, a random password was refused at first. It is tried again after each guess that gets in.
        """
        with self._way() as way:
            while (step := plan.next(number)) is not None:
                started = time.monotonic()
                password = self._password(step.user) if step.pair is None else step.pair.password
                attempt = way.attempt(step.user, password)
                seconds = time.monotonic() - started
                lets_in = doubted and step.pair is not None and attempt.answer is Answer.SEEN
                random = self._nonsense(way, plan.record, None) if lets_in and not attempt.passwordless else None
                plan.done(number, attempt, seconds, random)

    def _at_last(self, plan: GuessPlan, way: LoginWay, *, took_anything: bool) -> list[Witness]:
        """Try nonsense once more, where it did not get in before, and leave each real account with a valid login."""
        controls = []
        if plan.stopped:
            tried = f"after {len(plan.answers)} of {len(self.pairs)} guesses"
            unnamed = ". A lockout or a ban may be the cause: declare it under `lockout`" if not self.lockouts else ""
            controls.append(condition(f"{plan.stopped} {tried}{unnamed}", holds=False))
        else:
            again = not took_anything and plan.pace.may(self.valid_user)
            if again and self._nonsense(way, plan.record, plan.pace).answer is Answer.SEEN:
                what = f"at the end, {self.door.interface} {ANYTHING}"
                controls.append(condition(what, holds=False))
            controls.append(self._control(way, self.valid_user, plan.pace, plan.record))
        left = (user for user in plan.pace.unsettled if user != self.valid_user)
        return controls + [self._control(way, user, plan.pace, plan.record) for user in left]

    def _nonsense(self, way: LoginWay, record: Recorder, pace: GuessPace | None) -> LoginAttempt:
        """Try a random password of the valid user. It counts below `pace`, unless the plan counts it."""
        attempt = patiently(way, self.valid_user, secrets.token_urlsafe(12), record)
        record.note(f"control: a nonsense password -> {attempt.answer}: {attempt.detail}")
        if pace is not None:
            pace.asked(self.valid_user)
            pace.answered(self.valid_user, got_in=attempt.answer is Answer.SEEN)
        return attempt

    def _control(self, way: LoginWay, user: str, pace: GuessPace, record: Recorder, *, patient: bool = True) -> Witness:
        """Log in with a valid credential, which resets the count of a lockout.

        An attempt without an answer is made again, unless the door answers nothing at all.
        """
        attempt = patiently(way, user, self._password(user), record)
        for seconds in RETRY_SECONDS if patient else ():
            if attempt.judged is not Answer.SILENT or attempt.limited:
                break
            record.note(f"the valid login of {user} -> {attempt.detail}: tried again after {seconds:.0f} s")
            threading.Event().wait(seconds)
            attempt = patiently(way, user, self._password(user), record)
        control = self._judge(user, attempt, record)
        if control.holds:
            pace.succeeded(user)
        return control

    def _password(self, user: str) -> str:
        return self.others.get(user, self.valid_password)

    def _judged(self, record: Recorder) -> Callable[[str, LoginAttempt], Witness]:
        return lambda user, attempt: self._judge(user, attempt, record)

    def _judge(self, user: str, attempt: LoginAttempt, record: Recorder) -> Witness:
        record.note(f"control: the valid login of {user} -> {attempt.answer}: {attempt.detail}")
        if attempt.picture:
            record.keep(f"control-{user}.png", attempt.picture)
        holds = attempt.answer is Answer.SEEN
        words = "succeeded" if holds else f"did not succeed ({attempt.answer}: {attempt.detail})"
        what = f"the valid login of {user} on {self.door.interface} {words}"
        return Witness(what=what, holds=holds, asked=login_at(self.door))


def patiently(way: LoginWay, user: str, password: str, record: Recorder) -> LoginAttempt:
    """Attempt once, and again when the device lets it, for LIMIT_SECONDS: guesses before may have used up its limit.

    Some servers end the connection after a refused login. An attempt that met that end is made again on a new one.
    """
    waited, number = 0.0, 0
    while (attempt := _fresh(way, user, password, record)).limited:
        number += 1
        wait = wait_of(attempt.retry_after, number, 2.0)
        if (waited := waited + wait) > LIMIT_SECONDS:
            break
        record.note(f"{attempt.detail}: tried again after {wait:.0f} s")
        threading.Event().wait(wait)
    return attempt


def _fresh(way: LoginWay, user: str, password: str, record: Recorder) -> LoginAttempt:
    attempt = way.attempt(user, password)
    if attempt.stale:
        record.note(f"{attempt.detail}: tried again on a new connection")
        attempt = way.attempt(user, password)
    return attempt


def _left(fact: Fact, plan: GuessPlan) -> str:
    """Return the user name of a guess that was not tried because the name rests for too long; else nothing."""
    user = fact.about.split(":", 1)[0]
    return user if user in plan.given_up and fact.about not in plan.answers else ""


def _unasked(pair: Pair, plan: GuessPlan) -> Fact:
    why = plan.stopped or plan.given_up.get(pair.user) or "the interface accepts any password"
    detail = f"not tested: {why}"
    return Fact(about=pair.about, answer=Answer.SILENT, detail=detail)


def _summary(plan: GuessPlan, seconds: float) -> str:
    """Say how fast the guesses went, for the transcript."""
    done = len(plan.answers)
    eased = f", slowed down {plan.eased} times" if plan.eased else ""
    return (
        f"{done} guesses in {seconds:.2f} s, up to {plan.most_at_once} at once: {done / seconds:.1f} per second{eased}"
    )
