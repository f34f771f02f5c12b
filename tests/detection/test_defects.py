"""Soundness: the hardened device has no failure, and each planted flaw makes exactly its own cases fail."""

from collections import Counter

import pytest

from reports.results import Overall, Results, Verdict
from tests.detection.conftest import Run
from trustprobe.cli.matrix import PROFILE, compare
from virtual_lab.defects import register

RUNS = [(defect, capability) for defect, entry in register().items() for capability in entry.capabilities]
OPEN = {Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.MANUAL, Verdict.NOT_RUN}


@pytest.fixture(scope="module")
def hardened(run_device: Run) -> Results:
    return run_device()


@pytest.mark.xdist_group("hardened")
def test_the_hardened_device_conforms(hardened: Results) -> None:
    assert hardened.overall is Overall.CONFORMING, hardened.reason


@pytest.mark.xdist_group("hardened")
def test_the_hardened_device_leaves_nothing_open_and_fails_nothing(hardened: Results) -> None:
    poor = {case.id: case.reason for case in hardened.cases if case.verdict in OPEN | {Verdict.FAIL}}
    assert not poor


@pytest.mark.xdist_group("hardened")
def test_the_hardened_device_was_observed_over_serial_network_and_debug(hardened: Results) -> None:
    interfaces = Counter(str(one.interface) for case in hardened.cases for one in case.observations)
    assert len(hardened.cases) >= 20
    assert {"serial", "network", "debug", "log", "update"} <= set(interfaces)


@pytest.mark.xdist_group("hardened")
def test_every_observation_that_rests_on_silence_has_a_witness_that_holds(hardened: Results) -> None:
    bare = [one.probe for case in hardened.cases for one in case.observations if one.silent and not one.witness_holds]
    assert not bare


@pytest.mark.parametrize(("defect", "capability"), RUNS, ids=[f"{one}-{where}" for one, where in RUNS])
def test_a_defect_makes_exactly_its_cases_fail(defect: str, capability: str, run_device: Run) -> None:
    outcome = compare(defect, run_device(defect, profile=PROFILE, capability=capability), capability)
    assert not outcome.missed
    assert not outcome.others
