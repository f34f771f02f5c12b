"""Guessing logins: one probe for every interface that asks for a user name and a password.

A door knows how one attempt is made on its interface (SSH, web form, serial console); the probe knows the controls that
make a refusal mean something: after each batch the valid credential must get in through the same code, and a nonsense
one must not. Whether a guess that got in is a failure is said by the cases.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from drivers.guessing.attempt import DERIVED, Door, HeldDoor, LoginAttempt, LoginWay, Pair, WideDoor
from drivers.guessing.pace import GuessPace
from drivers.guessing.plan import STOPPED, GuessPlan, work
from lab_config.component import LockoutDeclaration
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of


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
    """Try each pair on a door, with both controls around and the valid login between. `valid` is one of the bench.

    `others` are further real accounts of this door with their passwords. Below a declared `lockout` the guesses stay by
    a valid login in time; a name that no valid login is known for rests instead. A wide door is tried by as many at
    once as the bench allows and the device keeps up with.
    """

    door: Door
    pairs: tuple[Pair, ...]
    valid_user: str
    valid_password: str = field(repr=False)
    lockout: LockoutDeclaration | None = None
    others: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """One observation an interface."""
        return f"guess_logins.{self.door.interface}"

    def run(self, record: Recorder) -> Guesses:
        """Guess, and control; stops early when a valid credential no longer gets in."""
        with self.door.held() if isinstance(self.door, HeldDoor) else nullcontext():
            anything, controls, plan = self._guess_all(record)
        facts = [plan.answers.get(pair.about, _unasked(pair, plan)) for pair in self.pairs]
        return Guesses(
            question=f"Does {self.door.interface} accept one of {len(self.pairs)} well-known credentials?",
            facts=tuple(facts),
            witness=all_of(dict.fromkeys(controls)),
            interface=self.door.interface,
            accepts_anything=anything,
            derived=tuple(pair.about for pair in self.pairs if pair.origin == DERIVED),
        )

    def _guess_all(self, record: Recorder) -> tuple[bool, list[Witness], GuessPlan]:
        pace = GuessPace(self.lockout, tuple(dict.fromkeys((self.valid_user, *self.others))))
        with self._way() as way:
            nonsense = self._nonsense(way, record)
            controls = [self._control(way, self.valid_user, pace, record)]
            if self.lockout is not None:  # a login may have failed before: start from a count of zero
                guessed = {pair.user for pair in self.pairs}
                controls += [self._control(way, user, pace, record) for user in self.others if user in guessed]
        anything = nonsense.answer is Answer.SEEN
        plan = GuessPlan(
            pairs=tuple(self._one_a_user()) if anything else self.pairs,
            pace=pace,
            valid_user=self.valid_user,
            at_once=self.door.at_once if isinstance(self.door, WideDoor) else 1,
            record=record,
            interface=self.door.interface,
            judge=lambda user, attempt: self._judge(user, attempt, record),
            patient=nonsense.answer is not Answer.SILENT,
        )
        if not all(control.holds for control in controls):
            plan.stopped = STOPPED
            return anything, controls, plan
        started = time.monotonic()
        work(plan, lambda number: self._use(plan, number))
        record.note(_summary(plan, time.monotonic() - started))
        with self._way() as way:
            controls += [*plan.controls, *self._at_last(plan, way, took_anything=anything)]
        return anything, controls, plan

    def _one_a_user(self) -> Iterable[Pair]:
        """Return what shows that a door takes anything: a well-known guess at each user, and a derived one."""
        return {(pair.user, pair.origin == DERIVED): pair for pair in self.pairs}.values()

    def _way(self) -> AbstractContextManager[LoginWay]:
        return self.door.way() if isinstance(self.door, WideDoor) else nullcontext(self.door)

    def _use(self, plan: GuessPlan, number: int) -> None:
        """Try what the plan says, on one way, as long as it wants this one."""
        with self._way() as way:
            while (step := plan.next(number)) is not None:
                started = time.monotonic()
                password = self._password(step.user) if step.pair is None else step.pair.password
                attempt = way.attempt(step.user, password)
                plan.done(number, attempt, time.monotonic() - started)

    def _at_last(self, plan: GuessPlan, way: LoginWay, *, took_anything: bool) -> list[Witness]:
        """Try nonsense once more, where it did not get in before, and leave each real account with a valid login."""
        controls = []
        if plan.stopped:
            tried = f"after {len(plan.answers)} of {len(self.pairs)} guesses"
            unnamed = (
                ". A lockout or a ban may be the cause: declare it under `lockout`" if self.lockout is None else ""
            )
            controls.append(Witness(what=f"{plan.stopped} {tried}{unnamed}", holds=False))
        else:
            again = not took_anything and plan.pace.may(self.valid_user)
            if again and self._nonsense(way, plan.record).answer is Answer.SEEN:
                what = f"at the end, {self.door.interface} accepted a random password that it had refused before"
                controls.append(Witness(what=what, holds=False))
            controls.append(self._control(way, self.valid_user, plan.pace, plan.record))
        left = (user for user in plan.pace.unsettled if user != self.valid_user)
        return controls + [self._control(way, user, plan.pace, plan.record) for user in left]

    def _nonsense(self, way: LoginWay, record: Recorder) -> LoginAttempt:
        attempt = way.attempt(self.valid_user, secrets.token_urlsafe(12))
        record.note(f"control: a nonsense password -> {attempt.answer}: {attempt.detail}")
        return attempt

    def _control(self, way: LoginWay, user: str, pace: GuessPace, record: Recorder) -> Witness:
        """Log in with a valid credential, which resets the count of a lockout."""
        control = self._judge(user, way.attempt(user, self._password(user)), record)
        if control.holds:
            pace.succeeded(user)
        return control

    def _password(self, user: str) -> str:
        return self.others.get(user, self.valid_password)

    def _judge(self, user: str, attempt: LoginAttempt, record: Recorder) -> Witness:
        record.note(f"control: the valid login of {user} -> {attempt.answer}: {attempt.detail}")
        if attempt.picture:
            record.keep(f"control-{user}.png", attempt.picture)
        holds = attempt.answer is Answer.SEEN
        words = "succeeded" if holds else f"did not succeed ({attempt.answer}: {attempt.detail})"
        return Witness(what=f"the valid login of {user} on {self.door.interface} {words}", holds=holds)


def _unasked(pair: Pair, plan: GuessPlan) -> Fact:
    detail = f"not tested: {plan.stopped or 'the interface accepts any password'}"
    return Fact(about=pair.about, answer=Answer.SILENT, detail=detail)


def _summary(plan: GuessPlan, seconds: float) -> str:
    """Say how fast the guesses went, for the transcript."""
    done = len(plan.answers)
    eased = f", slowed down {plan.eased} times" if plan.eased else ""
    return (
        f"{done} guesses in {seconds:.2f} s, up to {plan.most_at_once} at once: {done / seconds:.1f} per second{eased}"
    )
