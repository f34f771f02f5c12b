import pytest

from drivers.network.web.probes.state_report import AskStateReport, ReadStateReport, StateReport
from tests.drivers.logs.log_device import REPORT, LogDevice, running
from tests.drivers.recorder import MemoryRecorder

WRITES = {f"{method} {who}" for method in ("PUT", "POST", "DELETE") for who in ("anonymous", "viewer")}


def access(device: LogDevice) -> AskStateReport:
    return AskStateReport(REPORT, device.web("viewer"))


def read(device: LogDevice) -> StateReport:
    return ReadStateReport(REPORT, (device.web("admin"), device.web("viewer"))).run(MemoryRecorder())


def test_each_reader_is_shown_the_state_and_the_declared_fields() -> None:
    with running() as device:
        seen = read(device)
    assert seen.seen == {"state admin", "state viewer", "failed_logins admin", "failed_logins viewer"}
    assert seen.states == {"healthy"}


def test_a_report_that_is_missing_is_silence_that_the_logins_prove() -> None:
    with running("no_report") as device:
        seen = read(device)
    assert len(seen.silent) == 4
    assert not seen.states
    assert seen.conclusive


def test_a_reader_who_cannot_log_in_proves_nothing() -> None:
    with running() as device:
        stranger = device.web("viewer", "wrong")
        assert not ReadStateReport(REPORT, (stranger,)).run(MemoryRecorder()).conclusive
        assert not AskStateReport(REPORT, stranger).run(MemoryRecorder()).conclusive


def test_a_protected_report_is_refused_to_strangers_and_to_writers() -> None:
    with running() as device:
        seen = access(device).run(MemoryRecorder())
    assert seen.refused == {"GET anonymous"} | WRITES
    assert seen.conclusive


def test_a_stranger_who_gets_no_answer_is_proven_by_no_reader_who_gets_one() -> None:
    with running("drops_strangers") as device:
        seen = access(device).run(MemoryRecorder())
    assert seen.silent == {f"{method} anonymous" for method in ("GET", "PUT", "POST", "DELETE")}
    assert not any(seen.about(about).conclusive for about in seen.silent)
    assert seen.about("PUT viewer").conclusive


def test_a_report_for_everybody_is_seen() -> None:
    with running("report_for_all") as device:
        seen = access(device).run(MemoryRecorder())
    assert seen.seen == {"GET anonymous"}


@pytest.mark.parametrize("habit", ["report_leads_to_start", "report_breaks"])
def test_a_change_that_is_neither_granted_nor_refused_is_proven_by_no_report(habit: str) -> None:
    with running(habit) as device:
        seen = access(device).run(MemoryRecorder())
    assert seen.silent == WRITES
    assert not any(seen.about(about).conclusive for about in WRITES)
    assert seen.about("GET anonymous").conclusive


def test_a_change_that_is_denied_with_status_200_is_refused() -> None:
    with running("report_denies_with_200") as device:
        seen = access(device).run(MemoryRecorder())
    assert seen.refused == {"GET anonymous"} | WRITES


def test_a_state_that_a_reader_can_set_is_seen() -> None:
    with running("report_writable") as device:
        seen = access(device).run(MemoryRecorder())
    assert seen.seen == {"PUT viewer", "POST viewer", "DELETE viewer"}
