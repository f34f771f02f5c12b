"""The proof that the cases of this folder have in common: a case that fails on everything that the device showed."""

from collections.abc import Callable

from tests.suites.made_up import BROKEN, HOLDS, CaseFunction, fails, observed, passes, refused, silent, stays_open
from trustprobe.probe import Fact, Observation


def fails_on_presence(case: CaseFunction, *facts: Fact, says: str, made: Callable[..., Observation] = observed) -> bool:
    """Whether a case fails on these seen facts, says all of this about them, and otherwise rests on its witness.

    Refusals and proven silence must pass, and unproven silence must stay open.
    """
    names = [fact.about for fact in facts]
    no, nothing = [refused(name, "a refusal") for name in names], [silent(name, "silence") for name in names]
    return (
        passes(case, made(*no))
        and passes(case, made(*nothing, witness=HOLDS))
        and stays_open(case, made(*nothing, witness=BROKEN), says=BROKEN.what)
        and fails(case, made(*facts, refused("/c", "a refusal"), silent("/d", "silence"), witness=BROKEN), says=says)
    )
