"""The hook that gives verdicts: one place decides, so that no author of a case can forget it.

The arguments of a case are what its verdict rests on; verdict.py states the rule.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from lab_config.base import Absent, NotSaid
from lab_config.bench import Permission
from lab_config.component import Component
from reports.results import Verdict
from trustprobe.errors import DeviceLostError, HarnessError, NotForwardedError, TrustprobeError
from trustprobe.judging.case import Case, case_of, row_of
from trustprobe.judging.labels import label_case, label_verdict
from trustprobe.judging.legible import make_legible
from trustprobe.judging.outcomes import Inconclusive, Outcome
from trustprobe.judging.presence import Presence
from trustprobe.judging.run import Run
from trustprobe.judging.schedule import decided_by_declaration, without_rows
from trustprobe.judging.verdict import after_failure, after_pass, sentence_of
from trustprobe.probe import Observation, printable

REASON_LIMIT = 1_000
NOT_REACHED = "the run ended before this case"
DESELECTED = "this case was deselected for the run"
_OFFLINE = ("documents",)
"""Interfaces of observations that say nothing about the device."""


def _harmless(component: Component) -> frozenset[Permission]:
    """Return the permissions that a case can have without harm, because the product is declared to lack the action."""
    has_no_reset = isinstance(component.reset, Absent) and not isinstance(component.reset, NotSaid)
    return frozenset({Permission.RESET} if has_no_reset else ())


@dataclass
class Judgement:
    """The verdict of one test item, and what it rests on."""

    item: str
    case: Case
    row: str
    verdict: Verdict = Verdict.NOT_RUN
    reason: str = NOT_REACHED
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    observations: list[Observation] = field(default_factory=list)
    lost_sight: bool = False
    """Whether a probe raised an error, so that the device may be gone."""

    @property
    def may_have_lost_it(self) -> bool:
        """Whether the device has to be there afterwards: the case disturbed it, or did not pass and had probed it."""
        if self.case.rank > 0 or self.lost_sight:
            return True
        probed = any(observation.interface not in _OFFLINE for observation in self.observations)
        return probed and self.verdict is not Verdict.PASS


class Judge:
    """The plugin of a judging run. `presence` keeps track of the device."""

    def __init__(self, run: Run, presence: Presence) -> None:
        self.run = run
        self.presence = presence
        self.judgements: dict[str, Judgement] = {}

    def plan(self, items: list[pytest.Item]) -> None:
        """Note every item of the profile as NOT_RUN; what is then deselected or interrupted stays so."""
        for item in items:
            if (entry := case_of(item)) is not None:
                self.judgements[item.nodeid] = Judgement(item.nodeid, entry, row_of(item))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note what was left out on purpose: it would not have run in a longer run either."""
        for item in items:
            if item.nodeid in self.judgements:
                self.judgements[item.nodeid].reason = DESELECTED

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Refuse what the bench does not allow and what the device can no longer answer; map outcomes of fixtures.

        Within pytest's own wrappers: what they have not set up for a refused case, they fail to tear down.
        """
        judgement = self.judgements[item.nodeid]
        judgement.started = datetime.now(UTC)
        label_case(self.run, judgement.case)
        try:
            self._may_ask(item, judgement.case)
            return (yield)
        except Outcome as outcome:
            self._decided(judgement, outcome.verdict_of(judgement.case.fails_on), outcome.reason)
        except DeviceLostError as error:
            judgement.lost_sight = True
            self._decided(judgement, Verdict.INCONCLUSIVE, str(error))
        except NotForwardedError as error:
            self._decided(judgement, Verdict.INCONCLUSIVE, error.words)
        except pytest.skip.Exception as skipped:
            self._note(judgement, Verdict.NOT_RUN, str(skipped))
            raise
        except AssertionError as error:
            make_legible(error)
            broken = HarnessError(
                f"an assertion failed before the case began: {sentence_of(error)}.", "Report this fault."
            )
            self._note(judgement, Verdict.ERROR, _sentence(broken))
            raise broken from error
        except Exception as error:
            make_legible(error)
            judgement.lost_sight = True
            self._note(judgement, Verdict.ERROR, _sentence(error))
            raise

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Judge: the case ran, and its observations say whether silence may count."""
        judgement = self.judgements[item.nodeid]
        judgement.observations = _rests_on(item)
        try:
            result = yield
        except Outcome as outcome:
            self._decided(judgement, outcome.verdict_of(judgement.case.fails_on), outcome.reason)
        except NotForwardedError as error:
            self._decided(judgement, Verdict.INCONCLUSIVE, error.words)
        except AssertionError as error:
            self._failed(judgement, error)
        except Exception as error:
            make_legible(error)
            self._note(judgement, Verdict.ERROR, _sentence(error))
            raise
        self._passed(judgement)
        return result

    def _may_ask(self, item: pytest.Item, entry: Case) -> None:
        if (outcome := without_rows(item) or decided_by_declaration(item, self.run, entry.fails_on)) is not None:
            raise outcome
        if lost := self.presence.lost():
            raise Inconclusive(lost)
        allowed = {*self.run.bench.allow, *_harmless(self.run.product.component)}
        if missing := [need for need in entry.needs if need not in allowed]:
            raise Inconclusive(f"the bench does not allow {', '.join(missing)}: add it to `allow` in the bench file")

    def _passed(self, judgement: Judgement) -> None:
        try:
            verdict, reason = after_pass(judgement.case, judgement.observations)
        except HarnessError as nothing:
            self._note(judgement, Verdict.ERROR, _sentence(nothing))
            raise
        if verdict is not Verdict.PASS:
            self._decided(judgement, verdict, reason)
        self._note(judgement, verdict, reason)

    def _failed(self, judgement: Judgement, error: AssertionError) -> NoReturn:
        make_legible(error)
        verdict, reason = after_failure(judgement.case, judgement.observations, sentence_of(error))
        missed = verdict is Verdict.FAIL and judgement.case.fails_on == "absence"
        if missed and (gone := self.presence.missing(judgement.case)):
            verdict, reason = Verdict.INCONCLUSIVE, f"{gone} ({reason})"
        if verdict is not Verdict.FAIL:
            self._decided(judgement, verdict, reason)
        self._note(judgement, verdict, reason)
        raise error

    def _decided(self, judgement: Judgement, verdict: Verdict, reason: str) -> NoReturn:
        self._note(judgement, verdict, reason)
        if verdict is Verdict.FAIL:
            pytest.fail(judgement.reason, pytrace=False)
        pytest.skip(f"{verdict}: {judgement.reason}")

    def _note(self, judgement: Judgement, verdict: Verdict, reason: str) -> None:
        judgement.verdict = verdict
        judgement.reason = self.run.redactor.text(printable(reason, REASON_LIMIT))
        label_verdict(judgement.verdict, judgement.reason, judgement.observations)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """After each case that disturbed the device or did not pass: is it still there, or did it come back?"""
        result = yield
        judgement = self.judgements[item.nodeid]
        judgement.seconds = round((datetime.now(UTC) - judgement.started).total_seconds(), 3)
        if judgement.may_have_lost_it and (effort := self.presence.after(judgement.case)):
            self._note(judgement, judgement.verdict, ". ".join(filter(None, (judgement.reason, effort))))
        return result


def _rests_on(item: pytest.Item) -> list[Observation]:
    """Return the observations among the arguments of the test function itself."""
    assert isinstance(item, pytest.Function)
    arguments = item._fixtureinfo.argnames
    return [value for name in arguments if isinstance(value := item.funcargs.get(name), Observation)]


def _sentence(error: Exception) -> str:
    if isinstance(error, TrustprobeError):
        return str(error)
    return f"harness: {type(error).__name__}: {error}"
