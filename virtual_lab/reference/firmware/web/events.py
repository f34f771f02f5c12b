"""The WebSocket of the web administration (RFC 6455) of events: for sessions, from the device's own pages.

A client that is let in hears the state at once; what it says is read and dropped.
"""

import base64
import hashlib
import http.server
import json
from email.message import Message

from virtual_lab.reference.firmware.device import Device

PATH = "/api/events"
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL_TEXT, _CLOSE, _MASKED = 0x81, 0x8, 0x80
_FRAMES = 64
_FRAME_OCTETS = 125
"""A client says no more in one frame."""


def is_wanted(headers: Message) -> bool:
    """Whether a request asks for a WebSocket."""
    return headers.get("Upgrade", "").lower() == "websocket" and bool(headers.get("Sec-WebSocket-Key"))


def serve(request: http.server.BaseHTTPRequestHandler, device: Device, logged_in: bool) -> None:
    """Let a client in that has a session and comes from the device's own pages, and tell it the state."""
    origin = request.headers.get("Origin")
    own = origin is None or origin.partition("://")[2] == request.headers.get("Host", "").removesuffix(":443")
    if not (logged_in or device.defects("websocket_open")):
        _refuse(request, 401)
    elif not (own or device.defects("websocket_foreign_origin")):
        _refuse(request, 403)
    else:
        _accept(request)
        text = json.dumps({"event": "state", "model": device.model, "uptime_s": device.boot.uptime}).encode()
        request.wfile.write(bytes([_FINAL_TEXT, len(text)]) + text)
        request.wfile.flush()
        _drop_what_comes(request)


def _refuse(request: http.server.BaseHTTPRequestHandler, status: int) -> None:
    request.send_response(status)
    request.send_header("Content-Length", "0")
    request.send_header("Connection", "close")
    request.end_headers()


def _accept(request: http.server.BaseHTTPRequestHandler) -> None:
    key = str(request.headers["Sec-WebSocket-Key"]).encode("latin-1", "replace")
    proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
    request.send_response_only(101)
    request.send_header("Upgrade", "websocket")
    request.send_header("Connection", "Upgrade")
    request.send_header("Sec-WebSocket-Accept", proof)
    request.end_headers()


def _drop_what_comes(request: http.server.BaseHTTPRequestHandler) -> None:
    """Read frames until the client closes, breaks the rules (clause 5.1) or says too much."""
    for _ in range(_FRAMES):
        head = request.rfile.read(2)
        if len(head) < 2 or head[0] & 0xF == _CLOSE or not head[1] & _MASKED or head[1] & 0x7F > _FRAME_OCTETS:
            return
        request.rfile.read(4 + (head[1] & 0x7F))
