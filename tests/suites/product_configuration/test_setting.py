"""Each assertion about settings, on made-up observations."""

from collections.abc import Callable

import pytest

from drivers.network.web.administration.settings import SettingChange
from suites.product_configuration import test_setting as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

both_cases = pytest.mark.parametrize(
    "case",
    [cases.test_setting_changed_by_the_administrator_takes_effect, cases.test_changed_setting_survives_a_restart],
)
Case = Callable[..., None]


def change(*facts: Fact, witness: Witness = HOLDS) -> SettingChange:
    fields = {"path": "/api/settings", "field": "name", "old": "a", "new": "b", "restored": True}
    return observed(*facts, kind=SettingChange, witness=witness, **fields)


@both_cases
def test_a_change_that_takes_effect_passes(case: Case) -> None:
    assert passes(case, change(seen("written"), seen("read_back")))


@both_cases
@pytest.mark.parametrize("answer", [refused, silent])
def test_a_change_that_has_no_effect_fails(case: Case, answer: Callable[[str, str], Fact]) -> None:
    assert fails(case, change(seen("written"), answer("read_back", "reads a")), says="read_back: reads a")


@both_cases
def test_every_part_without_effect_is_reported(case: Case) -> None:
    lost = change(refused("written", "status 403"), silent("kept", "unreadable"), refused("read_back", "reads a"))
    assert fails(case, lost, says="kept: unreadable; read_back: reads a; written: status 403")


@both_cases
def test_a_setting_that_could_not_be_read_before_leaves_the_case_open(case: Case) -> None:
    assert stays_open(case, change(silent("written"), silent("read_back"), witness=BROKEN), says=BROKEN.what)


def test_a_change_and_a_restart_must_be_allowed() -> None:
    assert needs(cases.test_setting_changed_by_the_administrator_takes_effect) == ("configure",)
    assert needs(cases.test_changed_setting_survives_a_restart) == ("configure", "power")
