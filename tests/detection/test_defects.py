"""Soundness: the hardened device has no failure, and each planted flaw makes exactly its own cases fail.

Flaws that cannot touch each other share a run (`grouping.py`); `make matrix` plants each of them alone.
"""

from collections import Counter

import pytest

from reports.results import Overall, Results, Verdict
from tests.detection.conftest import Run
from tests.detection.grouping import runs
from trustprobe.cli.matrix import PROFILE, compare

RUNS = runs()
OPEN = {Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.MANUAL, Verdict.NOT_RUN}


@pytest.fixture(scope="module")
def hardened(run_device: Run) -> Results:
    return run_device()


@pytest.mark.xdist_group("hardened")
def test_the_hardened_device_conforms(hardened: Results) -> None:
    assert hardened.overall is Overall.CONFORMING, poor_cases(hardened)


@pytest.mark.xdist_group("hardened")
def test_the_hardened_device_leaves_nothing_open_and_fails_nothing(hardened: Results) -> None:
    assert not poor_cases(hardened)


@pytest.mark.xdist_group("hardened")
def test_the_hardened_device_was_observed_over_serial_network_and_debug(hardened: Results) -> None:
    interfaces = Counter(str(one.interface) for case in hardened.cases for one in case.observations)
    assert len(hardened.cases) >= 20
    assert {"serial", "network", "debug", "log", "update"} <= set(interfaces)


@pytest.mark.xdist_group("hardened")
def test_every_observation_that_rests_on_silence_has_a_witness_that_holds(hardened: Results) -> None:
    bare = [one.probe for case in hardened.cases for one in case.observations if one.silent and not one.witness_holds]
    assert not bare


@pytest.mark.parametrize(("defects", "capability"), RUNS, ids=["+".join(one) for one, _ in RUNS])
def test_each_defect_makes_exactly_its_cases_fail(defects: tuple[str, ...], capability: str, run_device: Run) -> None:
    results = run_device(*defects, profile=PROFILE, capabilities=(capability,))
    outcome = compare(defects, results, (capability,))
    assert not outcome.missed, poor_cases(results)
    assert not outcome.others, poor_cases(results)


def poor_cases(results: Results) -> dict[str, str]:
    """What was open or failed, and why."""
    return {case.id: case.reason for case in results.cases if case.verdict in OPEN | {Verdict.FAIL}}
