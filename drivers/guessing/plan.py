"""Which login is tried next, by however many try at once: guesses, and valid logins between them as controls.

The plan keeps below a declared lockout, and eases where a device stops answering or slows down. It knows no door: what
is tried, and on what, is in `logins.py`.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.limit import StatedLimits
from drivers.guessing.pace import GuessPace
from trustprobe.probe import Answer, Fact, Recorder, Witness

BATCH = 10
"""Guesses of each way to the door between two controls; more where they go fast: a batch then lasts BATCH_SECONDS."""
FIRST_BATCH = 2
"""The same, as long as more are tried at once after each control that holds."""
GROWTH = 4
BATCH_SECONDS = 0.5
BATCH_MOST = 100
"""Guesses of each way between two controls, however fast they go."""
IDLE_SECONDS = 0.25
"""A way with nothing to try for so long ends its connection: some devices serve one at a time."""
ASKED_MOST = 3
"""How often a guess is asked that gets no answer."""
SILENCES_MOST = 5
"""Guesses in a row without any answer, after which no further one is asked."""
RETRY_SECONDS = (1.0, 3.0)
"""Before a control without an answer is tried again: the device may drop connections for a moment."""
LIMIT_SECONDS = 60.0
"""How long a limit that the device states in its own words is waited for, in all, if the bench does not say it."""
STOPPED = "the valid login no longer worked"
"""Why the rest of the guesses is not asked, where a control did not get in."""
ANYTHING = "accepted a random password that it had refused before"
"""Why nothing that gets in is a login: some devices answer everybody in the same way once they are locked."""
_MARGIN = 1.25
"""So many times the time that guesses need at their rate is the patience that a reason asks for."""
SLOWED = 3.0
"""So many times the least time of a guess is a device that has slowed down."""


@dataclass(frozen=True)
class GuessStep:
    """One login to try: a guess, or the valid login of `user` if `pair` is None."""

    user: str
    pair: "Pair | None" = None


@dataclass
class GuessPlan:
    """The guesses of one door. `next` hands out what is to be tried, `done` takes how it ended; both thread-safe.

    A control is the valid login of `valid_user`, and where a lockout is declared of any user whose count has to be
    reset. It comes after BATCH guesses a way, and after a guess without an answer, which waits for it. Where one does
    not get in, nothing more is asked, and `stopped` says why.
    """

    pairs: "Sequence[Pair]"
    pace: GuessPace
    valid_user: str
    at_once: int
    """The ceiling; lowered where a guess had no answer."""
    record: Recorder
    interface: str
    judge: "Callable[[str, LoginAttempt], Witness]"
    """Notes how the valid login of a user ended, and says whether it stands as a control."""
    limit_seconds: float = LIMIT_SECONDS
    """How long a limit that the device states is waited for, in all."""
    budget: float = math.inf
    """How long all guesses together may take in seconds. The likeliest ones then come first, whatever their users."""
    patient: bool = True
    """Whether silence is worth asking again; not where wrong passwords get none other from the start."""
    clock: Callable[[], float] = time.monotonic
    answers: dict[str, Fact] = field(default_factory=dict, init=False)
    controls: list[Witness] = field(default_factory=list, init=False)
    stopped: str = field(default="", init=False)
    eased: int = field(default=0, init=False)
    """How often the device was eased."""
    most_at_once: int = field(default=0, init=False)
    given_up: dict[str, str] = field(default_factory=dict, init=False)
    """Why the remaining guesses at a name were not tried, by name."""
    passwordless: set[str] = field(default_factory=set, init=False)
    """User names that got in without being asked for a password."""
    _pending: "dict[str, deque[Pair]]" = field(default_factory=dict, init=False)
    """What is still to be asked, by user name."""
    _error: BaseException | None = field(default=None, init=False)
    _width: int = field(default=1, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _open: dict[int, GuessStep] = field(default_factory=dict, init=False)
    """What is being tried, by the number of the way."""
    _used: set[int] = field(default_factory=set, init=False)
    """The ways that may hold a connection."""
    _last: dict[int, str] = field(default_factory=dict, init=False)
    _asked: Counter[str] = field(default_factory=Counter, init=False)
    _silences: int = field(default=0, init=False)
    _since: int = field(default=0, init=False)
    _refused: int = field(default=0, init=False)
    """Guesses that were refused since the last control, and the seconds that they took."""
    _spent: float = field(default=0.0, init=False)
    _least: float = field(default=float("inf"), init=False)
    _full_at: float = field(default=0.0, init=False)
    _doubt: bool = field(default=False, init=False)
    _retries: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)
    _limits: StatedLimits = field(default_factory=StatedLimits, init=False)
    _began: dict[int, float] = field(default_factory=dict, init=False)
    """When what is being tried began, by the number of the way."""
    _started: float = field(default=0.0, init=False)
    _ranks: dict[str, int] = field(default_factory=dict, init=False)
    """The place of each guess among all of them."""

    def __post_init__(self) -> None:
        """Sort what is to be asked by user name."""
        self._started = self.clock()
        for rank, pair in enumerate(self.pairs):
            self._pending.setdefault(pair.user, deque()).append(pair)
            self._ranks[pair.about] = rank
        self._give_up()

    def wanted(self, way: int) -> bool:
        """Wait until this way has something to try, and say so; False once everything is asked."""
        with self._changed:
            self._used.discard(way)
            self._changed.notify_all()
            while not self._over and not (way < self._width and self._pick(way)):
                self._changed.wait(self._patience())
            self._used.add(way)
            return not self._over

    def next(self, way: int) -> GuessStep | None:
        """Return what to try next on a way; None where it is not to be used now."""
        deadline = self.clock() + IDLE_SECONDS
        with self._changed:
            while not self._over and way < self._width:
                if (step := self._pick(way)) is not None:
                    self._begin(way, step)
                    return step
                if (left := deadline - self.clock()) <= 0:
                    break
                self._changed.wait(min(left, self._patience() or left))
            self._last.pop(way, None)
            return None

    def done(self, way: int, attempt: "LoginAttempt", seconds: float, random: "LoginAttempt | None" = None) -> None:
        """Take how the login that was handed to a way has ended, and how long it took in seconds.

        `random` is how a random password of the valid user ended right after a guess that got in.
        """
        with self._changed:
            step = self._open.pop(way)
            began = self._began.pop(way)
            if random is not None:
                attempt = self._compared(attempt, random)
            if step.pair is None:
                self._controlled(step, attempt, began)
            else:
                self._guessed(step.pair, attempt, seconds, began)
                self._give_up()
                self._end_in_time()
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End, because a way broke: this machine's fault, not an answer."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def raise_error(self) -> None:
        """Raise what a way broke with, if one did."""
        if self._error is not None:
            raise self._error

    @property
    def _over(self) -> bool:
        return bool(self.stopped or self._error or not (self._pending or self._open))

    @property
    def _batch_is_full(self) -> bool:
        each = self._since / self._width
        if self._width < self.at_once and not self.eased:
            return each >= FIRST_BATCH
        return each >= BATCH_MOST or (each >= BATCH and self.clock() >= self._full_at)

    @property
    def _guesses_open(self) -> bool:
        return any(step.pair is not None for step in self._open.values())

    @property
    def _control_open(self) -> bool:
        return any(step.pair is None for step in self._open.values())

    def _pick(self, way: int) -> GuessStep | None:
        """Choose what comes next. A control is alone in doubt, and below a lockout, so that its reset is exact."""
        alone = bool(self.pace.lockouts) or self._doubt
        owed = self._doubt or self._batch_is_full
        user = next((user for user in self._pending if self.pace.due(user)), None)
        if self._control_open:
            if alone:
                return None
        elif owed or (user is not None and not self._may_guess()):
            crowded = self._doubt and max(self._used, default=0) >= self._width
            if (alone and self._guesses_open) or crowded or self.clock() < self._not_before:
                return None
            return GuessStep(user if user is not None and user in self.pace.known and not owed else self.valid_user)
        pair = self._choose(way)
        return None if pair is None else GuessStep(pair.user, pair)

    def _may_guess(self) -> bool:
        return any(self.pace.may(user) for user in self._pending)

    def _choose(self, way: int) -> "Pair | None":
        """Choose the next pair: of the way's own user, for a connection serves one; else of one nobody else is at."""
        if self.clock() < self._not_before:
            return None
        mine = self._last.get(way)
        others = {user for number, user in self._last.items() if number != way}
        allowed = (user for user in self._pending if self.pace.may(user))
        if self.budget < math.inf:
            user = min(allowed, key=lambda user: self._ranks[self._pending[user][0].about], default=None)
        else:
            user = min(allowed, key=lambda user: 0 if user == mine else 1 + (user in others), default=None)
        return None if user is None else self._pending[user][0]

    def _begin(self, way: int, step: GuessStep) -> None:
        self._open[way], self._began[way] = step, self.clock()
        self.most_at_once = max(self.most_at_once, len(self._open))
        if step.pair is None:
            return
        self._last[way] = step.user
        queue = self._pending[step.user]
        queue.popleft()
        if not queue:
            del self._pending[step.user]
        self.pace.asked(step.user)
        self._asked[step.pair.about] += 1

    def _patience(self) -> float | None:
        """Return how long nothing can change: until a name has rested, or a control may be tried again."""
        if (left := self._not_before - self.clock()) > 0:
            return left
        # a rest, or the time before a try, may have ended since it was looked for something to try
        return self.pace.rest(self._pending) or (None if self._open else IDLE_SECONDS)

    def _limited(self, attempt: "LoginAttempt", began: float) -> None:
        """Wait as long as the device says, one attempt at a time from now on; end where that is too long."""
        wait = self._limits.met(attempt.retry_after, began, self.clock())
        if wait is None:
            return
        self._width = self.at_once = 1
        if self._limits.waited > self.limit_seconds:
            self._leave_out(f"{attempt.detail}. That protects against guessing", self.limit_seconds)
            return
        self.record.note(f"{attempt.detail}: one at a time from now on, after {wait:.0f} s")
        self._not_before = max(self._not_before, self.clock() + wait)

    def _compared(self, attempt: "LoginAttempt", random: "LoginAttempt") -> "LoginAttempt":
        """Return how a guess ended: it got in only if a random password does not get in as well."""
        self.pace.asked(self.valid_user)
        self.pace.answered(self.valid_user, got_in=False)
        if random.answer is not Answer.SEEN:
            return attempt
        self._stop(f"{self.interface} {ANYTHING}")
        return replace(attempt, answer=Answer.SILENT, detail=f"{self.interface} {ANYTHING} ({random.detail})")

    def _guessed(self, pair: "Pair", attempt: "LoginAttempt", seconds: float, began: float) -> None:
        self.pace.answered(pair.user, got_in=attempt.answer is Answer.SEEN)
        self.record.note(f"{pair.about} -> {attempt.answer}: {attempt.detail}")
        if attempt.limited:
            self._asked[pair.about] -= 1
            self._pending.setdefault(pair.user, deque()).appendleft(pair)
            self._limited(attempt, began)
            return
        self._limits.in_a_row = 0
        if attempt.picture:
            self.record.keep(f"{pair.about}.png", attempt.picture)
        if attempt.passwordless:
            self.passwordless.add(pair.user)
        self._since += 1
        if attempt.judged is Answer.REFUSED:  # devices let a right password in at once, and delay after a wrong one
            self._refused += 1
            self._spent += seconds
        silent = attempt.judged is Answer.SILENT
        if silent and self.patient:
            if not attempt.stale and not self._doubt:
                self._ease(f"{pair.about} got no answer")
                self.at_once, self._doubt = self._width, True
            if self._asked[pair.about] < ASKED_MOST:
                self._pending.setdefault(pair.user, deque()).appendleft(pair)
                return
        self.answers[pair.about] = Fact(about=pair.about, answer=attempt.judged, detail=attempt.detail)
        self.record.progress(len(self.answers), len(self.pairs), f"{self.interface}: {pair.user}")
        self._silences = self._silences + 1 if silent and self.patient else 0
        if self._silences >= SILENCES_MOST:
            self._stop(f"{SILENCES_MOST} guesses in a row got no answer")

    def _give_up(self) -> None:
        """Leave out the remaining guesses at names that would have to rest longer than the bench waits."""
        if not self.pace.lockouts:
            return
        together = sum(map(len, self._pending.values()))
        for user in list(self._pending):
            needed = math.ceil(self.pace.lacks(user, len(self._pending[user]), together))
            if needed:
                self.given_up[user] = (
                    f"{user} has to rest for {needed} s between the guesses to stay below the declared lockout, but "
                    f"this bench waits at most {self.pace.patience:g} s: set `patience_seconds: {needed}` in the bench "
                    "file"
                )
                self.record.note(self.given_up[user])
                del self._pending[user]

    def _end_in_time(self) -> None:
        """Leave out the remaining guesses once they have taken as long as the bench waits."""
        took = self.clock() - self._started
        if took > self.budget and self._pending:
            each = took / max(len(self.answers), 1)
            self._leave_out(f"one guess takes {each:.1f} s on {self.interface}", self.budget)

    def _leave_out(self, why: str, most: float) -> None:
        """Leave out all remaining guesses, and say how long the bench would have to wait for them."""
        left = sum(map(len, self._pending.values()))
        took = self.clock() - self._started
        needed = math.ceil(_MARGIN * max(took, most) * (1 + left / max(len(self.answers), 1)))
        why = (
            f"not tried: {why}. The likeliest {len(self.answers)} guesses were tried, but this bench waits at most "
            f"{most:g} s for all of them: set `patience_seconds: {needed}` in the bench file"
        )
        self.record.note(why)
        self.given_up |= dict.fromkeys(self._pending, why)
        self._pending.clear()

    def _controlled(self, step: GuessStep, attempt: "LoginAttempt", began: float) -> None:
        """A control without an answer is tried again; one that is refused is not."""
        if attempt.limited:
            self._limited(attempt, began)
            return
        if attempt.judged is Answer.SILENT and self._retries < len(RETRY_SECONDS):
            self.record.note(f"the valid login of {step.user} -> {attempt.answer}: {attempt.detail}; it is tried again")
            self._doubt, self._width = True, 1
            self._not_before = self.clock() + RETRY_SECONDS[self._retries]
            self._retries += 1
            return
        control = self.judge(step.user, attempt)
        self.controls.append(control)
        if not control.holds:
            self._stop(STOPPED)
            return
        self.pace.succeeded(step.user)
        self._retries = 0
        if step.user == self.valid_user:
            self._settle()

    def _settle(self) -> None:
        """A control has held: go on, with more at once where the device kept up."""
        each = self._spent / self._refused / self._width if self._refused else self._least
        if self._doubt:
            self._doubt = False
        elif each > SLOWED * self._least:
            self._ease(f"a guess takes {each / self._least:.1f} times as long as before")
        else:
            self._width = min(self.at_once, self._width + 1 if self.eased else self._width * GROWTH)
        self._least = min(self._least, each)
        self._since, self._refused, self._spent = 0, 0, 0.0
        self._full_at = self.clock() + BATCH_SECONDS

    def _ease(self, why: str) -> None:
        """Ask half as many at once."""
        if self._width > 1:
            self.eased += 1
            self._width //= 2
            self.record.note(f"{why}: {self._width} at once from now on")

    def _stop(self, why: str) -> None:
        self.stopped = self.stopped or why


def work(plan: GuessPlan, one_way: Callable[[int], None]) -> None:
    """Use as many ways as the plan may want until everything is asked: the first one here, the others in threads."""

    def use(number: int) -> None:
        try:
            while plan.wanted(number):
                one_way(number)
        except BaseException as error:  # noqa: BLE001 - told to who waits for all of them
            plan.fail(error)

    numbers = range(1, min(plan.at_once, len(plan.pairs)))
    helpers = [threading.Thread(target=use, args=(number,), daemon=True) for number in numbers]
    for helper in helpers:
        helper.start()
    use(0)
    for helper in helpers:
        helper.join()
    plan.raise_error()
