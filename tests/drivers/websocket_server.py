"""How the small device of these tests answers at /ws: for sessions, from its own pages; by its habits for others."""

import base64
import hashlib
import http.server
import struct
from collections.abc import Collection

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(data: bytes, head: int = 0x81) -> bytes:
    """Return a short unmasked frame."""
    return bytes([head, len(data)]) + data


def answer(request: http.server.BaseHTTPRequestHandler, user: str, habits: Collection[str]) -> None:
    """Answer one opening handshake, and say what there is to say."""
    request.close_connection = True
    request.protocol_version = "HTTP/1.1"
    origin = request.headers.get("Origin", "")
    own = origin.partition("://")[2] == request.headers.get("Host")
    if "prefix_origin" in habits:
        own |= origin.partition("://")[2].startswith(request.headers.get("Host", "").replace(":", "-"))
    allowed = bool(user) and (user != "viewer" or "viewer_hears" in habits)
    if "closes_instead" not in habits and not (allowed or "ws_anonymous" in habits):
        request.send_response(401)
        request.end_headers()
        return
    if not (own or "any_origin" in habits):
        request.send_response(500 if "breaks_at_origin" in habits else 403)
        request.end_headers()
        return
    key = request.headers["Sec-WebSocket-Key"].encode()
    request.send_response(101)
    request.send_header("Upgrade", "websocket")
    request.send_header("Connection", "Upgrade")
    if (asked := request.headers.get("Sec-WebSocket-Protocol")) is not None:
        request.send_header("Sec-WebSocket-Protocol", asked)
    proof = hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()
    request.send_header("Sec-WebSocket-Accept", base64.b64encode(proof).decode())
    request.end_headers()
    if not allowed and "closes_instead" in habits:
        request.wfile.write(frame(struct.pack(">H", 1008) + b"log in\x1b[2J", 0x88))
        return
    if "waits_for_word" in habits:
        head = request.rfile.read(6)
        said = bytes(octet ^ head[2 + index % 4] for index, octet in enumerate(request.rfile.read(head[1] & 0x7F)))
        request.wfile.write(frame(b"you said " + said, 0x82))
    elif "socket_io" in habits:
        request.wfile.write(frame(b'0{"sid":"a","pingInterval":25000}'))
        head = request.rfile.read(6)
        said = bytes(octet ^ head[2 + index % 4] for index, octet in enumerate(request.rfile.read(head[1] & 0x7F)))
        refused = said != b"40" or "io_refuses" in habits
        request.wfile.write(frame(b'44{"message":"log in"}' if refused else b'40{"sid":"b"}'))
        request.wfile.write(frame(b'42["state",{"door":"open"}]') * ("io_talks" in habits))
    elif "mute_ws" not in habits:
        request.wfile.write(frame(b"", 0x81) * ("endless_ws" in habits) * 50_000)
        request.wfile.write(frame(b'{"event": "state"}'))
    request.rfile.read(1)
