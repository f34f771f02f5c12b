"""From judgements to the results model: rows to cases, with the strength that the profile gives each of them."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby

from lab_config.base import Absent
from lab_config.rules import CaseRule
from reports.assess import assess
from reports.results import (
    CaseResult,
    Interface,
    ObservationSummary,
    ProductSummary,
    ProfileSummary,
    Results,
    Row,
    Verdict,
    case_reason,
    case_verdict,
)
from standards.catalogue import catalogues
from trustprobe.judging.applicability import excused, recommended
from trustprobe.judging.case import Case, applies, cases, rule_of
from trustprobe.judging.declared import part_rows, port_rows
from trustprobe.judging.judge import Judge, Judgement
from trustprobe.judging.run import Run
from trustprobe.probe import Observation

TOOLS = (
    "trustprobe",
    "pytest",
    "scapy",
    "dnspython",
    "paramiko",
    "pyserial",
    "pyOpenSSL",
    "cryptography",
    "allure-pytest",
)
_INTERFACES = {str(interface): interface for interface in Interface} | {
    "logs": Interface.LOG,
    "documents": Interface.DOCUMENT,
}


def assemble(judge: Judge, firmware: str, interrupted: bool) -> Results:
    """Return the results of a run, finished or interrupted."""
    run = judge.run
    results = _cases(run, list(judge.judgements.values()))
    observations = [observation for judged in judge.judgements.values() for observation in judged.observations]
    spoilt = run.lost or ("the run was interrupted: the remaining cases are NOT_RUN" if interrupted else "")
    assessment = assess(
        {item: catalogues().text(item) for item in run.profile.requirements},
        results,
        recommended=recommended(run.profile),
        excused=excused(run.profile, run.product),
        run_reason=run.redactor.text(spoilt),
    )
    return Results(
        overall=assessment.overall,
        exit_code=assessment.overall.exit_code,
        reason=assessment.reason,
        profile=ProfileSummary(
            id=run.profile.id, title=run.profile.title, outside=run.profile.outside, reference=run.profile.catalogue
        ),
        product=ProductSummary(
            id=run.product.id,
            name=run.product.name,
            manufacturer=run.product.manufacturer,
            model=run.product.model,
            firmware=run.product.firmware,
        ),
        sample=run.bench.sample,
        bench=run.bench.id,
        operator=run.operator,
        tools={name: version(name) for name in TOOLS} | {"python": platform.python_version()},
        started=run.started,
        finished=datetime.now(UTC),
        requirements=assessment.requirements,
        cases=results,
        limits=_limits(run),
        firmware_seen=(firmware,),
        ports=port_rows(run.product.component, observations),
        parts=part_rows(run.product.component, observations),
    )


def _limits(run: Run) -> tuple[str, ...]:
    """List what this bench cannot observe."""
    limits = [f"outside the profile: {run.profile.outside}"]
    limits += [f"not on this bench: {part}" for part in run.product.elsewhere]
    if not isinstance(run.bench.network, Absent) and run.bench.network.forwarded:
        limits.append(
            "ports are forwarded to the device: a full sweep would probe the forwarding machine, not the device"
        )
    for name in ("network", "console", "jtag", "power", "collector"):
        if isinstance(part := getattr(run.bench, name), Absent):
            limits.append(f"the bench has no {name}: {part.absent}")
    return tuple(limits)


def _cases(run: Run, judgements: list[Judgement]) -> tuple[CaseResult, ...]:
    by_case = sorted(judgements, key=lambda judgement: judgement.case.id)
    ran = {
        name: _case(entries[0].case, rule_of(run.profile, entries[0].case), entries)
        for name, group in groupby(by_case, key=lambda judgement: judgement.case.id)
        if (entries := list(group))
    }
    known = cases()
    return tuple(
        ran.get(name) or _case(known[name], rule_of(run.profile, known[name]), [])
        for name in run.profile.cases
        if name in ran or applies(run.profile, known[name])
    )


def _case(case: Case, rule: CaseRule, judgements: list[Judgement]) -> CaseResult:
    rows = tuple(
        Row(
            id=judgement.row or case.id,
            verdict=judgement.verdict,
            reason=judgement.reason if judgement.verdict is not Verdict.PASS else "",
            started=judgement.started,
            seconds=judgement.seconds,
            observations=tuple(observation.probe for observation in judgement.observations),
        )
        for judgement in judgements
    )
    observations = {o.probe: o for judgement in judgements for o in judgement.observations}
    return CaseResult(
        id=case.id,
        title=case.title,
        capability=case.capability,
        covers=case.covers,
        strength=rule.strength,
        clause=rule.clause,
        reading=rule.reading,
        verdict=case_verdict(row.verdict for row in rows),
        reason=case_reason(rows) if rows else "no row was run",
        rows=rows,
        started=min((row.started for row in rows if row.started), default=None),
        seconds=round(sum(row.seconds for row in rows), 3),
        observations=tuple(_summary(observation) for observation in observations.values()),
        recommendation=case.advice,
        procedure=case.procedure,
    )


def interface_of(folder: str) -> Interface:
    """Return the interface that a folder of drivers/ is for; NONE for the name of no such folder."""
    return _INTERFACES.get(folder, Interface.NONE)


def _summary(observation: Observation) -> ObservationSummary:
    return ObservationSummary(
        probe=observation.probe,
        question=observation.question,
        interface=interface_of(observation.interface),
        seen=len(observation.seen),
        refused=len(observation.refused),
        silent=len(observation.silent),
        witness=observation.witness.what if observation.witness else None,
        witness_holds=observation.witness.holds if observation.witness else None,
        evidence=observation.evidence,
    )
