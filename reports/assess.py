"""From cases to requirements to the overall result: pure functions, without clock, file or device.

The rules are those of the design. Nothing passes because it was left out, and a failure below `required` changes no
requirement.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from lab_config.rules import Strength
from reports.results import CaseResult, Overall, RequirementResult, RequirementVerdict, Verdict
from trustprobe.probe import Frozen

NAMED = 6
"""The number of names in a one-line reason. Further names are counted."""


class Assessment(Frozen):
    """The assessment of a run: the overall result, the line that explains it, and every requirement of the profile."""

    overall: Overall
    reason: str
    requirements: tuple[RequirementResult, ...]


def requirement_result(
    identifier: str,
    text: str,
    cases: Iterable[CaseResult],
    *,
    recommended: bool = False,
    excused: str = "",
) -> RequirementResult:
    """Judge one requirement by the cases of the profile that name it in `covers`.

    FAIL if a required case fails. PASS only if at least one required case passes and each of them is PASS or
    NOT_APPLICABLE. UNCOVERED if no case names it. Otherwise OPEN. A `recommended` requirement is also judged by its
    expected cases. `excused` is why its condition does not hold: it is then NOT_APPLICABLE, unless a case failed.
    """
    covering = [case for case in cases if identifier in case.covers]
    deciding = (Strength.REQUIRED, Strength.EXPECTED) if recommended else (Strength.REQUIRED,)
    verdict, reason = _judge(covering, [case for case in covering if case.strength in deciding])
    if excused and verdict is RequirementVerdict.FAIL:
        reason = f"{reason}, although it is declared as not applicable: {excused}"
    elif excused:
        verdict, reason = RequirementVerdict.NOT_APPLICABLE, f"not applicable: {excused}"
    return RequirementResult(
        id=identifier,
        text=text,
        verdict=verdict,
        cases=tuple(case.id for case in covering),
        reason=f"recommended; {reason}".rstrip("; ") if recommended else reason,
        recommended=recommended,
    )


def verdict_of(cases: Sequence[CaseResult]) -> RequirementVerdict:
    """Return the common verdict of cases, such as those of a capability, by the rule for requirements."""
    return _judge(cases, [case for case in cases if case.strength is Strength.REQUIRED])[0]


def _judge(covering: Sequence[CaseResult], required: Sequence[CaseResult]) -> tuple[RequirementVerdict, str]:
    if not covering:
        return RequirementVerdict.UNCOVERED, "no case of the profile covers it"
    if failed := [case.id for case in required if case.verdict is Verdict.FAIL]:
        return RequirementVerdict.FAIL, f"failed: {', '.join(failed)}"
    if not required:
        return RequirementVerdict.OPEN, f"no required case covers it, only {', '.join(c.id for c in covering)}"
    settled = (Verdict.PASS, Verdict.NOT_APPLICABLE)
    if unsettled := [f"{case.id} ({case.verdict})" for case in required if case.verdict not in settled]:
        return RequirementVerdict.OPEN, f"open: {', '.join(unsettled)}"
    if not any(case.verdict is Verdict.PASS for case in required):
        return RequirementVerdict.OPEN, "every required case is NOT_APPLICABLE, so nothing was shown"
    return RequirementVerdict.PASS, ""


def assess(
    requirements: Mapping[str, str],
    cases: Sequence[CaseResult],
    *,
    recommended: Collection[str] = (),
    excused: Mapping[str, str] = MappingProxyType({}),
    missing: Collection[str] = (),
    run_reason: str = "",
) -> Assessment:
    """Judge every requirement of a profile, and the run.

    `requirements` is id to text for the whole profile. `cases` are the profile's cases; deselected ones are NOT_RUN.
    Of the requirements, `recommended` ones do not decide, and `excused` ones do not apply, for the reason given.
    `missing` names cases of the profile without any result, and `run_reason` states what impaired the whole run. With
    either of them the run is at best INCOMPLETE. A failure remains a failure, because it was seen.
    """
    results = tuple(
        requirement_result(name, text, cases, recommended=name in recommended, excused=excused.get(name, ""))
        for name, text in requirements.items()
    )
    mandatory = [result for result in results if not result.recommended]
    failing = [result for result in mandatory if result.verdict is RequirementVerdict.FAIL]
    passing = [result for result in mandatory if result.verdict is RequirementVerdict.PASS]
    excusable = [result for result in mandatory if result.verdict is RequirementVerdict.NOT_APPLICABLE]
    parts = [" ".join(run_reason.split()).rstrip(".")] if run_reason.strip() else []
    if failing:
        overall = Overall.NONCONFORMING
        parts.append(_failures(failing, len(mandatory), cases))
    elif passing and len(passing) + len(excusable) == len(mandatory) and not missing and not parts:
        overall = Overall.CONFORMING
        parts.append(_passes(len(passing), len(excusable)))
    else:
        overall = Overall.INCOMPLETE
        parts += _gaps(mandatory, missing)
    parts += _recommendations(results)
    return Assessment(overall=overall, reason=f"{overall}: {'; '.join(parts)}", requirements=results)


def _passes(passing: int, excusable: int) -> str:
    if excusable:
        verb = "passes" if passing == 1 else "pass"
        return f"{_requirements(passing)} {verb}, {excusable} not applicable as declared"
    return "the requirement passes" if passing == 1 else f"all {passing} requirements pass"


def _recommendations(results: Sequence[RequirementResult]) -> list[str]:
    """Return which recommendations are not met. They decide nothing."""
    names = [result.id for result in results if result.recommended and result.verdict is RequirementVerdict.FAIL]
    return [f"recommended but not met: {_listed(names)}"] if names else []


def _failures(failing: Sequence[RequirementResult], total: int, cases: Sequence[CaseResult]) -> str:
    culprits = {c.id for c in cases if c.strength is Strength.REQUIRED and c.verdict is Verdict.FAIL}
    names = [f"{result.id} ({', '.join(c for c in result.cases if c in culprits)})" for result in failing]
    return f"{len(failing)} of {_requirements(total)} {'fails' if len(failing) == 1 else 'fail'}: {_listed(names)}"


def _gaps(results: Sequence[RequirementResult], missing: Collection[str]) -> list[str]:
    if not results:
        return ["the profile contains no requirement"]
    gaps = []
    for verdict in (RequirementVerdict.OPEN, RequirementVerdict.UNCOVERED):
        if names := [result.id for result in results if result.verdict is verdict]:
            gaps.append(f"{_requirements(len(names))} {verdict.lower()}: {_listed(names)}")
    if all(result.verdict is RequirementVerdict.NOT_APPLICABLE for result in results):
        gaps.append("every requirement is declared as not applicable, so nothing was shown")
    if missing:
        gaps.append(f"no result for {_listed(sorted(missing))}")
    return gaps


def _requirements(count: int) -> str:
    return "1 requirement" if count == 1 else f"{count} requirements"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
