from typing import Any

import pytest

from tests.virtual_lab.reference.firmware.camera import SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build


def events(camera: Camera) -> list[dict[str, Any]]:
    answer = camera.login("admin").get(camera.url("/api/log"), timeout=SECONDS)
    records: list[dict[str, Any]] = answer.json()["records"]
    return records


def fail_a_login(camera: Camera, user: str) -> None:
    camera.web().post(camera.url("/login"), {"username": user, "password": "guess-me"}, timeout=SECONDS)


@pytest.mark.parametrize(
    ("method", "path", "anonymous", "viewer"),
    [
        ("GET", "/api/log", 401, 403),
        ("DELETE", "/api/log", 401, 403),
        ("POST", "/api/log", 405, 405),
        ("PUT", "/api/log", 405, 405),
        ("GET", "/api/health", 401, 200),
        ("PUT", "/api/health", 405, 405),
    ],
)
def test_log_and_state_are_for_their_roles(camera: Camera, method: str, path: str, anonymous: int, viewer: int) -> None:
    assert camera.web().request(method, camera.url(path), timeout=SECONDS).status_code == anonymous
    assert camera.login("viewer").request(method, camera.url(path), timeout=SECONDS).status_code == viewer


def test_the_state_report_names_what_runs_and_counts_failed_logins(camera: Camera) -> None:
    viewer = camera.login("viewer")
    before = viewer.get(camera.url("/api/health"), timeout=SECONDS).json()
    fail_a_login(camera, "nobody")
    after = viewer.get(camera.url("/api/health"), timeout=SECONDS).json()

    assert after["services"] == dict.fromkeys(("tcp/443", "tcp/22", "udp/3702"), "running")
    assert after["time_source"] == "unsynchronised"
    assert after["state"] == "degraded"
    assert after["failed_logins"] == before["failed_logins"] + 1


def test_the_log_outlasts_a_restart_and_its_clearing_is_its_first_record(build: Build) -> None:
    camera = build()
    camera.start()
    fail_a_login(camera, "early")
    camera.terminate()
    camera.start("power-on")
    assert [record["user"] for record in events(camera) if record["event"] == "LOGINFAIL"] == ["early"]

    camera.login("admin").delete(camera.url("/api/log"), timeout=SECONDS)

    left = events(camera)
    assert [record["event"] for record in left] == ["LOGCLEAR", "LOGINOK"]
    assert left[0]["user"] == "admin"


def test_planted_habits_open_the_log_and_the_report(build: Build) -> None:
    camera = build(
        "log_readable_anonymous",
        "log_clearable_by_viewer",
        "log_cleared_not_logged",
        "log_writable",
        "log_lost_on_reboot",
        "health_anonymous",
    )
    camera.start()
    assert camera.web().get(camera.url("/api/health"), timeout=SECONDS).status_code == 200
    viewer = camera.login("viewer")
    assert viewer.delete(camera.url("/api/log"), timeout=SECONDS).status_code == 200
    assert viewer.post(camera.url("/api/log"), json={"user": "forged"}, timeout=SECONDS).status_code == 201
    shown = camera.web().get(camera.url("/api/log"), timeout=SECONDS).json()
    assert shown["records"] == [{"record": {"user": "forged"}}]
    camera.terminate()
    camera.start("power-on")
    assert "forged" not in camera.web().get(camera.url("/api/log"), timeout=SECONDS).text


def test_a_planted_device_has_no_report_and_logs_neither_services_nor_the_console(build: Build) -> None:
    camera = build("health_missing", "service_start_not_logged", "debug_access_not_logged")
    camera.start()
    camera.uart.type(f"service\r{camera.label.service_password}\r")
    camera.uart.expect(r"service@halcyon")
    assert camera.login("admin").get(camera.url("/api/health"), timeout=SECONDS).status_code == 404
    assert {record["event"] for record in events(camera)} == {"START", "LOGINOK"}
    assert not [record for record in events(camera) if record.get("service") == "console"]


def test_a_planted_burst_swallows_what_follows_it(build: Build) -> None:
    camera = build("log_flood_loses_events")
    camera.start()
    web = camera.web()
    for number in range(120):
        web.post(camera.url("/login"), {"username": f"tp-{number}", "password": "x"}, timeout=SECONDS)
    failures = [record for record in events(camera) if record["event"] == "LOGINFAIL"]
    assert 0 < len(failures) < 120
