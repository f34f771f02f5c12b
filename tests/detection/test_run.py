"""The run as a whole: the same twice, without power, without namespaces, and by the whole rule book."""

import pytest

from reports.results import Overall, RequirementVerdict, Results, Verdict
from tests.detection.conftest import Run


def rows(results: Results) -> dict[str, Verdict]:
    return {f"{case.id}[{row.id}]": row.verdict for case in results.cases for row in case.rows}


# Quick runs show the same: the hardened device has to conform in test_defects.py, and again in test_desk.py.
@pytest.mark.thorough
def test_the_same_device_gives_the_same_verdicts_twice(run_device: Run) -> None:
    first = run_device("telnet_open", capabilities=("interface_access_control",))
    second = run_device("telnet_open", capabilities=("interface_access_control",))
    assert rows(first) == rows(second)


def test_a_device_without_power_passes_nothing_and_fails_nothing(run_device: Run) -> None:
    results = run_device(unpowered=True)
    # What the declaration alone decides does not need the device.
    assert set(rows(results).values()) == {Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE}
    assert sum(verdict is Verdict.NOT_APPLICABLE for verdict in rows(results).values()) < 10
    assert results.exit_code == 2
    assert "the device does not answer: tcp/443" in results.reason


# Quick tests show that each sweep of forwarded ports is left open: tests/fixtures/network/test_declared_ports.py.
@pytest.mark.thorough
def test_without_namespaces_the_sweeps_are_inconclusive_and_the_run_is_incomplete(run_device: Run) -> None:
    results = run_device(loopback=True, capabilities=("interface_access_control",))
    verdicts = {case.id: case for case in results.cases}
    assert results.overall is Overall.INCOMPLETE
    for sweep in ("ports.tcp.undeclared", "ports.udp.undeclared", "services.forbidden"):
        assert verdicts[sweep].verdict is Verdict.INCONCLUSIVE
        assert "forwarded" in verdicts[sweep].reason
    assert verdicts["credentials.default.ssh"].verdict is Verdict.PASS


def test_the_whole_rule_book_names_what_no_case_covers(run_device: Run) -> None:
    results = run_device(profile="cyber_trust_mark", capabilities=("asset_identification",))
    uncovered = [one.id for one in results.requirements if one.verdict is RequirementVerdict.UNCOVERED]
    assert results.overall is Overall.INCOMPLETE
    assert len(results.requirements) == 65
    assert "AI-2" in uncovered
    assert "uncovered" in results.reason


@pytest.mark.parametrize("defect", ["no_such_defect", "../telnet_open"])
def test_a_defect_that_does_not_exist_is_refused_before_anything_starts(defect: str, run_device: Run) -> None:
    from trustprobe.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="there is no defect"):
        run_device(defect)
