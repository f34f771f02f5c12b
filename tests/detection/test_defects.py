"""Soundness: the hardened device has no failure, and each planted flaw makes exactly its own cases fail.

Flaws that cannot touch each other share a run (`grouping.py`); `make matrix` plants each of them alone.
"""

from collections import Counter

import pytest

from reports.results import Overall
from tests.detection.conftest import Judged, JudgeDevice
from tests.detection.failure import require_exactly_planted, require_no_fault
from tests.detection.grouping import runs
from trustprobe.cli.matrix import PROFILE

MANY = 10
"""Flaws of a run from which on it is worth its seconds in `make test`.

A run for one flaw costs as much as one for thirty. `make test-all` plants those that cannot share one as well; in
`make test`, the tests of their probes and of their cases stand for them.
"""
RUNS = [
    pytest.param(*run, id="+".join(run[0]), marks=() if len(run[0]) >= MANY else pytest.mark.thorough) for run in runs()
]


# `make run` judges the same device, and fails if anything fails or stays open.
hardened_run = pytest.mark.thorough


@pytest.fixture(scope="module")
def hardened(judge_device: JudgeDevice) -> Judged:
    return judge_device()


@hardened_run
def test_the_hardened_device_leaves_nothing_open_and_fails_nothing(hardened: Judged) -> None:
    require_no_fault(hardened.results, hardened.folder)


@hardened_run
def test_the_hardened_device_conforms(hardened: Judged) -> None:
    assert hardened.results.overall is Overall.CONFORMING, hardened.results.reason


@hardened_run
def test_the_hardened_device_was_observed_over_serial_network_and_debug(hardened: Judged) -> None:
    interfaces = Counter(str(one.interface) for case in hardened.results.cases for one in case.observations)
    assert len(hardened.results.cases) >= 20
    assert {"serial", "network", "debug", "log", "update"} <= set(interfaces)


@hardened_run
def test_every_observation_that_rests_on_silence_has_a_witness_that_holds(hardened: Judged) -> None:
    seen = [one for case in hardened.results.cases for one in case.observations]
    bare = [one.probe for one in seen if one.silent and not one.witness_holds]
    assert not bare


@pytest.mark.parametrize(("defects", "capabilities"), RUNS)
def test_each_defect_makes_exactly_its_cases_fail(
    defects: tuple[str, ...], capabilities: tuple[str, ...], judge_device: JudgeDevice
) -> None:
    judged = judge_device(*defects, profile=PROFILE, capabilities=capabilities)
    require_exactly_planted(defects, judged.results, judged.folder, capabilities)
