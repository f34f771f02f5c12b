from collections.abc import Iterator

import pytest

from drivers.power import evidence as restart_evidence
from drivers.power.evidence import RestartEvidence
from tests.drivers.recorder import MemoryRecorder
from trustprobe.judging.restart import Participant, RestartQuestion, SharedRestart
from trustprobe.probe import Answer, Fact, Observation, Recorder


class Device:
    """A device that answers, or not, as often as it is asked."""

    def __init__(self, *silences: bool) -> None:
        self._silences: Iterator[bool] = iter(silences)
        self._last = silences[-1]
        self.asked = 0

    def silent(self, seconds: float) -> str | None:
        assert seconds > 0
        self.asked += 1
        self._last = next(self._silences, self._last)
        return "the device does not answer" if self._last else None


class Looker:
    """A probe that rests on the restart."""

    name = "looker"

    def __init__(self, part: Participant) -> None:
        self._part = part

    def run(self, record: Recorder) -> Observation:
        self._part.restart()
        return Observation(question="?", facts=(Fact(about="kept", answer=Answer.SEEN),))


def looked(evidence: RestartEvidence | None, *, shows_itself: bool = False) -> Observation:
    shared = SharedRestart(evidence.look_while_off if evidence else lambda: None, evidence=evidence)
    part = Participant(shared)
    return RestartQuestion(Looker(part), part, shows_itself=shows_itself).run(MemoryRecorder())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart_evidence, "OFF_SECONDS", 0.05)


def test_a_device_that_is_silent_while_its_power_is_off_has_restarted() -> None:
    premise = looked(RestartEvidence(Device(True).silent)).premise
    assert premise is not None and premise.holds
    assert "silent while its power was off" in premise.what


def test_a_switch_that_switches_nothing_is_no_restart() -> None:
    premise = looked(RestartEvidence(Device(False).silent)).premise
    assert premise is not None and not premise.holds
    assert "still answered" in premise.what


def test_one_lost_answer_is_no_restart() -> None:
    premise = looked(RestartEvidence(Device(True, False).silent)).premise
    assert premise is not None and not premise.holds


def test_a_device_may_answer_for_a_moment_after_the_switch() -> None:
    device = Device(False, False, True)
    premise = looked(RestartEvidence(device.silent)).premise
    assert premise is not None and premise.holds
    assert device.asked == 4


def test_the_console_shows_a_restart_that_the_network_does_not_show() -> None:
    evidence = RestartEvidence(Device(False).silent)
    shared = SharedRestart(evidence.look_while_off, evidence=evidence)
    Participant(shared).restart()
    Participant(shared).confirm("the console showed the first line of a start")
    assert evidence.witness.holds
    assert evidence.witness.what == "the device restarted: the console showed the first line of a start"


def test_a_bench_without_a_canary_shows_no_restart() -> None:
    premise = looked(RestartEvidence(None)).premise
    assert premise is not None and not premise.holds
    assert restart_evidence.NO_CANARY in premise.what


def test_a_probe_that_reads_the_start_itself_needs_no_other_sign() -> None:
    assert looked(RestartEvidence(Device(False).silent), shows_itself=True).premise is None
    assert looked(None).premise is None


def test_a_participant_of_a_restart_without_evidence_confirms_nothing() -> None:
    Participant(SharedRestart(lambda: None)).confirm("a sign")
