"""Which login is tried next, by however many try at once: guesses, and valid logins between them as controls.

The plan keeps below a declared lockout, and eases where a device stops answering or slows down. It knows no door: what
is tried, and on what, is in `logins.py`.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.pace import GuessPace
from trustprobe.probe import Answer, Fact, Recorder, Witness

BATCH = 10
"""Guesses of each way to the door between two controls; more where they go fast: a batch then lasts BATCH_SECONDS."""
FIRST_BATCH = 5
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
STOPPED = "the valid login no longer worked"
"""Why the rest of the guesses is not asked, where a control did not get in."""
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
    patient: bool = True
    """Whether silence is worth asking again; not where wrong passwords get none other from the start."""
    clock: Callable[[], float] = time.monotonic
    answers: dict[str, Fact] = field(default_factory=dict, init=False)
    controls: list[Witness] = field(default_factory=list, init=False)
    stopped: str = field(default="", init=False)
    eased: int = field(default=0, init=False)
    """How often the device was eased."""
    most_at_once: int = field(default=0, init=False)
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
    _spent: float = field(default=0.0, init=False)
    _least: float = field(default=float("inf"), init=False)
    _full_at: float = field(default=0.0, init=False)
    _doubt: bool = field(default=False, init=False)
    _retries: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Sort what is to be asked by user name."""
        for pair in self.pairs:
            self._pending.setdefault(pair.user, deque()).append(pair)

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

    def done(self, way: int, attempt: "LoginAttempt", seconds: float) -> None:
        """Take how the login that was handed to a way has ended, and how long it took."""
        with self._changed:
            step = self._open.pop(way)
            if step.pair is None:
                self._controlled(step, attempt)
            else:
                self._guessed(step.pair, attempt, seconds)
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
        alone = self.pace.lockout is not None or self._doubt
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
        mine = self._last.get(way)
        others = {user for number, user in self._last.items() if number != way}
        allowed = (user for user in self._pending if self.pace.may(user))
        user = min(allowed, key=lambda user: 0 if user == mine else 1 + (user in others), default=None)
        return None if user is None else self._pending[user][0]

    def _begin(self, way: int, step: GuessStep) -> None:
        self._open[way] = step
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
        return self.pace.rest(self._pending)

    def _guessed(self, pair: "Pair", attempt: "LoginAttempt", seconds: float) -> None:
        self.pace.answered(pair.user, got_in=attempt.answer is Answer.SEEN)
        self.record.note(f"{pair.about} -> {attempt.answer}: {attempt.detail}")
        if attempt.picture:
            self.record.keep(f"{pair.about}.png", attempt.picture)
        self._since += 1
        self._spent += seconds
        silent = attempt.answer is Answer.SILENT
        if silent and self.patient:
            if not attempt.stale and not self._doubt:
                self._ease(f"{pair.about} got no answer")
                self.at_once, self._doubt = self._width, True
            if self._asked[pair.about] < ASKED_MOST:
                self._pending.setdefault(pair.user, deque()).appendleft(pair)
                return
        self.answers[pair.about] = Fact(about=pair.about, answer=attempt.answer, detail=attempt.detail)
        self.record.progress(len(self.answers), len(self.pairs), f"{self.interface}: {pair.user}")
        self._silences = self._silences + 1 if silent and self.patient else 0
        if self._silences >= SILENCES_MOST:
            self._stop(f"{SILENCES_MOST} guesses in a row got no answer")

    def _controlled(self, step: GuessStep, attempt: "LoginAttempt") -> None:
        """A control without an answer is tried again; one that is refused is not."""
        if attempt.answer is Answer.SILENT and self._retries < len(RETRY_SECONDS):
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
        each = self._spent / self._since / self._width if self._since else self._least
        if self._doubt:
            self._doubt = False
        elif each > SLOWED * self._least:
            self._ease(f"a guess takes {each / self._least:.1f} times as long as before")
        else:
            self._width = min(self.at_once, self._width + 1 if self.eased else self._width * GROWTH)
        self._least = min(self._least, each)
        self._since, self._spent, self._full_at = 0, 0.0, self.clock() + BATCH_SECONDS

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
