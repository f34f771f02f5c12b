import re

import pytest

from tests.virtual_lab.reference.firmware.camera import SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build


@pytest.mark.parametrize(
    ("path", "anonymous", "viewer", "administrator"),
    [
        ("/static/app.js", 200, 200, 200),
        ("/static/style.css", 200, 200, 200),
        ("/api/backup", 401, 403, 200),
        ("/api/diagnostics", 401, 403, 200),
    ],
)
def test_what_the_script_names_is_for_its_roles(
    camera: Camera, path: str, anonymous: int, viewer: int, administrator: int
) -> None:
    assert camera.web().get(camera.url(path), timeout=SECONDS).status_code == anonymous
    assert camera.login("viewer").get(camera.url(path), timeout=SECONDS).status_code == viewer
    assert camera.login("admin").get(camera.url(path), timeout=SECONDS).status_code == administrator


def test_the_home_page_leads_to_the_script_and_the_script_to_the_backup(camera: Camera) -> None:
    admin = camera.login("admin")
    home = admin.get(camera.url("/home"), timeout=SECONDS).text
    script = re.search(r'src="([^"]+)"', home)
    assert script is not None
    assert '"/api/backup"' in admin.get(camera.url(script[1]), timeout=SECONDS).text


def test_planted_a_backup_needs_no_login_and_a_diagnosis_shows_to_a_viewer(build: Build) -> None:
    camera = build("backup_without_login", "diagnostics_for_viewer")
    camera.start()
    assert "device_name" in camera.web().get(camera.url("/api/backup"), timeout=SECONDS).json()["settings"]
    assert camera.login("viewer").get(camera.url("/api/diagnostics"), timeout=SECONDS).status_code == 200
    assert camera.web().get(camera.url("/api/diagnostics"), timeout=SECONDS).status_code == 401


def test_planted_a_backup_and_a_set_up_that_no_page_names_need_no_login(build: Build) -> None:
    camera = build("backup_unlinked", "setup_for_everybody")
    camera.start()
    assert "new_password" in camera.web().get(camera.url("/setup"), timeout=SECONDS).text
    assert "wifi_psk = " in camera.web().get(camera.url("/backup.cfg"), timeout=SECONDS).text
    assert "/backup.cfg" not in camera.login("admin").get(camera.url("/home"), timeout=SECONDS).text


@pytest.mark.parametrize("path", ["/backup.cfg", "/setup"])
def test_without_the_flaws_there_is_no_such_page(camera: Camera, path: str) -> None:
    assert camera.login("admin").get(camera.url(path), timeout=SECONDS).status_code == 404
