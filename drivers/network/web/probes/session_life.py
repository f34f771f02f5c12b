"""How long sessions of the web administration last: one that nobody uses, and one that is used all the time.

The end of a session proves something only if another session lives: a restart ends them all.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.sessions import SESSION, enter, fact, kept_copy, look, looked, valid
from drivers.network.web.login.session import WebSession
from trustprobe.probe import Answer, Observation, Recorder, Witness, all_of, condition, printable

GRACE_SECONDS, GRACE_PART = 1.0, 0.05
"""How much later than declared a session may end: a second, or this part of its time where that is more."""
LOOKS = 4
"""How often a session that is kept busy is used in the time after which an idle one ends."""


class Lasting(Observation):
    """How long sessions last; fact `idle` of one that nobody used, `absolute` of one that was used all the time.

    SEEN is one that is still valid after the time that was waited.
    """

    waited: Mapping[str, float]
    """Seconds, by fact."""
    witnesses: Mapping[str, Witness]
    """What each fact rests on."""

    def of(self, about: str) -> "Lasting":
        """Narrow to one fact and its own witness."""
        return self.about(about).model_copy(update={"witness": self.witnesses[about]})


@dataclass(frozen=True)
class WaitForEnd:
    """Leave a session alone, keep another one busy, and look at each when its time is over.

    Witness of the idle one: a session of the same age that was kept busy is valid then. Of the busy one: a session that
    began in the middle is. Begin it early: it waits more than it asks.
    """

    web: Administration
    idle: float | None
    """Seconds after which a session that nobody used has to be over; None asks nothing of it."""
    absolute: float | None = None
    """Seconds after which a session has to be over, used or not."""
    grace: float = GRACE_SECONDS

    @property
    def name(self) -> str:
        """One observation."""
        return "session_life"

    def run(self, record: Recorder) -> Lasting:
        """Log in, use what is to be kept busy, and look at the end."""
        asked: list[tuple[type[_Life], float | None]] = [(_Idle, self.idle), (_Absolute, self.absolute)]
        lives = [kind(seconds, self.grace, self.web, record) for kind, seconds in asked if seconds is not None]
        for life in lives:
            life.begin()
        steps = sorted(((life.began + after, life) for life in lives for after in life.steps()), key=itemgetter(0))
        for number, (when, life) in enumerate(steps, start=1):
            record.progress(number, len(steps), f"waiting for sessions to end ({life.about})")
            threading.Event().wait(max(0.0, when - time.monotonic()))
            life.step(last=when == life.began + life.ends)
        for life in lives:
            record.note(f"{life.about} -> {life.found.answer}: {life.found.detail}")
        return Lasting(
            question="Does a session end automatically?",
            facts=tuple(life.found for life in lives),
            witness=all_of(life.witness for life in lives),
            asked=self.web.asked(SESSION),
            waited={life.about: life.ends for life in lives},
            witnesses={life.about: life.witness for life in lives},
        )


def lasts(seconds: float, grace: float = GRACE_SECONDS) -> float:
    """Return how long is waited for an end that is due after so many seconds."""
    return seconds + max(grace, seconds * GRACE_PART)


class _Life:
    """One session that has to end, and another one that has to live."""

    about = asked = kept = ""

    def __init__(self, seconds: float, grace: float, web: Administration, record: Recorder) -> None:
        self.seconds = seconds
        self.ends = lasts(seconds, grace)
        self.web = web
        self.record = record
        self.subject: WebSession | None = None
        self.other: WebSession | None = None
        self.began = 0.0
        self.witness = condition("the session was not checked yet", holds=False)
        self.found = fact(self.about, Answer.SILENT, "not tested")

    def begin(self) -> None:
        """Log in."""
        entered = self.enter()
        self.subject = None if entered is None else kept_copy(entered)
        self.began = time.monotonic()

    def enter(self) -> WebSession | None:
        """Log in once more; None where that fails, and then nothing is proven."""
        entered = enter(self.web, self.record)
        if isinstance(entered, LoginAttempt):
            words = f"the login of {self.web.user} failed: {printable(entered.detail, 300)}"
            self.witness = condition(words, holds=False)
            return None
        return entered.session

    def steps(self) -> list[float]:
        """Return when, in seconds after the beginning, sessions are used; the last is the end."""
        if self.subject is None:
            return []
        pause = self.seconds / LOOKS
        return [*(pause * number for number in range(1, LOOKS + 1)), self.ends]

    def step(self, *, last: bool) -> None:
        """Use what is kept busy; with the last step, look at both and log out."""
        if not last:
            self.use()
        elif self.subject is not None:
            answer, words = look(self.subject, self.web.http_login)
            self.found = looked(self.about, answer, f"{self.asked} {self.ends:g} s: {words}")
            if self.other is not None:
                self.witness = valid(self.kept, *look(self.other, self.web.http_login), self.web.asked(SESSION))
                self.other.close()
            self.subject.close()

    def use(self) -> None:
        """Use what is kept busy."""


class _Idle(_Life):
    about = "idle"
    asked = "unused for"
    kept = "a session of the same age that was in use"

    def begin(self) -> None:
        """Log in twice: the first one is kept busy."""
        self.other = self.enter()
        super().begin()

    def use(self) -> None:
        """Use the other one. Its answer counts only at the end."""
        if self.other is not None:
            look(self.other, self.web.http_login)


class _Absolute(_Life):
    about = "absolute"
    asked = "in use for"
    kept = "a session that began in the middle"

    def use(self) -> None:
        """Use both; the other one begins in the middle."""
        if self.other is None and time.monotonic() - self.began >= self.seconds / 2:
            self.other = self.enter()
        for session in (self.subject, self.other):
            if session is not None:
                look(session, self.web.http_login)
