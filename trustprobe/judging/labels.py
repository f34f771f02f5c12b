"""What Allure shows of a case: epic, feature, story, tags, steps and attachments.

Epic is the product, feature the capability, story the item of IR 8425, tags are the other clauses.
"""

import json

import allure

from lab_config.rules import Strength
from reports.results import Verdict
from trustprobe.judging.case import Case, rule_of
from trustprobe.judging.run import Run
from trustprobe.probe import Observation, printable

_SEVERITY = {
    Strength.REQUIRED: allure.severity_level.CRITICAL,
    Strength.EXPECTED: allure.severity_level.NORMAL,
    Strength.ADVISORY: allure.severity_level.MINOR,
}


def label_case(run: Run, case: Case) -> None:
    """Label the running test with what is known before it is asked."""
    allure.dynamic.epic(run.product.name)
    allure.dynamic.feature(case.capability.replace("_", " "))
    for clause in case.covers:
        if " " in clause:
            allure.dynamic.tag(clause)
        else:
            allure.dynamic.story(clause)
    allure.dynamic.label("case", case.id)
    allure.dynamic.label("bench", run.bench.id)
    allure.dynamic.description(case.procedure)
    if case.id in run.profile.cases:
        allure.dynamic.severity(_SEVERITY[rule_of(run.profile, case).strength])


def label_verdict(verdict: Verdict, reason: str, observations: list[Observation]) -> None:
    """Label the running test with its verdict, and show what the verdict rests on, one step an observation."""
    allure.dynamic.label("verdict", str(verdict))
    for observation in observations:
        witness = observation.witness
        with allure.step(printable(observation.question)):
            text = json.dumps(observation.model_dump(mode="json"), indent=1)  # in ASCII: nothing is interpreted
            allure.attach(text, observation.probe or "observation", allure.attachment_type.JSON)
        if witness:
            with allure.step(f"witness {'seen' if witness.holds else 'NOT seen'}: {printable(witness.what)}"):
                pass
    with allure.step(f"verdict {verdict}{': ' + reason if reason else ''}"):
        pass
