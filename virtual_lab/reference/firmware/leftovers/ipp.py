"""A print server that was left in the build on tcp/631, planted as a defect: everybody administers it (RFC 8010)."""

import re
import socket

PORT = "tcp/631"
_HEAD_OCTETS, _BODY_OCTETS = 8 * 1024, 64 * 1024
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d{1,6})\r\n")
_PRINTER = b"\x04\x42\0\x0cprinter-name\0\4test"


def serve(client: socket.socket) -> None:
    """Answer one request: each operation of IPP is done, and there is no page."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = client.recv(1024)
        if not received or len(data) > _HEAD_OCTETS:
            return
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    while length and len(body) < min(int(length[1]), _BODY_OCTETS):
        received = client.recv(1024)
        if not received:
            return
        body += received
    status, kind, said = "404 Not Found", "text/plain", b"no such page"
    if head.startswith(b"POST ") and len(body) > 8:
        status, kind, said = "200 OK", "application/ipp", body[:2] + b"\0\0" + body[4:8] + b"\x01" + _PRINTER + b"\x03"
    reply = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
    client.sendall(reply.encode() + said)
