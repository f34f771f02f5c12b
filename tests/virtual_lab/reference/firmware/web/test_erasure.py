import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import requests

from tests.virtual_lab.reference.firmware.camera import SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build
from virtual_lab.reference.provision import provision

NOTE = "the key is under the mat"


def record(camera: Camera, session: requests.Session) -> None:
    body = {"name": "Front door", "note": NOTE}
    assert session.post(camera.url("/api/recordings"), json=body, timeout=SECONDS).status_code == 201


def recordings(camera: Camera, session: requests.Session) -> list[dict[str, str]]:
    listing = session.get(camera.url("/api/recordings"), timeout=SECONDS).json()
    assert listing["count"] == len(listing["recordings"])
    return list(listing["recordings"])


def flash(camera: Camera) -> bytes:
    """Everything on the flash of a device, through the program of the lab."""
    image = camera.folder / "image"
    subprocess.run(
        [sys.executable, "-m", "virtual_lab.reference.dump", camera.folder / "flash", image],
        check=True,
        timeout=SECONDS,
    )
    with tarfile.open(image) as archive:
        files = [archive.extractfile(entry) for entry in archive if entry.isfile()]
        return b"".join(file.read() for file in files if file)


def reset(camera: Camera, session: requests.Session) -> None:
    """Ask for the factory reset, and start the device again as the board does."""
    assert session.post(camera.url("/api/reset"), timeout=SECONDS).status_code == 202
    assert camera.wait() == 75
    camera.start("software")


def test_a_recording_is_shown_to_its_readers_survives_a_restart_and_lies_nowhere_in_clear(build: Build) -> None:
    camera = build()
    camera.start()
    record(camera, camera.login("admin"))
    assert recordings(camera, camera.login("viewer")) == [{"name": "Front door", "note": NOTE}]

    camera.terminate()
    camera.start()

    assert recordings(camera, camera.login("viewer")) == [{"name": "Front door", "note": NOTE}]
    assert NOTE.encode() not in flash(camera)
    assert b"Halcyon Vista 2" in flash(camera)


def test_deleted_recordings_are_gone_with_their_key(build: Build) -> None:
    camera = build()
    camera.start()
    admin = camera.login("admin")
    record(camera, admin)
    key = (camera.folder / "secure/recordings_key").read_bytes()

    assert admin.delete(camera.url("/api/recordings"), timeout=SECONDS).status_code == 200

    assert recordings(camera, admin) == []
    assert not (camera.folder / "flash/recordings.bin").exists()
    record(camera, admin)
    assert (camera.folder / "secure/recordings_key").read_bytes() != key


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"name": "x"}', '{"name": "x", "note": 1}', '{"name": "a\\nb", "note": ""}']
)
def test_a_malformed_recording_is_refused(camera: Camera, body: str) -> None:
    answer = camera.login("admin").post(camera.url("/api/recordings"), body, timeout=SECONDS)
    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize(("method", "path"), [("POST", "recordings"), ("DELETE", "recordings"), ("POST", "reset")])
def test_only_an_administrator_adds_deletes_and_resets(camera: Camera, method: str, path: str) -> None:
    url = camera.url(f"/api/{path}")
    assert camera.web().request(method, url, timeout=SECONDS).status_code == 401
    assert camera.login("viewer").request(method, url, timeout=SECONDS).status_code == 403


def test_a_factory_reset_takes_everything_away_but_the_firmware_and_the_label(build: Build) -> None:
    camera = build()
    factory = sorted(path.name for path in (camera.folder / "flash").iterdir())
    camera.start()
    admin = camera.login("admin")
    record(camera, admin)
    admin.put(camera.url("/api/settings"), json={"device_name": "porch"}, timeout=SECONDS)
    admin.post(camera.url("/api/update"), camera.image("newer"), timeout=SECONDS)
    assert camera.wait() == 75
    camera.start("software")

    reset(camera, camera.login("admin"))

    admin = camera.login("admin")
    camera.login("viewer")
    assert recordings(camera, admin) == []
    assert admin.get(camera.url("/api/settings"), timeout=SECONDS).json()["device_name"] == "camera"
    status = admin.get(camera.url("/api/status"), timeout=SECONDS).json()
    assert status["serial"] == camera.label.serial
    assert status["firmware"]["version"] == "1.5.0"
    left = {path.name for path in (camera.folder / "flash").iterdir()} - set(factory)
    assert left <= {"log.jsonl", "update.json"}  # what this start has written


def test_planted_habits_of_a_reset_keep_settings_and_data_and_make_a_default_password(build: Build) -> None:
    camera = build(
        "reset_keeps_settings", "reset_keeps_user_data", "reset_default_password", "identity_changes_on_reset"
    )
    camera.start()
    admin = camera.login("admin")
    record(camera, admin)
    admin.put(camera.url("/api/settings"), json={"device_name": "porch"}, timeout=SECONDS)

    reset(camera, admin)

    fields = {"username": "admin", "password": "admin"}
    session = camera.web()
    assert session.post(camera.url("/login"), fields, allow_redirects=False, timeout=SECONDS).status_code == 303
    assert recordings(camera, session) == [{"name": "Front door", "note": NOTE}]
    assert session.get(camera.url("/api/settings"), timeout=SECONDS).json()["device_name"] == "porch"
    assert session.get(camera.url("/api/status"), timeout=SECONDS).json()["serial"] != camera.label.serial


def test_planted_remains_of_deleted_recordings_lie_on_the_flash(build: Build) -> None:
    camera = build("storage_secret_in_clear", "deletion_incomplete")
    camera.start()
    admin = camera.login("admin")
    record(camera, admin)
    assert NOTE.encode() in flash(camera)

    admin.delete(camera.url("/api/recordings"), timeout=SECONDS)

    assert recordings(camera, admin) == []
    assert NOTE.encode() in flash(camera)


def test_a_planted_reset_needs_no_login_and_a_planted_deletion_does_nothing(build: Build) -> None:
    camera = build("reset_without_login", "deletion_ignored")
    camera.start()
    admin = camera.login("admin")
    record(camera, admin)
    assert admin.delete(camera.url("/api/recordings"), timeout=SECONDS).status_code == 200
    assert len(recordings(camera, admin)) == 1

    reset(camera, camera.web())


def test_a_production_line_keeps_its_secrets_to_itself_unless_it_is_planted(tmp_path: Path) -> None:
    planted = (
        "storage_private_key",
        "storage_key_in_backup",
        "storage_weak_hash",
        "storage_password_in_clear",
        "storage_api_token",
    )
    for folder, defects in ((tmp_path / "good", ()), (tmp_path / "bad", planted)):
        provision(folder, defects=defects, address="127.0.8.10", collector="127.0.8.1")
    extra = {"backup.pem", "backup.gz", "htpasswd", "recovery.json", "cloud_access.json"}
    names = [{path.name for path in (tmp_path / one / "flash").iterdir()} for one in ("good", "bad")]
    assert names[1] - names[0] == extra
    good = b"".join(path.read_bytes() for path in (tmp_path / "good/flash").iterdir())
    assert b"PRIVATE KEY" not in good
    assert (tmp_path / "good/secure").stat().st_mode & 0o077 == 0
    assert json.loads((tmp_path / "good/secure/factory.json").read_text())["config"]["settings"]["device_name"]
