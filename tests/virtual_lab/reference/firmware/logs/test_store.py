from pathlib import Path

from virtual_lab.reference.firmware.logs.store import LogStore


def test_records_outlast_a_restart(tmp_path: Path) -> None:
    LogStore(tmp_path / "log").append({"event": "one"})
    again = LogStore(tmp_path / "log")
    again.append({"event": "two"})
    assert LogStore(tmp_path / "log").newest(10) == [{"event": "one"}, {"event": "two"}]


def test_the_oldest_records_go_and_the_file_stays_bounded(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "log", most=5)
    for number in range(60):
        store.append({"number": number})
        assert len((tmp_path / "log").read_bytes().splitlines()) <= 11
    assert [record["number"] for record in LogStore(tmp_path / "log", most=5).newest(3)] == [57, 58, 59]


def test_a_line_that_a_power_cut_has_torn_is_left_out_and_harms_no_other(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "log")
    store.append({"event": "one"})
    with (tmp_path / "log").open("ab") as file:
        file.write(b'{"event": "tw')
    after = LogStore(tmp_path / "log")
    after.append({"event": "three"})
    assert LogStore(tmp_path / "log").newest(10) == [{"event": "one"}, {"event": "three"}]


def test_a_cleared_log_is_empty_after_a_restart_too(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "log")
    store.append({"event": "one"})
    store.clear()
    assert store.newest(10) == LogStore(tmp_path / "log").newest(10) == []


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    store = LogStore(None)
    store.append({"event": "one"})
    assert store.newest(1) == [{"event": "one"}]
    store.clear()
    assert store.newest(1) == []
