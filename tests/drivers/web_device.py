"""A small device with a web administration, and the bad habits that its drivers must see through.

Each habit is a word in `habits`. Only the standard library; it restarts by forgetting its sessions.
"""

import hashlib
import http.server
import io
import json
import secrets
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from socket import socket
from typing import Any
from urllib.parse import parse_qs

import trustme
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.login import Login
from drivers.nesting import parsed
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from lab_config.base import Role
from lab_config.bench import NetworkBench
from lab_config.component import HttpResource, Identity, Service, Setting, Transport, UpdateDeclaration
from lab_config.http_login import HttpLogin
from tests.drivers import websocket_server
from tests.drivers.network.loopback_servers import require_client

LOGIN = HttpLogin(service="web", form="/login", proof_path="/home", refusal="Login incorrect")
SETTING = Setting(path="/api/settings", field="device_name", example="Door")
IDENTITY = Identity(
    service="web",
    path="/api/status",
    model_field="model",
    version_field="firmware.version",
    serial_field="serial",
    boot_id_field="boot_id",
    slot_field="firmware.slot",
)
UPDATE = UpdateDeclaration(
    mechanism="http_upload",
    service="web",
    path="/api/update",
    status_path="/api/update",
    rejected='"state": "rejected"',
    container="signed_tar",
    seconds_to_install=5,
)
LARGEST = 65536
BOTH = (Role.ADMINISTRATOR, Role.VIEWER)
RESOURCES = (
    HttpResource(path="/api/status", read=BOTH),
    HttpResource(path="/api/settings", read=BOTH, write=(Role.ADMINISTRATOR,)),
    HttpResource(path="/api/update", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,), method="POST"),
)
PASSWORDS = {"admin": "correct horse", "viewer": "only looking"}
PAGE = b"""<html><form action="/search"><input name="q"></form>
<form method="post" action="login"><input type=hidden name="token" value="a&amp;b"><input name="username">
<input name="password" type="password"></form></html>"""
HOME = b'<html>Signed in <form method="POST" action="/logout"><input type="hidden" name="t" value="1"></form></html>'


def image(key: Ed25519PrivateKey, version: str, payload: bytes = b"firmware " * 300) -> bytes:
    """Make a signed image as the vendor would."""
    manifest = json.dumps({"version": version, "payload_sha256": hashlib.sha256(payload).hexdigest()}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in (("manifest.json", manifest), ("payload.bin", payload), ("manifest.sig", key.sign(manifest))):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


class Device:
    """The state of the device. `habits` may be changed while it runs."""

    def __init__(self, habits: Iterable[str] = (), tls: bool = False) -> None:
        self.habits = set(habits)
        self.tls = tls
        self.vendor = Ed25519PrivateKey.generate()
        self.sessions: dict[str, str] = {}
        self.settings = {"device_name": "Gate", "osd_text": "hello"}
        self.version, self.slot, self.boot = "1.4.0", "a", 1
        self.staged: str | None = None
        self.busy = False
        self.status = {"state": "idle", "reason": ""}
        self.serial = "HV2-1"
        self.shown: dict[str, object] = {}
        """Goes over what the device shows of itself."""
        self.passwords = dict(PASSWORDS)
        self.refused = 0
        self.recordings: list[dict[str, str]] = []
        self.requests: list[str] = []
        self.connections = 0
        self.tokens = {"a&b"}
        self.turns_away: tuple[int, object] = (401, {"error": "login required"})
        """What the API answers without a login."""
        self.notice = ""
        self.stopped = threading.Event()
        self.port = 9

    @property
    def target(self) -> Target:
        return Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": self.port}))

    @property
    def service(self) -> Service:
        return Service(id="web", transport=Transport.TCP, port=443, protocol="http", tls=self.tls, purpose="web")

    def web(self, user: str = "admin", password: str | None = None) -> Administration:
        """The administration as declared; without a password, with the one that is valid."""
        account = Login(user, PASSWORDS[user] if password is None else password)
        return Administration(self.target, self.service, LOGIN, account)

    def restart(self) -> None:
        self.sessions.clear()
        self.boot += 1
        self.busy = "busy_after_start" in self.habits
        if self.staged is not None:
            self.version, self.staged = self.staged, None
        if "settings_lost" in self.habits:
            self.settings["device_name"] = "Gate"

    def ready(self, seconds: float) -> bool:
        return True

    def install(self, image: bytes) -> tuple[int, dict[str, str]]:
        """Check an image, and run it when it is good: status and answer."""
        reason, version = self.fault(image)
        if reason and "update_takes_anything" not in self.habits:
            said = {"state": "rejected", "reason": reason}
            self.status = self.status if "refusal_not_reported" in self.habits else said
            return (200 if "update_says_200" in self.habits else 422), said
        self.status = {"state": "installing", "reason": ""}
        if "never_installs" in self.habits:
            return 202, self.status
        if "installs_at_restart" in self.habits:
            self.staged = version
            return 202, self.status
        self.version = version
        if "replay_keeps_slot" not in self.habits:
            self.slot = "b" if self.slot == "a" else "a"
        self.restart()
        return 202, self.status

    def fault(self, image: bytes) -> tuple[str, str]:
        try:
            with tarfile.open(fileobj=io.BytesIO(image)) as archive:
                parts = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
                if image[archive.offset :].strip(b"\0") or len(parts) > 3 or len(image) > LARGEST:
                    return "malformed image", "0"
            manifest = json.loads(parts["manifest.json"])
            version = str(manifest["version"])
        except (tarfile.TarError, KeyError, ValueError):
            return "malformed image", "0"
        try:
            if "unsigned_accepted" not in self.habits or "manifest.sig" in parts:
                self.vendor.public_key().verify(parts["manifest.sig"], parts["manifest.json"])
        except KeyError:
            return "signature missing", version
        except InvalidSignature:
            return "signature wrong", version
        if hashlib.sha256(parts["payload.bin"]).hexdigest() != manifest["payload_sha256"]:
            return "payload digest wrong", version
        if version == self.version and "replay_allowed" in self.habits:
            return "", version
        if version <= self.version and "downgrade_allowed" not in self.habits:
            return "not newer", version
        return "", version


RESET_ANSWERS: dict[str, tuple[int, bytes]] = {
    "reset_says_log_in_again": (200, b"<p>Reset started. Please log in again in two minutes.</p>"),
    "reset_leads_to_start": (303, b"/"),
    "reset_leads_elsewhere": (302, b"/wait.html"),
    "reset_answers_502": (502, b"bad gateway"),
}
"""What devices answer that carry out a reset: the status, and the page or where it leads."""


def erase(device: Device, method: str, path: str, body: bytes) -> tuple[int, object]:
    """Answer for user data and for the factory reset: status and JSON."""
    habits = device.habits
    if path == "/api/reset":
        if "never_resets" not in habits:
            device.restart()
            if "reset_keeps_settings" not in habits:
                device.settings = {"device_name": "Gate", "osd_text": "hello"}
            if "reset_keeps_data" not in habits:
                device.recordings.clear()
            if "reset_changes_serial" in habits:
                device.serial += "1"
            if "reset_default_password" in habits:
                device.passwords["admin"] = "admin"
        said = next((one for name, one in RESET_ANSWERS.items() if name in habits), None)
        return said or (202, {"state": "resetting"})
    if method == "POST" and "data_not_taken" not in habits:
        device.recordings.append(json.loads(body))
    if method == "DELETE" and "never_deletes" not in habits:
        device.recordings.clear()
    if method == "GET" and "data_hidden" in habits and "DELETE /api/recordings" in device.requests:
        return 500, {"error": "internal"}
    if method == "GET" and "data_hidden_after_reset" in habits and "POST /api/reset" in device.requests:
        return 500, {"error": "internal"}
    return 200, {"recordings": device.recordings}


class _Handler(http.server.BaseHTTPRequestHandler):
    device: Device

    def log_message(self, *_: object) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        self.device.connections += 1
        if "keeps_connections" in self.device.habits:
            self.protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes | object = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self) -> None:
        self.device.requests.append(f"{self.command} {self.path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        cookie = self.headers.get("Cookie", "").partition("session=")[2]
        self.user = self.device.sessions.get(cookie, "")
        self.cookie = cookie
        pages: dict[str, Callable[[], None]] = {
            "/login": self.login,
            "/logout": self.logout,
            "/home": self.home,
            "/endless": self.endless,
            "/ws": lambda: websocket_server.answer(self, self.user, self.device.habits),
            "/socket.io/": lambda: websocket_server.answer(self, self.user, self.device.habits),
            "/drip": self.drip,
            "/short": self.short,
            "/nonsense": lambda: self.send_raw(b"SSH-2.0-dropbear\r\n"),
            "/headers": lambda: self.send_raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n"),
            "/mute": lambda: self.finish_with(self.device.stopped.wait),
            "/drop": lambda: self.send_raw(b""),
            "/around": lambda: self.answer(302, Location="http://192.0.2.99/around"),
            "/deep": lambda: self.answer(200, b"[" * 500_000),
        }
        page = self.path.split("?")[0]
        if page in pages:
            pages[page]()
        elif self.path.startswith("/api/"):
            self.api()
        elif "same_page_everywhere" in self.device.habits:
            self.answer(200, b"<html>app</html>")
        else:
            self.answer(404, b"none")

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names are the standard library's

    def finish_with(self, action: Callable[[], Any]) -> None:
        action()
        self.close_connection = True

    def send_raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.close_connection = True

    def endless(self) -> None:
        self.send_raw(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while not self.device.stopped.is_set():
                self.wfile.write(b"x" * 65536)

    def drip(self) -> None:
        self.send_raw(b"HTTP/1.1 200 OK\r\n\r\nx")
        with suppress(OSError):
            while not self.device.stopped.wait(0.05):
                self.wfile.write(b"x")

    def short(self) -> None:
        self.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    def login(self) -> None:
        if self.command == "GET":
            page = PAGE
            if "token_of_a_visit" in self.device.habits:
                self.device.tokens.add(token := secrets.token_hex(8))
                page = PAGE.replace(b"a&amp;b", token.encode())
            self.answer(200, page)
            return
        if self.device.busy:
            self.device.busy = False
            self.answer(503, b"starting")
            return
        form = {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        user, habits = form.get("username", ""), self.device.habits
        good = self.device.passwords.get(user) == form.get("password") and form.get("token") in self.device.tokens
        if "token_of_a_visit" in habits:
            self.device.tokens.discard(form.get("token", ""))
        if "bans_after_refusal" in habits and self.device.refused:
            good = False
        if good or "any_password" in habits:
            token = secrets.token_hex(8)
            self.device.sessions[token] = user
            if "same_answer_always" in habits:
                self.answer(200, b"<html>Login incorrect</html>", Set_Cookie=f"session={token}")
                return
            self.answer(303, Location="/home", Set_Cookie=f"session={token}; HttpOnly; Path=/")
        elif "always_303" in habits:
            self.answer(303, Location="/login?failed", Set_Cookie="session=none")
        elif "same_answer_always" in habits:
            self.answer(200, b"<html>Login incorrect</html>", Set_Cookie="session=none")
        elif "megabytes" in habits:
            self.answer(401, b"<html>Login incorrect" + b" " * (8 << 20))
        elif "silent_refusal" in habits:
            self.answer(200, b"<html></html>")
        else:
            self.device.refused += 1
            self.answer(401, b"<html>Login incorrect</html>")

    def logout(self) -> None:
        self.device.sessions.pop(self.cookie, None)
        self.answer(303, Location="/login")

    def home(self) -> None:
        if self.user or "open_home" in self.device.habits:
            self.answer(200, HOME + self.device.notice.encode())
        else:
            self.answer(303, Location="/login")

    def api(self) -> None:
        habits, device = self.device.habits, self.device
        admin_only = self.path == "/api/update" or self.command != "GET"
        anonymous = f"anonymous {self.command} {self.path}" in habits
        if not self.user and not anonymous:
            if "login_page_200" in habits:
                self.answer(200, PAGE)
            else:
                status, said = device.turns_away
                self.answer(200 if "refuses_with_200" in habits else status, said)
        elif admin_only and self.user == "viewer" and "viewer_can_configure" not in habits:
            self.answer(403, {"error": "not permitted"})
        elif self.path == "/api/status":
            firmware = {"version": device.version, "slot": device.slot}
            shown: dict[str, object] = {
                "model": "Vista",
                "serial": device.serial,
                "firmware": firmware,
                "boot_id": str(device.boot),
            }
            shown |= device.shown
            if "no_serial" in habits:
                del shown["serial"]
            self.answer(200, shown)
        elif self.path == "/api/settings":
            if self.command == "PUT" and "put_replaces" in habits and isinstance(parsed(self.body), dict):
                device.settings.clear()
            if self.command == "PUT" and "not_applied" not in habits:
                device.settings.update(parsed(self.body))  # type: ignore[call-overload]
            if self.command == "PUT" and "changes_lead_elsewhere" in habits:
                self.answer(303, b"", Location="/saved")
            elif self.command == "PUT" and "changes_hang_up" in habits:
                self.close_connection = True
            else:
                self.answer(200, device.settings)
        elif self.path in {"/api/recordings", "/api/reset"}:
            status, said = erase(device, self.command, self.path, self.body)
            leads = {"Location": bytes(said).decode()} if isinstance(said, bytes) and status in {302, 303} else {}
            self.answer(status, said, **leads)
        elif self.command == "POST":
            self.answer(*device.install(self.body))
        else:
            self.answer(200, device.status)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        require_client(request)
        with self.context.wrap_socket(request, server_side=True) as inside:
            super().finish_request(inside, client_address)

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        pass  # clients of these tests hang up in the middle


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler], tls: bool) -> Iterator[int]:
    """Serve on a port of loopback, which is returned, until the end of the block."""
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("elsewhere.example").configure_cert(server.context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def running(*habits: str, tls: bool = False) -> Iterator[Device]:
    """Run a device with these habits."""
    device = Device(habits, tls)
    with serving(type("Handler", (_Handler,), {"device": device}), tls) as device.port:
        try:
            yield device
        finally:
            device.stopped.set()
