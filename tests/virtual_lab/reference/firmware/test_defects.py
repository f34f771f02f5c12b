from pathlib import Path

import pytest

import virtual_lab.reference
from virtual_lab.reference.firmware.defects import DEFECTS, Defects, UnknownDefectError

REFERENCE = Path(virtual_lab.reference.__path__[0])


def test_a_device_with_an_unknown_defect_cannot_be_made() -> None:
    with pytest.raises(UnknownDefectError, match="telnet_opened"):
        Defects(["telnet_opened"])


def test_asking_for_an_unknown_defect_is_an_error_and_not_a_no() -> None:
    with pytest.raises(UnknownDefectError, match="telnet_opened"):
        Defects()("telnet_opened")


def test_only_what_was_planted_is_there() -> None:
    defects = Defects(["ftp_open", "log_no_time"])

    assert [defect for defect in sorted(DEFECTS) if defects(defect)] == ["ftp_open", "log_no_time"] == list(defects)


def test_every_defect_is_asked_for_by_the_device() -> None:
    sources = [path for path in REFERENCE.rglob("*.py") if path.name != "defects.py"]
    text = "".join(path.read_text() for path in sources)

    assert [defect for defect in DEFECTS if f'"{defect}"' not in text] == []
