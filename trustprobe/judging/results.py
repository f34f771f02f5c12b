"""From judgements to the results model: rows to cases, with the strength that the profile gives each of them."""

import platform
import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

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
from trustprobe.errors import ConfigurationError
from trustprobe.judging.applicability import excused, recommended
from trustprobe.judging.case import Case, applies, cases, rule_of
from trustprobe.judging.declared import part_rows, port_rows
from trustprobe.judging.judge import Judge, Judgement
from trustprobe.judging.observe import Observer
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
CHECKPOINT_SECONDS: Final = 5.0
"""The shortest time between two checkpoints."""
CHECKPOINT_SHARE: Final = 0.02
"""The largest share of a run that its checkpoints may take."""
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
    by_case: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        by_case.setdefault(judgement.case.id, []).append(judgement)
    known = cases()
    return tuple(
        _case(known[name], rule_of(run.profile, known[name]), by_case.get(name, []))
        for name in run.profile.cases
        if name in by_case or applies(run.profile, known[name])
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
        started=min((judgement.started for judgement in judgements), default=None),
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


class Checkpoint:
    """The plugin that writes `results.json` during a run, as an interrupted run writes it."""

    def __init__(self, judge: Judge, observer: Observer) -> None:
        self._judge, self._observer = judge, observer
        self._next = time.monotonic()

    def pytest_runtest_logfinish(self) -> None:
        """Write the results if it is time. If they cannot be written, the earlier ones are kept."""
        began = time.monotonic()
        if began < self._next:
            return
        folder = self._judge.run.folder
        first = not folder.results_json.exists()
        with suppress(ConfigurationError):
            folder.write(folder.results_json.name, assemble(self._judge, self._observer.firmware, True).to_json())
            if first:
                folder.finish()
        ended = time.monotonic()
        self._next = ended + max(CHECKPOINT_SECONDS, (ended - began) / CHECKPOINT_SHARE)
