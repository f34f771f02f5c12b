import pytest

from drivers.login import Login
from drivers.network.web.administration.settings import Shown
from drivers.network.web.probes.factory_reset import (
    CompareIdentity,
    FactoryReset,
    ResetSeen,
    Resettable,
    ResetUnauthorised,
)
from lab_config.component import ResetDeclaration, UserDataDeclaration
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, PASSWORDS, RESET_ANSWERS, SETTING, Device, running
from trustprobe.probe import Observation

RESET = ResetDeclaration(path="/api/reset", seconds=0.5)
USER_DATA = UserDataDeclaration(
    path="/api/recordings", name_field="name", secret_field="note", delete_path="/api/recordings"
)
SETTING_BACK, DATA_BACK, DEFAULT = "setting", "user data", "default password admin:admin"


def resettable(device: Device, password: str = PASSWORDS["admin"]) -> Resettable:
    return Resettable(device.web(password=password), RESET, IDENTITY, SETTING, device.ready)


def reset(device: Device) -> ResetSeen:
    return FactoryReset(resettable(device), USER_DATA, (("admin", "admin"),)).run(MemoryRecorder())


def unauthorised(device: Device, viewer_password: str = PASSWORDS["viewer"]) -> Observation:
    return ResetUnauthorised(resettable(device), Login("viewer", viewer_password)).run(MemoryRecorder())


def test_a_reset_of_a_hardened_device_leaves_nothing() -> None:
    with running() as device:
        seen = reset(device)
    assert seen.refused == {SETTING_BACK, DATA_BACK, DEFAULT}
    assert seen.restarted
    assert seen.conclusive


@pytest.mark.parametrize(
    ("habit", "left"),
    [
        ("reset_keeps_settings", {SETTING_BACK}),
        ("reset_keeps_data", {DATA_BACK}),
        ("any_password", {DEFAULT}),
        ("never_resets", {SETTING_BACK, DATA_BACK}),
    ],
)
def test_what_a_reset_leaves_is_seen(habit: str, left: set[str]) -> None:
    with running(habit) as device:
        seen = reset(device)
    assert seen.seen == left


def test_a_reset_without_a_restart_is_no_witness() -> None:
    with running("never_resets") as device:
        seen = reset(device)
    assert not seen.restarted
    assert not seen.conclusive


@pytest.mark.parametrize("habit", ["not_applied", "data_not_taken"])
def test_a_reset_that_had_nothing_to_take_away_proves_nothing(habit: str) -> None:
    with running(habit) as device:
        seen = reset(device)
    assert not seen.seen
    assert not seen.conclusive


def test_a_password_of_the_bench_that_is_wrong_proves_nothing() -> None:
    with running() as device:
        probe = FactoryReset(resettable(device, "wrong"), USER_DATA, ())
        seen = probe.run(MemoryRecorder())
    assert not seen.conclusive
    assert seen.silent == {SETTING_BACK, DATA_BACK}
    assert device.boot == 1


def test_who_has_no_right_is_refused_and_the_device_is_not_reset() -> None:
    with running() as device:
        seen = unauthorised(device)
    assert seen.refused == {"anonymous", "viewer"}
    assert seen.conclusive
    assert device.boot == 1


@pytest.mark.parametrize(
    ("habit", "taken"),
    [("anonymous POST /api/reset", {"anonymous"}), ("viewer_can_configure", {"viewer"})],
)
def test_a_reset_that_is_taken_without_the_right_is_seen(habit: str, taken: set[str]) -> None:
    with running(habit) as device:
        seen = unauthorised(device)
    assert seen.seen == taken
    assert "the device started again" in seen.detail(next(iter(taken)))


def test_a_reset_that_is_confirmed_without_the_right_and_does_not_happen_yet_is_seen_all_the_same() -> None:
    with running("anonymous POST /api/reset", "never_resets") as device:
        seen = unauthorised(device)
    assert "not started again yet" in seen.detail("anonymous")
    assert seen.seen == {"anonymous"}


@pytest.mark.parametrize("habit", RESET_ANSWERS)
def test_a_reset_that_happens_without_the_right_is_seen_whatever_the_device_answers(habit: str) -> None:
    with running("anonymous POST /api/reset", habit) as device:
        seen = unauthorised(device)
    assert seen.seen == {"anonymous"}
    assert "the device started again" in seen.detail("anonymous")


def test_an_answer_that_leads_to_the_start_page_is_no_reset_if_nothing_happens() -> None:
    with running("anonymous POST /api/reset", "never_resets", "reset_leads_to_start") as device:
        seen = unauthorised(device)
    assert not seen.seen and seen.conclusive


@pytest.mark.parametrize("habit", ["login_page_200", "refuses_with_200"])
def test_a_refusal_with_status_200_is_no_reset(habit: str) -> None:
    with running(habit) as device:
        seen = unauthorised(device)
    assert not seen.seen
    assert device.boot == 1


def test_a_viewer_who_cannot_log_in_was_not_asked() -> None:
    with running() as device:
        seen = unauthorised(device, "wrong")
    assert seen.silent == {"viewer"}
    assert not seen.conclusive


def test_user_data_that_cannot_be_read_after_the_reset_proves_nothing() -> None:
    with running("data_hidden_after_reset") as device:
        seen = reset(device)
    assert seen.silent == {DATA_BACK}
    assert seen.restarted and not seen.conclusive


@pytest.mark.parametrize("habit", RESET_ANSWERS)
def test_a_reset_by_the_administrator_counts_by_what_happens_and_not_by_its_answer(habit: str) -> None:
    with running(habit) as device:
        seen = reset(device)
    assert seen.refused == {SETTING_BACK, DATA_BACK, DEFAULT}
    assert seen.conclusive


def compared(reset_seen: ResetSeen | None, first: Shown, second: Shown) -> Observation:
    return CompareIdentity(first, second, reset_seen).run(MemoryRecorder())


def test_a_serial_number_that_stays_is_seen_and_one_that_changes_is_not() -> None:
    first, second = Shown(serial="HV2-1", boot_id="1"), Shown(serial="HV2-1", boot_id="2")
    with running() as device:
        same = compared(reset(device), first, second)
    with running("reset_changes_serial") as device:
        other = compared(reset(device), first, second)
    assert same.seen == {"restart", "factory reset"}
    assert other.refused == {"factory reset"}
    assert same.conclusive
    assert other.conclusive


@pytest.mark.parametrize(("serial", "answer"), [("HV2-1", "seen"), ("HV2-2", "refused"), (None, "silent")])
def test_without_a_factory_reset_the_restart_decides_alone(serial: str | None, answer: str) -> None:
    seen = compared(None, Shown(serial="HV2-1", boot_id="1"), Shown(serial=serial, boot_id="2"))
    assert [(fact.about, fact.answer) for fact in seen.facts] == [("restart", answer)]
    assert seen.conclusive
    assert not compared(None, Shown(serial="HV2-1", boot_id="1"), Shown(serial="HV2-1", boot_id="1")).conclusive


@pytest.mark.parametrize("second", [Shown(serial="HV2-1", boot_id="1"), Shown(serial="HV2-1"), Shown()])
def test_a_serial_number_without_a_start_in_between_proves_nothing(second: Shown) -> None:
    with running() as device:
        seen = compared(reset(device), Shown(serial="HV2-1", boot_id="1"), second)
    assert seen.silent == {"restart"}
    assert not seen.conclusive


def test_a_default_password_after_the_reset_is_seen_before_guesses_lock_the_account() -> None:
    with running("reset_default_password") as device:
        seen = reset(device)
    assert seen.seen == {DEFAULT}
    assert device.refused == 2


def test_a_serial_number_that_was_never_shown_has_not_changed() -> None:
    with running("no_serial") as device:
        seen = compared(reset(device), Shown(boot_id="1"), Shown(boot_id="2"))
    assert seen.silent == {"restart", "factory reset"}
    assert not seen.conclusive
