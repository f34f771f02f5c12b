"""Verdicts that are reached before anything is judged."""

import pytest

from reports.results import Verdict
from trustprobe.judging.outcomes import FailsOn, Inconclusive, Lacking, Manual, NotApplicable, NotProvided, Outcome


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (Outcome, Verdict.ERROR),
        (Inconclusive, Verdict.INCONCLUSIVE),
        (NotApplicable, Verdict.NOT_APPLICABLE),
        (Manual, Verdict.MANUAL),
        (NotProvided, Verdict.FAIL),
    ],
)
def test_an_outcome_is_a_verdict_with_a_reason(kind: type[Outcome], verdict: Verdict) -> None:
    outcome = kind("it has none")
    assert (outcome.verdict, outcome.reason, str(outcome)) == (verdict, "it has none", "it has none")
    assert outcome.verdict_of("presence") is outcome.verdict_of("absence") is verdict
    assert outcome.args == kind(reason="it has none").args == ("it has none",)


@pytest.mark.parametrize(("fails_on", "verdict"), [("absence", Verdict.FAIL), ("presence", Verdict.NOT_APPLICABLE)])
def test_a_lacking_capability_fails_only_a_case_that_requires_it(fails_on: FailsOn, verdict: Verdict) -> None:
    assert Lacking("it has none").verdict_of(fails_on) is verdict
