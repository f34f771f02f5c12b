"""The register of the firmware device's flaws: what it names is there. Nothing is booted."""

import importlib
from pathlib import Path

import pytest

from trustprobe.cli.soundness import require_writable
from trustprobe.judging.case import Case, cases
from virtual_lab.defects import register
from virtual_lab.firmware import planted

ROOT = Path(__file__).resolve().parents[3]
LEAST = 30
"""How many flaws the device must have."""


@pytest.fixture(scope="module")
def published() -> dict[str, Case]:
    for path in sorted((ROOT / "suites").rglob("test_*.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {name: entry for name, entry in cases().items() if entry.capability}


def test_there_are_at_least_thirty_flaws() -> None:
    assert len(register("firmware")) >= LEAST


def test_every_registered_flaw_can_be_planted() -> None:
    assert not set(register("firmware")) - set(planted.table())


def test_every_flaw_that_another_may_not_stand_beside_is_registered() -> None:
    assert not {other for flaw in register("firmware").values() for other in flaw.not_beside} - set(
        register("firmware")
    )


def test_every_registered_flaw_names_cases_that_there_are(published: dict[str, Case]) -> None:
    named = {
        case.split("[")[0] for flaw in register("firmware").values() for case in (*flaw.fails, *flaw.leaves_manual)
    }
    assert not named - set(published)


def test_every_registered_flaw_names_the_capabilities_of_its_cases(published: dict[str, Case]) -> None:
    for name, flaw in register("firmware").items():
        found = {published[case.split("[")[0]].capability for case in (*flaw.fails, *flaw.leaves_manual)}
        assert found == set(flaw.capabilities), name


def test_a_row_is_written_as_the_report_shows_it() -> None:
    names = [case for flaw in register("firmware").values() for case in flaw.fails]
    assert not [name for name in names if ("[" in name) != name.endswith("]")]


def test_the_page_of_this_device_can_take_the_table() -> None:
    require_writable(ROOT / "docs" / "soundness_firmware.md")
