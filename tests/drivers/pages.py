"""A web server whose answers are functions of the request: for pages that each make of a login what they like."""

import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from drivers.network.pace import DoorPaces
from drivers.network.target import Target
from drivers.network.web.transport.client import WebClient
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport

PATIENCE = 1.0
"""Seconds that a probe waits for pages that limit requests."""

SERVICE = Service(id="web", transport=Transport.TCP, port=443, protocol="http", purpose="web")


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def cookie(self) -> str:
        return self.headers.get("cookie", "")


@dataclass(frozen=True)
class Said:
    """An answer."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Asked], Said]


def to(path: str, **headers: str) -> Said:
    return Said(status=302, headers={"Location": path, **headers})


def html(body: str) -> Answer:
    return lambda _: Said(body, headers={"Content-Type": "text/html"})


class Pages:
    """The server: answers by path, and the requests that came."""

    def __init__(self, answers: Mapping[str, Answer], port: int = 0) -> None:
        self.answers = dict(answers)
        self.asked: list[Asked] = []
        self.port = port

    def answer(self, path: str) -> Answer:
        return self.answers.get(path, lambda _: Said("not found", 404))

    @property
    def target(self) -> Target:
        bench = NetworkBench(address="127.0.0.1", port_map={"tcp/443": self.port})
        return Target(bench, paces=DoorPaces(PATIENCE))

    @property
    def client(self) -> WebClient:
        return WebClient(self.target, SERVICE)

    @property
    def paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    pages: Pages

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        path, _, query = self.path.partition("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, path, fields, headers, self.rfile.read(int(headers.get("content-length", 0))))
        self.pages.asked.append(asked)
        said = self.pages.answer(path)(asked)
        body = said.body.encode() if isinstance(said.body, str) else said.body
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names are the standard library's


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients of these tests hang up in the middle


@contextmanager
def serving(answers: Mapping[str, Answer], host: str = "127.0.0.1") -> Iterator[Pages]:
    """Serve these pages."""
    pages = Pages(answers)
    server = _Server((host, 0), type("Handler", (_Handler,), {"pages": pages}))
    pages.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
