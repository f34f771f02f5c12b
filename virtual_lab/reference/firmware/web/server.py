"""The HTTPS server: TLS handshakes, HTTP requests and responses, all bounded in size, time and number.

What the paths mean is in `administration`; the TLS contexts are in `tls`.
"""

import http.server
import socket
import ssl
import sys
import threading
import traceback
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.web import app_pages, device_api, events, sensor_pages, state_pages
from virtual_lab.reference.firmware.web.administration import (
    Administration,
    Request,
    Response,
    Route,
    json_response,
)
from virtual_lab.reference.firmware.web.old_tls import OldTls
from virtual_lab.reference.firmware.web.tls import Contexts

PORT = "tcp/443"
_CONNECTIONS = 64
_IDLE_SECONDS = 10.0
_HANDSHAKE, _HANDSHAKE_HEAD, _RECORD_OCTETS = 22, 9, 2**14
"""The type of a TLS record, the octets up to the length of its first message, and what one record holds."""
_HEADER_BUFFER = 4_096
"""Octets of the buffer that a planted defect copies each header into."""
_DISCARDED_OCTETS = 16 * 2**20
"""A refused body up to this size is read away, so that the client can read the refusal."""
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; form-action 'self'"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


class WebServer(http.server.ThreadingHTTPServer):
    """Accepts connections on the device's port; each is handled in a thread of its own, handshake included."""

    daemon_threads = True

    def __init__(self, device: Device) -> None:
        self.device = device
        self.administration = Administration(device)
        pages = state_pages.routes(device) | device_api.routes(device) | app_pages.routes(device)
        self.administration.routes |= pages | sensor_pages.routes(device)
        self._contexts = Contexts(device.flash.folder, device.defects)
        self._old_tls = OldTls(device.flash.folder, device.defects)
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        self._one_at_a_time = threading.Lock()
        listener = device.ports.listen(PORT)
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, name="web", daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread, or close it where too many are open."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle one connection from handshake to end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Do the handshake, then serve requests until the client or the time limit ends them."""
        request.settimeout(_IDLE_SECONDS)
        if self.device.defects("tls_hang_on_long_handshake"):
            self._await_handshake(request)
        if self._old_tls.wants(request):
            with self._old_tls.serve(request) as stream:
                super().finish_request(stream, client_address)
            return
        request.getpeername()  # a wrapper that finds the connection reset would stay open until it is collected
        with self._contexts.choose(request).wrap_socket(request, server_side=True) as stream:
            super().finish_request(stream, client_address)
            _say_goodbye(stream)

    def _await_handshake(self, request: socket.socket) -> None:
        """A planted defect: what announces more than a record holds is waited for, and everybody else with it."""
        head = request.recv(_HANDSHAKE_HEAD, socket.MSG_PEEK)
        announced = int.from_bytes(head[6:]) if len(head) == _HANDSHAKE_HEAD and head[0] == _HANDSHAKE else 0
        with self._one_at_a_time:
            if announced > _RECORD_OCTETS:
                threading.Event().wait()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over what clients do to connections; report what is the firmware's own fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


def _say_goodbye(stream: ssl.SSLSocket) -> None:
    """Send close_notify without waiting for the client's."""
    stream.settimeout(0.0)
    try:
        stream.unwrap()
    except OSError:
        return


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def version_string(self) -> str:
        device = self.server.device
        return f"Halcyon/{device.version}" if device.defects("banner_version") else "Halcyon"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        return

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815

    def _handle(self) -> None:
        self._unread = 0
        if self.path == events.PATH and events.is_wanted(self.headers):
            self.close_connection = True
            account = self.server.administration.sessions.account(self._token())
            events.serve(self, self.server.device, account is not None)
            return
        try:
            self._respond(self._answer())
        finally:
            self._discard()

    def _answer(self) -> Response:
        method = "GET" if self.command == "HEAD" else self.command
        path, _, query = self.path.partition("?")
        longest = max((len(value) for value in self.headers.values()), default=0)
        if longest > _HEADER_BUFFER and self.server.device.defects("http_crash_on_long_header"):
            self.server.device.crash()
        if (refusal := self._measure_body()) is not None:
            return refusal
        routes = self.server.administration.routes.get(path)
        if routes is None:
            return json_response(404, {"error": "not found"})
        if (route := routes.get(method)) is None:
            return Response(405, headers=(("Allow", ", ".join(routes)),))
        token = self._token()
        account = self.server.administration.sessions.account(token)
        if (refused := self.server.administration.refusal(route, account)) is not None:
            return refused
        if (body := self._body(route)) is None:
            return json_response(413, {"error": "too large"})
        request = Request(
            method,
            path,
            body,
            token,
            account,
            source=str(self.client_address[0]),
            query=query,
            origin=self.headers.get("Origin", ""),
            authorization=self.headers.get("Authorization"),
        )
        return route.answer(request)

    def _measure_body(self) -> Response | None:
        """Learn how long the body is; a response where its end cannot be known."""
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return json_response(411, {"error": "length required"})
        lengths = self.headers.get_all("Content-Length") or ["0"]
        if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()) or len(lengths[0]) > 12:
            self.close_connection = True
            return json_response(400, {"error": "malformed length"})
        self._unread = int(lengths[0])
        return None

    def _token(self) -> str | None:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        except CookieError:
            return None
        return cookie.value if cookie else None

    def _body(self, route: Route) -> bytes | None:
        if self._unread > route.body_octets:
            return None
        body = self.rfile.read(self._unread)
        if len(body) < self._unread:
            raise ConnectionError("the client closed the connection inside the body")
        self._unread = 0
        return body

    def _respond(self, response: Response) -> None:
        self.close_connection = self.close_connection or bool(self._unread) or response.then is not None
        self.send_response(HTTPStatus(response.status))
        if response.body:
            self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in (*_HEADERS, *response.headers):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()
        if response.then is not None:
            threading.Thread(target=response.then, name="then", daemon=True).start()

    def _discard(self) -> None:
        """Read an unread body away, so that closing the connection does not reset it under the response."""
        left = min(self._unread, _DISCARDED_OCTETS)
        while left > 0 and (chunk := self.rfile.read1(min(left, 65536))):
            left -= len(chunk)
