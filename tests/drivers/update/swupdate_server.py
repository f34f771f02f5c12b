"""swupdate's web server for the tests: POST /upload as a form, /ws as a stream of JSON, and 200 for what it refuses."""

import base64
import contextlib
import hashlib
import http.server
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(text: str, kind: int = 0x81) -> bytes:
    data = text.encode()
    if len(data) < 126:
        return bytes([kind, len(data)]) + data
    return bytes([kind, 126]) + len(data).to_bytes(2, "big") + data


@dataclass
class Swupdate:
    """What it installs by image; `install` is told the version. Habits: `resets`, `mute`, `no_ws`, `anything`."""

    installs: dict[bytes, str]
    habits: set[str] = field(default_factory=set)
    uploads: list[bytes] = field(default_factory=list)
    listeners: "list[queue.Queue[bytes | None]]" = field(default_factory=list)
    installed: str = "1.4.0"
    boots: int = 1

    def say(self, **message: str) -> None:
        for listener in self.listeners:
            listener.put(frame(json.dumps(message, indent=1)))

    def take(self, image: bytes) -> None:
        self.uploads.append(image)
        if "mute" not in self.habits:
            self.say(type="status", status="START")
            self.say(type="message", level="6", text="Software Update started !" + " " * 200)
        version = "9.9.9" if "anything" in self.habits and image else self.installs.get(image)
        if version is not None:
            self.installed = version
            self.boots += 1
        if "mute" not in self.habits:
            self.say(type="status", status="SUCCESS" if version else "FAILURE")


@contextlib.contextmanager
def serving(server: Swupdate) -> Iterator[int]:
    """Serve on loopback, and yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            if self.path != "/ws" or "no_ws" in server.habits:
                self.send_error(404)
                return
            mine: queue.Queue[bytes | None] = queue.Queue()
            server.listeners.append(mine)
            proof = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + MAGIC).digest()
            self.wfile.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(proof) + b"\r\n\r\n"
            )
            self.wfile.write(frame("ping", 0x89))
            with contextlib.suppress(OSError):
                while (data := mine.get(timeout=30)) is not None:
                    self.wfile.write(data)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            boundary = b"--" + self.headers["Content-Type"].partition("boundary=")[2].encode()
            head, _, rest = body.partition(b"\r\n\r\n")
            assert head.startswith(boundary) and b'name="file"' in head
            server.take(rest.removesuffix(b"\r\n" + boundary + b"--\r\n"))
            if "resets" not in server.habits:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"Ok, a.swu - 1 bytes.\r\n")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield web.server_address[1]
        finally:
            for listener in server.listeners:
                listener.put(None)
            web.shutdown()
            thread.join(5)
