"""A small web administration with sessions, and the bad habits that questions about sessions must see through.

Each habit is a word in `habits`; times are in seconds. Only the standard library.
"""

import http.server
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from drivers.login import Login
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from lab_config.bench import NetworkBench
from lab_config.component import Service, Setting, Transport
from lab_config.http_login import HttpLogin
from tests.drivers.web_device import serving

LOGIN = HttpLogin(service="web", proof_path="/home", refusal="Login incorrect")
SETTING = Setting(path="/api/settings", field="device.name", example="Back door")
USER, PASSWORD = "admin", "correct horse"
FORM = b'<form method="post" action="/login"><input name="username"><input name="password" type="password"></form>'
LOGOUT = b'<form method="post" action="/logout"><button>Log out</button></form>'
GUARDS = "HttpOnly; SameSite=Strict; Path=/"


@dataclass
class Device:
    """The device's state. `guards` are the attributes of its cookie."""

    habits: frozenset[str]
    guards: str = GUARDS
    idle: float = 900.0
    absolute: float = 900.0
    tls: bool = False
    port: int = 0
    name: str = "Gate"
    clock: Callable[[], float] = time.monotonic
    sessions: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When each began, and when it was used last."""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    credentials: frozenset[str] = frozenset()
    """Values of Authorization that are let in without a session."""

    @property
    def web(self) -> Administration:
        target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": self.port}))
        service = Service(id="web", transport=Transport.TCP, port=443, protocol="http", tls=self.tls, purpose="web")
        return Administration(target, service, LOGIN, Login(USER, PASSWORD))

    def valid(self, token: str) -> bool:
        began, used = self.sessions.get(token, (0.0, 0.0))
        now = self.clock()
        if not began or now - used > self.idle or now - began > self.absolute:
            self.sessions.pop(token, None)
            return False
        self.sessions[token] = (began, now)
        return True


class _Handler(http.server.BaseHTTPRequestHandler):
    device: Device
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        self.device.requests.append((self.command, self.path, dict(self.headers.items())))
        cookies = dict(pair.strip().partition("=")[::2] for pair in self.headers.get("Cookie", "").split(";"))
        self.token = cookies.get("sid", "")
        known = self.device.valid(self.token) or (bool(self.token) and "looks_at_no_id" in self.device.habits)
        self.inside = known and ("two_cookies" not in self.device.habits or "half" in cookies)
        self.inside |= self.headers.get("Authorization", "") in self.device.credentials
        self.query = parts.query
        pages = {"/": self.start} if "greets" in self.device.habits else {}
        pages |= {"/login": self.login, "/logout": self.logout, "/home": self.home, SETTING.path: self.settings}
        pages.get(parts.path, lambda: self.answer(404))()

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = handle_any  # noqa: N815 - the standard library's names

    def start(self) -> None:
        """The start page greets with a cookie, and leads to the form."""
        self.answer(302, b"", ("Location", "/login"), ("Set-Cookie", "lang=en; Path=/"))

    def login(self) -> None:
        device, habits = self.device, self.device.habits
        if self.command == "GET" and not self.query:
            early = [("Set-Cookie", f"sid={secrets.token_hex(16)}; Path=/")] if "id_before_login" in habits else []
            self.answer(200, FORM.replace(b"post", b"get") if "logs_in_by_get" in habits else FORM, *early)
            return
        sent = {name: values[0] for name, values in parse_qs(self.body.decode() or self.query).items()}
        if sent != {"username": USER, "password": PASSWORD}:
            self.answer(401, b"Login incorrect")
            return
        keeps = "takes_id_of_form" in habits or "takes_any_id" in habits
        token = self.token if keeps and self.token else secrets.token_hex(16)
        if "one_session" in habits:
            device.sessions.clear()
        now = device.clock()
        device.sessions[token] = (now, now)
        baked = [f"sid={token}; {device.guards}", "theme=dark; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT"]
        baked += ["half=1; Path=/"] if "two_cookies" in habits else []
        self.answer(303, b"", ("Location", "/home"), *(("Set-Cookie", cookie) for cookie in baked))

    def logout(self) -> None:
        if "logout_refuses" in self.device.habits:
            self.answer(403, b"the token is missing")
            return
        if "logout_keeps" not in self.device.habits:
            self.device.sessions.pop(self.token, None)
        if "logout_ends_all" in self.device.habits:
            self.device.sessions.clear()
        self.answer(303, b"", ("Location", "/login"), ("Set-Cookie", "sid=; Max-Age=0; Path=/"))

    def home(self) -> None:
        if not self.inside:
            # a page that is neither the start page nor says login
            self.answer(302, b"", ("Location", "/tour" if "elsewhere_refused" in self.device.habits else "/login"))
            return
        token = b'<meta name="csrf-token" content="t0k3n">' if "asks_for_token" in self.device.habits else b""
        self.answer(200, token + (b"" if "no_logout" in self.device.habits else LOGOUT))

    def settings(self) -> None:
        device, habits, sent = self.device, self.device.habits, None
        if self.command == "OPTIONS" and "cors_open" in habits:
            words = {
                "Origin": self.headers["Origin"],
                "Credentials": "true",
                "Methods": "PUT",
                "Headers": "Content-Type",
            }
            self.answer(204, b"", *((f"Access-Control-Allow-{name}", value) for name, value in words.items()))
            return
        if self.headers.get("Sec-Fetch-Site") == "cross-site" and "ends_abused_session" in habits:
            device.sessions.pop(self.token, None)
            self.inside = False
        if self.headers.get("Sec-Fetch-Site") == "cross-site" and "hangs_up_on_others" in habits:
            self.close_connection = True
            return
        if not self.inside:
            self.answer(401, b"login required")
            return
        kind, origin = self.headers.get("Content-Type", ""), self.headers.get("Origin", "")
        if "checks_origin" in habits and origin and origin.partition("://")[2] != self.headers["Host"]:
            self.answer(403, b"of another site")
            return
        if "asks_for_token" in habits and self.command != "GET" and self.headers.get("X-CSRF-Token") != "t0k3n":
            self.answer(403, b"the token is missing")
            return
        if self.command == "PUT" or (self.command == "POST" and kind == "text/plain" and "takes_text" in habits):
            sent = json.loads(self.body)["device"]["name"]
        if self.command == "POST" and "urlencoded" in kind and "takes_form" in habits:
            sent = dict(parse_qsl(self.body.decode()))["device.name"]
        if self.command == "GET" and self.query and "takes_link" in habits:
            sent = dict(parse_qsl(self.query))["device.name"]
        if sent is not None and "says_only" not in habits:
            device.name = sent
        elif self.command == "POST" and "says_200" not in habits:
            self.answer(405, b"\x1b[31mno")
            return
        self.answer(200, json.dumps({"device": {"name": device.name}}).encode())


@contextmanager
def running(*habits: str, tls: bool = False, **state: Any) -> Iterator[Device]:
    """Run a device with these habits."""
    device = Device(frozenset(habits), tls=tls, **state)
    with serving(type("Handler", (_Handler,), {"device": device}), tls) as device.port:
        yield device
