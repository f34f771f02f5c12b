"""Verdicts that are reached before anything is judged."""

import pytest

from reports.results import Verdict
from trustprobe.judging.outcomes import Inconclusive, Manual, NotApplicable, NotProvided, Outcome


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
    assert outcome.args == ("it has none",)
