"""A mail server on tcp/25 that was left in the build, planted as a defect: it accepts admin/admin in clear."""

import base64
import socket

PORT = "tcp/25"
_LINE_OCTETS, _LINES = 512, 64
_RIGHT = base64.b64encode(b"\0admin\0admin").decode()


def serve(client: socket.socket) -> None:
    """Answer one command after the other."""
    client.sendall(b"220 halcyon ESMTP\r\n")
    pending = b""
    for _ in range(_LINES):
        while b"\n" not in pending:
            received = client.recv(256)
            if not received or len(pending) > _LINE_OCTETS:
                return
            pending += received
        line, _, pending = pending.partition(b"\n")
        words = line.decode("latin-1").split()
        command = words[0].upper() if words else ""
        if command == "QUIT":
            client.sendall(b"221 Goodbye\r\n")
            return
        reply = {"EHLO": b"250-halcyon\r\n250 AUTH PLAIN", "HELO": b"250 halcyon", "NOOP": b"250 Fine"}.get(command)
        if command == "AUTH":
            reply = b"235 Welcome" if words[2:] == [_RIGHT] else b"535 Wrong user name or password"
        client.sendall((reply or b"502 No such command") + b"\r\n")
