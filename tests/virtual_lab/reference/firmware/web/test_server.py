import contextlib
import json
import re
import socket
import ssl

import pytest

from tests.virtual_lab.reference.firmware.camera import ADDRESS, SECONDS, Camera, read_until
from tests.virtual_lab.reference.firmware.conftest import Build


@pytest.fixture(scope="module")
def planted(build: Build) -> Camera:
    camera = build("anonymous_settings", "viewer_can_configure", "setting_not_applied", "http_admin_admin",
                   "identity_missing", "version_wrong", "update_never_installs", "anonymous_update")  # fmt: skip
    camera.start()
    return camera


def test_both_entrances_show_a_login_form(camera: Camera) -> None:
    for path in ("/", "/login"):
        page = camera.web().get(camera.url(path), timeout=SECONDS)
        assert page.status_code == 200
        assert re.search(r'<form method="post" action="/login">.*name="username".*name="password"', page.text, re.S)


def test_a_login_opens_the_home_page_with_a_guarded_cookie(camera: Camera) -> None:
    session = camera.web()
    fields = {"username": "admin", "password": camera.label.admin_password}

    answer = session.post(camera.url("/login"), fields, allow_redirects=False, timeout=SECONDS)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/home")
    attributes = {part.strip() for part in answer.headers["Set-Cookie"].split(";")[1:]}
    assert attributes == {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"}
    assert "Signed in as admin (administrator)" in session.get(camera.url("/home"), timeout=SECONDS).text


@pytest.mark.parametrize(
    ("user", "password"), [("admin", "admin"), ("admin", ""), ("nobody", "x"), ("service", None)], ids=str
)
def test_a_login_that_is_not_for_the_web_is_refused(camera: Camera, user: str, password: str | None) -> None:
    session = camera.web()
    fields = {"username": user, "password": camera.label.service_password if password is None else password}

    answer = session.post(camera.url("/login"), fields, allow_redirects=False, timeout=SECONDS)

    assert answer.status_code == 401
    assert "Login incorrect" in answer.text
    home = session.get(camera.url("/home"), allow_redirects=False, timeout=SECONDS)
    assert (home.status_code, home.headers["Location"]) == (303, "/login")


def test_a_logout_ends_the_session(camera: Camera) -> None:
    session = camera.login("viewer")
    cookie = dict(session.cookies)

    session.post(camera.url("/logout"), timeout=SECONDS)

    again = camera.web().get(camera.url("/api/status"), cookies=cookie, timeout=SECONDS)
    assert again.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "anonymous", "viewer"),
    [
        ("GET", "/api/status", 401, 200),
        ("GET", "/api/settings", 401, 200),
        ("PUT", "/api/settings", 401, 403),
        ("GET", "/api/update", 401, 403),
        ("POST", "/api/update", 401, 403),
        ("POST", "/api/reboot", 401, 403),
    ],
)
def test_each_resource_is_for_its_roles(camera: Camera, method: str, path: str, anonymous: int, viewer: int) -> None:
    nobody, somebody = camera.web(), camera.login("viewer")

    answer = nobody.request(
        method, camera.url(path), data=b"x" * 100_000 if method == "POST" else None, timeout=SECONDS
    )
    assert (answer.status_code, answer.json()) == (anonymous, {"error": "login required"})
    answer = somebody.request(method, camera.url(path), timeout=SECONDS)
    assert answer.status_code == viewer
    if viewer == 403:
        assert answer.json() == {"error": "not permitted"}


def test_the_status_identifies_the_device(camera: Camera) -> None:
    status = camera.login("viewer").get(camera.url("/api/status"), timeout=SECONDS).json()

    assert (status["model"], status["serial"]) == ("Halcyon Vista 2", camera.label.serial)
    assert status["firmware"] == {"version": "1.4.0", "slot": "a", "rollback_counter": 4}
    assert re.fullmatch("02(:[0-9a-f]{2}){5}", status["mac"])


def test_a_setting_is_changed_by_an_administrator_and_read_back(camera: Camera) -> None:
    admin = camera.login("admin")

    answer = admin.put(camera.url("/api/settings"), json={"device_name": "porch", "osd_text": "x"}, timeout=SECONDS)

    assert answer.status_code == 200
    settings = admin.get(camera.url("/api/settings"), timeout=SECONDS).json()
    assert settings == {"device_name": "porch", "osd_text": "x"}


@pytest.mark.parametrize(
    "body", ['{"admin": "yes"}', '{"device_name": 1}', '{"device_name": "a\\nb"}', "[]", "{}", "{", '{"osd_text":"%s"}']
)
def test_a_malformed_change_of_settings_is_refused(camera: Camera, body: str) -> None:
    admin = camera.login("admin")

    answer = admin.put(camera.url("/api/settings"), body.replace("%s", 65 * "x"), timeout=SECONDS)

    assert answer.status_code == 400
    assert "error" in answer.json()


def test_no_response_names_a_version_of_the_server(camera: Camera) -> None:
    for path in ("/", "/nowhere", "/api/status"):
        assert camera.web().get(camera.url(path), timeout=SECONDS).headers["Server"] == "Halcyon"


def test_an_unknown_path_and_an_unknown_method_have_their_status(camera: Camera) -> None:
    assert camera.web().get(camera.url("/api/nothing"), timeout=SECONDS).status_code == 404
    assert camera.web().delete(camera.url("/login"), timeout=SECONDS).status_code == 405


def test_an_update_beyond_the_limit_is_refused_readably(camera: Camera) -> None:
    answer = camera.login("admin").post(camera.url("/api/update"), b"\0" * (8 * 2**20 + 1), timeout=SECONDS)

    assert answer.status_code == 413


def test_a_refused_update_shows_its_reason_in_the_status(camera: Camera) -> None:
    admin = camera.login("admin")

    answer = admin.post(camera.url("/api/update"), camera.image("older"), timeout=SECONDS)

    assert (answer.status_code, answer.json()) == (422, {"state": "rejected", "reason": "not newer"})
    outcome = admin.get(camera.url("/api/update"), timeout=SECONDS).json()
    assert outcome == {"state": "rejected", "reason": "not newer", "version": "1.3.0"}


@pytest.mark.parametrize(
    "request_head",
    [
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b'GET /home HTTP/1.1\r\nHost: x\r\nCookie: session="\\\xff; ;;=\r\nConnection: close\r\n\r\n',
    ],
)
def test_a_malformed_request_is_answered_and_harms_nothing(camera: Camera, request_head: bytes) -> None:
    context = ssl.create_default_context(cafile=str(camera.folder / "lab" / "product_ca.pem"))
    with context.wrap_socket(camera.connect("tcp/443"), server_hostname=ADDRESS) as stream:
        stream.sendall(request_head)
        assert b" " in read_until(stream, b"never")

    assert camera.web().get(camera.url("/"), timeout=SECONDS).status_code == 200


def test_what_is_no_tls_harms_nothing(camera: Camera) -> None:
    for opening in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\xff\xff"):
        with camera.connect("tcp/443") as sock:
            with contextlib.suppress(OSError):  # how it is refused does not matter
                sock.sendall(opening)
                sock.shutdown(socket.SHUT_WR)
                read_until(sock, b"never")

    assert camera.web().get(camera.url("/"), timeout=SECONDS).status_code == 200


def test_planted_holes_in_the_roles_are_open(planted: Camera) -> None:
    assert planted.web().get(planted.url("/api/settings"), timeout=SECONDS).status_code == 200
    answer = planted.login("viewer").put(planted.url("/api/settings"), json={"osd_text": "x"}, timeout=SECONDS)
    assert answer.status_code == 200
    assert planted.web().get(planted.url("/api/status"), timeout=SECONDS).status_code == 401


def test_a_planted_default_password_works_beside_the_real_one(planted: Camera) -> None:
    fields = {"username": "admin", "password": "admin"}
    answer = planted.web().post(planted.url("/login"), fields, allow_redirects=False, timeout=SECONDS)
    assert answer.status_code == 303
    planted.login("admin")
    wrong = planted.web().post(planted.url("/login"), {"username": "viewer", "password": "admin"}, timeout=SECONDS)
    assert wrong.status_code == 401


def test_a_setting_that_is_planted_to_be_dropped_is_confirmed_and_not_in_force(planted: Camera) -> None:
    admin = planted.login("admin")
    answer = admin.put(planted.url("/api/settings"), json={"device_name": "porch"}, timeout=SECONDS)
    assert answer.status_code == 200
    assert admin.get(planted.url("/api/settings"), timeout=SECONDS).json()["device_name"] == "camera"


def test_a_planted_status_hides_the_serial_number_and_shows_a_wrong_version(planted: Camera) -> None:
    status = planted.login("viewer").get(planted.url("/api/status"), timeout=SECONDS).json()
    assert "serial" not in status
    assert status["firmware"]["version"] == "9.9.9"


def test_an_update_without_a_login_is_confirmed_and_dropped_where_both_are_planted(planted: Camera) -> None:
    answer = planted.web().post(planted.url("/api/update"), planted.image("newer"), timeout=SECONDS)
    assert answer.status_code == 202
    slots = json.loads((planted.folder / "flash" / "slots.json").read_text())
    assert slots["active"] == "a"
    assert planted.login("admin").get(planted.url("/api/update"), timeout=SECONDS).json()["state"] == "idle"
