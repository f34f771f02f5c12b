from typing import Any

import pytest

from drivers.login import Login
from drivers.network.web.administration.settings import ChangeSetting, ReadIdentity
from drivers.network.web.probes.access import AnonymousAccess, RoleAccess
from lab_config.base import Role
from lab_config.component import HttpResource
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, PASSWORDS, RESOURCES, SETTING, Device, running
from trustprobe.probe import Answer, Observation

ASKED = {"GET /api/status", "GET /api/settings", "PUT /api/settings", "GET /api/update", "POST /api/update"}


def anonymous(device: Device, password: str = PASSWORDS["admin"], **more: Any) -> Observation:
    given = {"resources": RESOURCES, "setting": SETTING, **more}
    probe = AnonymousAccess(device.web(password=password), **given)
    return probe.run(MemoryRecorder())


def roles(device: Device, password: str = PASSWORDS["viewer"]) -> Observation:
    return RoleAccess(device.web(), RESOURCES, Login("viewer", password), SETTING).run(MemoryRecorder())


def test_a_hardened_device_refuses_everything_without_a_login() -> None:
    with running(tls=True) as device:
        seen = anonymous(device)
    assert seen.refused == ASKED
    assert seen.conclusive


@pytest.mark.parametrize("habit", ["login_page_200", "refuses_with_200"])
def test_a_refusal_with_status_200_is_no_access(habit: str) -> None:
    with running(habit) as device:
        seen = anonymous(device)
    assert seen.named(Answer.SEEN) <= {"POST /api/update"}
    assert seen.about("GET /api/settings", "PUT /api/settings").seen == frozenset()
    assert seen.conclusive


@pytest.mark.parametrize("about", ["GET /api/settings", "PUT /api/settings", "GET /api/update"])
def test_what_is_granted_without_a_login_is_seen_and_nothing_else(about: str) -> None:
    with running(f"anonymous {about}") as device:
        seen = anonymous(device)
    assert seen.seen == {about}
    assert seen.refused == ASKED - {about}


def test_an_update_without_a_login_that_rejects_the_empty_image_is_not_taken_for_a_refusal_of_access() -> None:
    with running("anonymous POST /api/update") as device:
        seen = anonymous(device)
    assert seen.about("POST /api/update").silent == {"POST /api/update"}


def test_asking_changes_no_setting() -> None:
    with running("anonymous PUT /api/settings") as device:
        before = dict(device.settings)
        anonymous(device)
        assert device.settings == before


def test_without_authority_nothing_is_asked_and_nothing_proven() -> None:
    with running() as device:
        seen = anonymous(device, password="wrong")
        assert not any("/api/" in request for request in device.requests)
    assert seen.silent == ASKED
    assert not seen.conclusive


def test_a_path_that_authority_does_not_get_either_proves_nothing() -> None:
    resources = (HttpResource(path="/gone", read=(Role.ADMINISTRATOR,)),)
    with running() as device:
        seen = anonymous(device, resources=resources)
    assert seen.silent == {"GET /gone"}
    assert not seen.conclusive


def test_a_page_that_answers_every_path_shows_nothing() -> None:
    resources = (HttpResource(path="/camera", read=(Role.ADMINISTRATOR,)),)
    with running("same_page_everywhere") as device:
        seen = anonymous(device, resources=resources)
    assert seen.silent == {"GET /camera"}


def test_a_connection_that_is_dropped_is_silence() -> None:
    resources = (
        HttpResource(path="/api/status", read=(Role.ADMINISTRATOR,)),
        HttpResource(path="/drop", read=(Role.VIEWER,)),
    )
    with running() as device:
        seen = anonymous(device, resources=resources)
    assert seen.silent == {"GET /drop"}


def test_a_viewer_is_refused_what_the_declaration_does_not_grant() -> None:
    with running() as device:
        seen = roles(device)
    assert seen.refused == {"PUT /api/settings", "GET /api/update", "POST /api/update"}
    assert seen.conclusive


def test_a_viewer_who_can_configure_is_seen() -> None:
    with running("viewer_can_configure") as device:
        seen = roles(device)
    assert "PUT /api/settings" in seen.seen


def test_a_viewer_who_cannot_log_in_proves_nothing() -> None:
    with running() as device:
        seen = roles(device, password="wrong")
    assert seen.silent == {"PUT /api/settings", "GET /api/update", "POST /api/update"}
    assert not seen.conclusive


def change(device: Device, **more: Any) -> ChangeSetting:
    return ChangeSetting(device.web(), SETTING, "tp-1", **more)


def test_a_setting_is_changed_read_back_and_restored() -> None:
    with running() as device:
        seen = change(device).run(MemoryRecorder())
        assert device.settings["device_name"] == "Gate"
    assert seen.seen == {"written", "read_back"}
    assert (seen.old, seen.restored) == ("Gate", True)


def test_a_change_that_is_acknowledged_and_not_applied_is_not_read_back() -> None:
    with running("not_applied") as device:
        seen = change(device).run(MemoryRecorder())
    assert seen.seen == {"written"}
    assert seen.refused == {"read_back"}
    assert seen.conclusive


def test_a_setting_that_is_lost_over_a_restart_is_not_kept() -> None:
    with running("settings_lost") as device:
        probe = change(device, restart=device.restart)
        seen = probe.run(MemoryRecorder())
    assert probe.name == "setting_kept"
    assert seen.refused == {"kept"}


def test_a_setting_that_survives_a_restart_is_kept() -> None:
    with running() as device:
        assert "kept" in change(device, restart=device.restart).run(MemoryRecorder()).seen


def test_a_setting_that_cannot_be_read_is_not_written() -> None:
    with running() as device:
        seen = ChangeSetting(device.web(password="wrong"), SETTING, "tp-1").run(MemoryRecorder())
        assert not any(request.startswith("PUT") for request in device.requests)
    assert seen.silent == {"written", "read_back"}
    assert not seen.conclusive


def read(device: Device, password: str = PASSWORDS["admin"]) -> ReadIdentity:
    return ReadIdentity(device.web(password=password), IDENTITY)


def test_the_identity_is_read() -> None:
    with running() as device:
        seen = read(device).run(MemoryRecorder())
    assert (seen.model, seen.version, seen.serial, seen.slot) == ("Vista", "1.4.0", "HV2-1", "a")
    assert seen.seen == {"model", "version", "serial", "boot_id", "slot"}


def test_a_missing_serial_number_is_silence_that_another_field_proves() -> None:
    with running("no_serial") as device:
        seen = read(device).run(MemoryRecorder())
    assert seen.silent == {"serial"}
    assert seen.conclusive


def test_an_identity_that_cannot_be_read_proves_nothing() -> None:
    with running() as device:
        seen = read(device, "wrong").run(MemoryRecorder())
    assert seen.version is None
    assert not seen.conclusive
