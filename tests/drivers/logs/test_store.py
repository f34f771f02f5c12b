from dataclasses import replace

import pytest

from drivers.login import Login
from drivers.logs.store import ClearLog, KeepLog, ReadLog, WriteLog
from tests.drivers.logs.log_device import LogDevice, running
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer


def test_a_log_that_is_shown_to_its_reader_alone_is_refused_to_the_others() -> None:
    with running() as device:
        seen = ReadLog(device.store(), device.fail_login).run(MemoryRecorder())
    assert seen.refused == {"anonymous", "viewer"}
    assert seen.conclusive


@pytest.mark.parametrize("who", ["anonymous", "viewer"])
def test_a_log_that_is_shown_to_somebody_else_is_seen(who: str) -> None:
    with running(f"{who} GET") as device:
        seen = ReadLog(device.store(), device.fail_login).run(MemoryRecorder())
    assert seen.seen == {who}


def test_a_log_that_authority_cannot_read_proves_nothing() -> None:
    with running("logs_nothing") as device:
        assert not ReadLog(device.store(), device.fail_login).run(MemoryRecorder()).conclusive
    with running() as device:
        assert not ReadLog(device.store("wrong"), device.fail_login).run(MemoryRecorder()).conclusive


def test_a_log_that_its_keeper_alone_clears_is_refused_to_the_others() -> None:
    with running() as device:
        seen = ClearLog(device.store(), device.fail_login).run(MemoryRecorder())
        assert not device.records
    assert seen.refused == {"anonymous", "viewer"}
    assert seen.conclusive


def test_a_log_that_a_viewer_clears_is_seen() -> None:
    with running("viewer DELETE") as device:
        seen = ClearLog(device.store(), device.fail_login).run(MemoryRecorder())
    assert seen.seen == {"viewer"}
    assert seen.conclusive


def test_a_log_that_nobody_clears_proves_nothing() -> None:
    with running("never_clears", "viewer DELETE") as device:
        seen = ClearLog(device.store(), device.fail_login).run(MemoryRecorder())
    assert seen.silent == {"viewer"}
    assert not seen.conclusive


def test_a_log_that_cannot_be_read_after_the_request_is_not_cleared() -> None:
    with running("breaks") as device:
        seen = ClearLog(device.store(), device.fail_login).run(MemoryRecorder())
    assert seen.silent == {"anonymous", "viewer"}
    assert not seen.about("anonymous").conclusive


@pytest.mark.parametrize("probe", [ReadLog, ClearLog, WriteLog])
def test_a_lesser_login_that_failed_leaves_its_access_open(probe: type[ReadLog | ClearLog | WriteLog]) -> None:
    with running() as device:
        store = replace(device.store(), lesser=Login("viewer", "wrong"))
        seen = probe(store, device.fail_login).run(MemoryRecorder())
    assert not seen.about(*seen.silent).conclusive
    assert "the login of viewer failed" in seen.unproven
    assert seen.about(*seen.refused).conclusive


def test_a_log_without_a_way_in_refuses_forged_records() -> None:
    with running() as device:
        seen = WriteLog(device.store(), device.fail_login).run(MemoryRecorder())
    assert seen.refused == {f"{method} {who}" for method in ("POST", "PUT", "PATCH") for who in ("anonymous", "viewer")}
    assert seen.conclusive


def test_a_forged_record_in_the_log_is_seen() -> None:
    with running("log_writable") as device:
        seen = WriteLog(device.store(), device.fail_login, ("POST",)).run(MemoryRecorder())
    assert "POST viewer" in seen.seen


def test_an_answer_of_200_that_writes_nothing_is_no_record() -> None:
    with running("says_200") as device:
        seen = WriteLog(device.store(), device.fail_login, ("POST",)).run(MemoryRecorder())
    assert seen.named(Answer.SILENT) == {"POST viewer", "POST anonymous"}
    assert seen.conclusive


def keep(device: LogDevice) -> KeepLog:
    return KeepLog(device.store(), device.fail_login, device.restart, lambda: str(device.boot))


def test_a_record_that_is_there_after_the_restart_is_kept() -> None:
    with running() as device:
        seen = keep(device).run(MemoryRecorder())
    assert seen.seen == {"record"}


def test_a_record_that_is_gone_after_the_restart_is_silence_with_a_witness() -> None:
    with running("log_lost") as device:
        seen = keep(device).run(MemoryRecorder())
    assert seen.silent == {"record"}
    assert seen.conclusive


def test_a_restart_that_did_not_happen_proves_nothing() -> None:
    with running() as device:
        probe = KeepLog(device.store(), device.fail_login, lambda: None, lambda: str(device.boot))
        assert not probe.run(MemoryRecorder()).conclusive
