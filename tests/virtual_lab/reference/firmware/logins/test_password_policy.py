from collections.abc import Iterator

import pytest
import requests

from tests.virtual_lab.reference.firmware.camera import SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build
from virtual_lab.reference.firmware.logins.password_policy import COMMON, LEAST_CHARACTERS, MOST_CHARACTERS, objection

NEW = "a new and long one"


@pytest.fixture(scope="module")
def own(build: Build) -> Iterator[Camera]:
    camera = build()
    camera.start()
    yield camera


def ask(camera: Camera, session: requests.Session, old: object, new: object) -> tuple[int, str]:
    answer = session.post(camera.url("/api/password"), json={"old": old, "new": new}, timeout=SECONDS)
    return answer.status_code, str(answer.json().get("error", ""))


def status_of_login(camera: Camera, user: str, password: str) -> int:
    fields = {"username": user, "password": password}
    return camera.web().post(camera.url("/login"), fields, allow_redirects=False, timeout=SECONDS).status_code


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least"),
        ("x" * 2, "at least"),
        ("abcdefghi", "at least"),
        ("viewerviewer", "user name"),
        ("VIEWER-viewer", "user name"),
        ("Password123", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("tab\tin the middle", "can be seen"),
        ("long" * 40, "at most"),
    ],
)
def test_a_weak_password_is_objected_to(password: str, reason: str) -> None:
    assert reason in str(objection("viewer", password))


@pytest.mark.parametrize("password", ["abcdefghij", "Tq7-viewer-and-more", "x1" * (MOST_CHARACTERS // 4) + "y2"])
def test_a_password_that_is_long_enough_is_not_objected_to(password: str) -> None:
    assert objection("viewer", password) is None


def test_the_common_passwords_are_those_that_are_long_enough() -> None:
    assert all(len(word) >= LEAST_CHARACTERS and word == word.casefold() for word in COMMON)


def test_a_changed_password_replaces_the_old_one_and_survives_a_restart(build: Build) -> None:
    camera = build()
    camera.start()
    session, other = camera.login("viewer"), camera.login("viewer")
    assert ask(camera, session, camera.label.viewer_password, NEW) == (200, "")
    assert status_of_login(camera, "viewer", camera.label.viewer_password) == 401
    assert status_of_login(camera, "viewer", NEW) == 303
    assert session.get(camera.url("/api/status"), timeout=SECONDS).status_code == 200
    assert other.get(camera.url("/api/status"), timeout=SECONDS).status_code == 401
    camera.terminate()
    camera.start()
    assert status_of_login(camera, "viewer", camera.label.viewer_password) == 401
    assert status_of_login(camera, "viewer", NEW) == 303


def test_a_change_needs_a_login_the_old_password_and_a_strong_one(own: Camera) -> None:
    session = own.login("viewer")
    assert ask(own, own.web(), own.label.viewer_password, NEW)[0] == 401
    assert ask(own, session, "wrong", NEW) == (403, "the old password is wrong")
    assert ask(own, session, own.label.viewer_password, "password123") == (400, "the password is too common")
    assert ask(own, session, own.label.viewer_password, 7)[0] == 400
    assert session.post(own.url("/api/password"), b"no JSON", timeout=SECONDS).status_code == 400
    assert session.post(own.url("/api/password"), b"[]", timeout=SECONDS).status_code == 400
    assert status_of_login(own, "viewer", own.label.viewer_password) == 303


def test_a_planted_device_takes_any_password_and_keeps_the_old_one_working(build: Build) -> None:
    camera = build("password_weak_accepted", "password_old_still_works", "password_is_serial")
    camera.start()
    assert ask(camera, camera.login("viewer"), camera.label.viewer_password, "x") == (200, "")
    assert status_of_login(camera, "viewer", "x") == 303
    assert status_of_login(camera, "viewer", camera.label.viewer_password) == 303
    camera.ssh("service", camera.label.serial).close()
