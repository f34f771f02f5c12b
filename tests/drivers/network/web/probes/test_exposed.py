import pytest

from drivers.network.web.probes.exposed import Exposure
from drivers.network.web.probes.shown import secrets_of
from drivers.network.web.transport.client import WebAnswer

JSON, HTML, TEXT = "application/json", "text/html", "text/plain"
EXPOSURE = Exposure(secrets_of([("admin", "correct horse")]), ("HV2-8f2622ab",))
UNDECLARED = Exposure(is_declared=False)
NGINX = "<title>Index of /backup/</title><h1>Index of /backup/</h1><a href='../'>../</a><a href='{0}'>{0}</a>"
PYTHON = "<title>Directory listing for /</title><h1>Directory listing for /</h1><li><a href='{0}'>{0}</a></li>"
BUSYBOX = "<a href='../'>../</a><br><a href='{0}'>{0}</a>"
RCLONE = "<title>/</title><a href='?sort=name&amp;order=asc'>Name</a><a href='./{0}'>{0}</a>"
UPNP = '<root xmlns="urn:schemas-upnp-org:device-1-0"><serialNumber>HV2-8f2622ab</serialNumber></root>'


def answer(body: str | bytes, kind: str = HTML) -> WebAnswer:
    return WebAnswer(200, {"content-type": kind}, body if isinstance(body, bytes) else body.encode())


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        ("the password is correct horse", HTML, "a secret"),
        ("<h1>Vista HV2-8f2622ab</h1>", HTML, "the identity of this sample"),
        *((listing.format("backup.cfg"), HTML, "a directory listing (backup.cfg)") for listing in
          (NGINX, PYTHON, BUSYBOX, RCLONE)),
        ('{"wifi": {"psk": "h0useplants"}}', JSON, "a credential (psk)"),
        ('{"user": "admin", "admin_password": "watcher"}', JSON, "a credential (admin_password)"),
        ('{"lan": {"ip": "192.168.1.7"}}', JSON, "data of the device (ip)"),
        ("user=admin\npassword=s3same\n", TEXT, "a credential (password)"),
        ("<config><wpa_psk>h0useplants</wpa_psk></config>", "text/xml", "a credential (wpa_psk)"),
        ("option mode 'ap'\nhost = panel\nport = 80\nlevel: 3\n", TEXT, "a configuration"),
        (b"\x1f\x8b\x08\x00" + bytes(60), "application/octet-stream", "a download (gzip archive)"),
        (bytes(257) + b"ustar  \x00", "application/octet-stream", "a download (tar archive)"),
        (b"SQLite format 3\x00", "application/octet-stream", "a download (database)"),
        (b"--frame", "multipart/x-mixed-replace; boundary=frame", "a live picture"),
        ("<form method=post action=run><input name=cmd><input type=submit></form>", HTML, "a form that runs commands"),
        ("<form method=post action=/net><input name=ip value=10.0.0.1></form>", HTML, "filled-in fields"),
    ],
)  # fmt: skip
def test_data_of_the_device_is_named(body: str | bytes, kind: str, shown: str) -> None:
    assert EXPOSURE.shown_in("/x", answer(body, kind)).startswith(shown)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/", "<h1>Welcome</h1><a href=/about>About</a><a href=manual.pdf>Manual</a>", HTML),
        ("/icons/", NGINX.format("logo.png"), HTML),
        ("/rootDesc.xml", UPNP, "text/xml"),
        ("/app.js", "var password='Password'", "text/javascript"),
        ("/strings.json", '{"password": "Password", "user": "Benutzer", "pin": "pin"}', JSON),
        ("/strings.json", '{"password": "Ihr Kennwort", "token": "******", "psk": null}', JSON),
        ("/api/me", '{"error": "login required", "user": ""}', JSON),
        ("/api/me", '{"success": false, "message": "not logged in"}', JSON),
        ("/openapi.json", '{"openapi": "3.0.0", "paths": {"/x": {"password": "abc123"}}}', JSON),
        ("/license.txt", "Permission is granted. Note: no warranty.\nSee: https://example.org\n", TEXT),
        ("/search", "<form method=post action=/search><input name=q value=x></form>", HTML),
        ("/setup", "<form method=post><input name=user value=admin><input type=password name=p></form>", HTML),
        ("/", "", HTML),
    ],
)
def test_a_page_without_a_value_of_the_device_shows_nothing(path: str, body: str, kind: str) -> None:
    assert EXPOSURE.shown_in(path, answer(body, kind)) == ""


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        ('{"registers": [17, 23]}', JSON, "undeclared data"),
        ("<form method=post action=/write><input name=register></form>", HTML, "a form that sends changes"),
        (
            "<form action=/api/server><input type=submit name=x value=Restart></form>",
            HTML,
            "a form that acts (Restart)",
        ),
        (b"\x01\x00\x02\x00", "application/octet-stream", "a download"),
        ("roof inspected on 12 May", TEXT, "undeclared data"),
    ],
)
def test_any_data_counts_on_a_server_that_is_not_declared(body: str | bytes, kind: str, shown: str) -> None:
    assert UNDECLARED.shown_in("/x", answer(body, kind)) == shown
    assert EXPOSURE.shown_in("/x", answer(body, kind)) == ""


@pytest.mark.parametrize(
    ("path", "body"), [("/LICENSE.txt", "Permission is granted, 2026"), ("/api", "Hello World!"), ("/ping", "OK\n")]
)
def test_the_papers_and_greetings_of_a_server_are_no_data(path: str, body: str) -> None:
    assert UNDECLARED.shown_in(path, answer(body, TEXT)) == ""
