import pytest

from virtual_lab.reference.defects import Defects, UnknownDefectError, known


def test_a_device_with_an_unknown_defect_cannot_be_made() -> None:
    with pytest.raises(UnknownDefectError, match=r"reference/defects.yaml holds no defect telnet_opened"):
        Defects(["telnet_opened"])


def test_asking_for_an_unknown_defect_is_an_error_and_not_a_no() -> None:
    with pytest.raises(UnknownDefectError, match="telnet_opened"):
        Defects()("telnet_opened")


def test_only_what_was_planted_is_there() -> None:
    defects = Defects(["ftp_open", "log_no_time"])

    assert [defect for defect in sorted(known()) if defects(defect)] == ["ftp_open", "log_no_time"] == list(defects)
