import os
from datetime import datetime
from pathlib import Path

import pytest

from reports.results import Results
from reports.run_folder import RESERVE, RESERVED_OCTETS, RunFolder
from tests.reports.samples import NOW, a_mixed_run
from trustprobe.errors import ConfigurationError


def test_the_folder_is_named_after_the_time_and_the_product(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "out", "camera", NOW)
    assert run.path == tmp_path / "out" / "2031-05-04T123015Z-camera"
    assert run.evidence.is_dir()
    assert run.allure_results.is_dir()


def test_two_runs_in_one_second_do_not_share_a_folder(tmp_path: Path) -> None:
    names = [RunFolder(tmp_path, "camera", NOW).path.name for _ in range(3)]
    assert names == [f"2031-05-04T123015Z-camera{suffix}" for suffix in ("", "-2", "-3")]


def test_latest_points_to_the_run_that_finished_last(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path, "camera", NOW), RunFolder(tmp_path, "camera", NOW)
    assert second.finish().resolve() == second.path
    link = first.finish()
    assert link == tmp_path / "latest"
    assert link.readlink() == Path(first.path.name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.path.name, second.path.name, "latest"]


def test_latest_replaces_a_link_that_dangles(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("gone")
    run = RunFolder(tmp_path, "camera", NOW)
    assert run.finish().resolve() == run.path


def test_a_folder_in_the_place_of_latest_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    run = RunFolder(tmp_path, "camera", NOW)
    with pytest.raises(ConfigurationError, match="Remove the existing"):
        run.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == [run.path.name, "latest"]


def test_an_output_folder_that_cannot_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        RunFolder(tmp_path / "file" / "out", "camera", NOW)
    assert "--out" in caught.value.next_step


@pytest.mark.parametrize("product", ["", "../camera", ".hidden", "a b", "a/b", "a\n"])
def test_a_product_that_makes_no_folder_name_is_refused(tmp_path: Path, product: str) -> None:
    with pytest.raises(ConfigurationError):
        RunFolder(tmp_path, product, NOW)


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        RunFolder(tmp_path, "camera", datetime(2031, 5, 4))


def test_results_are_written_whole_and_read_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, "camera", NOW)
    path = run.write_results(a_mixed_run())
    assert Results.model_validate_json(path.read_bytes()) == a_mixed_run()
    assert sorted(entry.name for entry in run.path.iterdir()) == ["allure-results", "evidence", "results.json"]


def test_the_whole_run_folder_is_scrubbed(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, "camera", NOW)
    run.write("evidence/ssh/transcript", "login hunter22")
    run.write("junit.xml", "<a b='hunter22'/>")
    assert run.scrub({"PW": "hunter22"}).files == ("junit.xml", "evidence/ssh/transcript")
    assert (run.evidence / "ssh" / "transcript").read_text(encoding="utf-8") == "login [secret PW]"


def test_space_is_reserved_for_the_results_and_given_back_when_they_are_written(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, "camera", NOW)
    assert (run.path / RESERVE).stat().st_size == RESERVED_OCTETS
    run.write_results(a_mixed_run())
    assert not (run.path / RESERVE).exists()
    run.release()


def test_a_disk_without_space_to_reserve_does_not_prevent_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    run = RunFolder(tmp_path, "camera", NOW)
    assert run.write_results(a_mixed_run()).is_file()
