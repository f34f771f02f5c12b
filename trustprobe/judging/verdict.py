"""The rule that gives verdicts: no verdict on silence without a witness.

A pass on silence (`fails_on="presence"`) and a fail on silence (`"absence"`) stand only with a witness. Without one,
the verdict is INCONCLUSIVE. If the premise of an observation did not happen, such as a restart, neither counts.
"""

from collections.abc import Sequence

from reports.results import Verdict
from trustprobe.errors import HarnessError
from trustprobe.judging.case import Case
from trustprobe.probe import Observation

Decision = tuple[Verdict, str]


def after_pass(entry: Case, observations: Sequence[Observation]) -> Decision:
    """Decide about a case whose assertions hold. Raises HarnessError if nothing was observed."""
    if not any(observation.facts for observation in observations):
        raise HarnessError("the case observed nothing: its probes returned no fact.", "Report this fault.")
    if missing := _missing_premise(observations):
        return Verdict.INCONCLUSIVE, missing
    unproven = _unproven(observations)
    if entry.fails_on == "presence" and unproven:
        return Verdict.INCONCLUSIVE, f"silence proves nothing here without a witness: {unproven}"
    if entry.fails_on == "absence" and not _saw(observations):
        return Verdict.INCONCLUSIVE, "the case requires something to be seen, and no probe saw it"
    return Verdict.PASS, ""


def after_failure(entry: Case, observations: Sequence[Observation], sentence: str) -> Decision:
    """Decide about a case one of whose assertions failed with this sentence, on a device that is still there."""
    if missing := _missing_premise(observations):
        return Verdict.INCONCLUSIVE, f"{missing} ({sentence})"
    if entry.fails_on == "presence" and not _saw(observations):
        return Verdict.INCONCLUSIVE, f"nothing was seen that can fail the case ({sentence})"
    unproven = _unproven(observations)
    if entry.fails_on == "absence" and unproven:
        return Verdict.INCONCLUSIVE, f"silence proves nothing here without a witness: {unproven} ({sentence})"
    return Verdict.FAIL, sentence


def sentence_of(error: AssertionError) -> str:
    """Return the author's sentence of a failed assertion, without pytest's explanation of the expression."""
    first = str(error).split("\nassert ", 1)[0].strip()
    return first or "the assertion failed"


def _saw(observations: Sequence[Observation]) -> bool:
    """Whether the device showed anything at all in these observations."""
    return any(observation.seen for observation in observations)


def _missing_premise(observations: Sequence[Observation]) -> str:
    """Return what did not happen although these observations rest on it. It is empty if all of it happened."""
    premises = (observation.premise for observation in observations)
    return "; ".join(premise.what for premise in premises if premise is not None and not premise.holds)


def _unproven(observations: Sequence[Observation]) -> str:
    """Return what proves nothing in these observations. It is empty if each is conclusive."""
    return "; ".join(observation.unproven for observation in observations if not observation.conclusive)
