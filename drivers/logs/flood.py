"""A burst of failed logins, and the event after it: does the log still show what matters?"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from drivers.guessing.attempt import LoginAttempt
from drivers.logs.collector import Collector
from drivers.logs.events import ExpectedRecord, asked_of
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.find import find_login
from drivers.network.web.login.form import LoginForm
from drivers.network.web.login.log_in import log_in
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, condition

SENDERS = 8
BURST_SECONDS = 15.0
"""The burst ends after this time, however many logins it came to."""


class Flood(Observation):
    """The event after the burst, as the fact `event`; how many logins of the burst were answered, and in what time."""

    answered: int
    burst_seconds: float
    logged: int
    """Records of the burst that arrived."""
    delay: float | None
    """Seconds from the event to its record."""


@dataclass(frozen=True)
class FloodLog:
    """Fail to log in many times, under names made for the run, then cause one event and wait for its record.

    Witness: that event was logged before the burst. Premise: the device answered at least half of the burst. If its
    server dropped the senders, no burst happened, and a record after it proves nothing.
    """

    collector: Collector
    web: Administration
    count: int
    cause: Callable[[], None]
    expected: ExpectedRecord
    calm: Witness
    """That the event is logged when nothing else happens."""

    @property
    def name(self) -> str:
        """One observation."""
        return "log_flood"

    def run(self, record: Recorder) -> Flood:
        """Burst, cause, wait."""
        prefix = f"tp-{secrets.token_hex(4)}-"
        pattern = self.expected.expression()
        start, begun = self.collector.mark(), time.monotonic()
        answered = self._burst(prefix, record)
        took = time.monotonic() - begun
        mark, caused = self.collector.mark(), time.monotonic()
        self.cause()
        found = self.collector.wait_for(lambda one: bool(pattern.search(one.record.text)), self.expected.seconds, mark)
        logged = sum(prefix in one.record.text for one in self.collector.records(start))
        words = f"{answered} of {self.count} failed logins were answered in {took:.1f} s, {logged} of them logged"
        record.note(words)
        delay = found.monotonic - caused if found else None
        came = f"{words}; the event after them " + (
            "was not logged" if delay is None else f"was logged after {delay:.2f} s"
        )
        return Flood(
            question=f"Does a burst of {self.count} failed logins hide the event after it?",
            facts=(Fact(about="event", answer=Answer.SEEN if found else Answer.SILENT, detail=came),),
            witness=self.calm,
            premise=condition(words, holds=answered >= self.count // 2),
            asked=asked_of(self.expected.kind),
            answered=answered,
            burst_seconds=round(took, 3),
            logged=logged,
            delay=delay,
        )

    def _burst(self, prefix: str, record: Recorder) -> int:
        """Send the logins over a few connections at a time; return how many were answered."""
        until = time.monotonic() + BURST_SECONDS
        answered: list[int] = []
        password = secrets.token_urlsafe(12)
        form = self._form()

        def send(first: int) -> None:
            client = self.web.client()
            names = (f"{prefix}{number}" for number in range(first, self.count, SENDERS))
            if form is None:  # a recipe, a script's login, a browser: slower, one by one
                tried = takewhile(lambda _: time.monotonic() < until, names)
                attempts = (log_in(client, self.web.http_login, name, password) for name in tried)
                answered.append(sum(_was_answered(attempt) for attempt in attempts))
                return
            forms = ({name: str(value) for name, value in form.filled(user, password).items()} for user in names)
            answered.append(client.post_forms(form.path, forms, until))

        threads = [threading.Thread(target=send, args=(first,), daemon=True) for first in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        record.progress(sum(answered), self.count, "failed logins")
        return sum(answered)

    def _form(self) -> LoginForm | None:
        """Return the form that can be sent repeatedly, or None."""
        if self.web.http_login.recipe is not None or self.web.http_login.browser:
            return None
        try:
            form = find_login(WebSession(self.web.client(), ""), self.web.http_login).form
        except NoAnswerError:
            return None
        return form if form is not None and form.method == "POST" and not form.json else None


def _was_answered(attempt: WebSession | LoginAttempt) -> bool:
    if isinstance(attempt, WebSession):
        attempt.close()
        return True
    return attempt.answer is Answer.REFUSED
