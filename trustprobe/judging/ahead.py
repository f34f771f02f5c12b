"""Probes that begin before the first case: they wait longer than they ask, and tolerate other probes in parallel.

Cases that wait for them, or that tolerate nothing in parallel, come after the others (`schedule.Place`).
"""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from trustprobe.errors import TrustprobeError
from trustprobe.judging.case import case_of
from trustprobe.judging.outcomes import Outcome
from trustprobe.judging.plugin import OBSERVER, RUN
from trustprobe.judging.run import Run
from trustprobe.judging.schedule import Build, Scheduled, fixtures_of, value_of

GUESSES_AT_ONCE = 2
"""Interfaces at which logins are guessed in parallel: each guess costs a small processor a key exchange or a hash."""


@pytest.fixture(scope="session", autouse=True)
def asked_ahead(request: pytest.FixtureRequest) -> None:
    """Begin what the chosen cases will ask. If a probe cannot be built, the case that needs it reports the reason."""
    run = request.config.stash.get(RUN, None)
    if run is None or run.lost is not None:
        return
    observer, turn = request.config.stash[OBSERVER], threading.BoundedSemaphore(GUESSES_AT_ONCE)
    used = {one for item in request.session.items for one in fixtures_of(item)}
    in_order = sorted(used, key=lambda one: (one.schedule.guesses, one.schedule.before_guesses, one.source))
    guessing = any(one.schedule.guesses for one in used)
    for one in in_order:
        schedule = one.schedule
        if (schedule.guesses and _locks_others(run)) or (schedule.before_guesses and not guessing):
            continue
        for build in _builds(one, request, run):
            with suppress(Outcome, TrustprobeError):
                if schedule.before_guesses:
                    observer(build())
                else:
                    observer.begin(build(), steady=schedule.steady, turn=turn if schedule.guesses else None)


def _builds(one: Scheduled, request: pytest.FixtureRequest, run: Run) -> Iterator[Build]:
    if one.schedule.ahead is not None:
        yield from one.schedule.ahead(run)
    if (question := one.schedule.ahead_fixture) is not None:
        yield lambda: value_of(request, question)


def _locks_others(run: Run) -> bool:
    """Whether guesses at one interface may count at another: the address they come from is locked, not the account."""
    return any(lockout.per == "source" for lockout in run.product.component.lockouts)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let what was begun end before a case that changes something of the device."""
    entry = case_of(item)
    if entry is not None and entry.needs and OBSERVER in item.config.stash:
        item.config.stash[OBSERVER].settle(but_steady=entry.leaves_running)
