"""A registrar of SIP on tcp/5060 that was left in the build, planted as a defect (RFC 3261 clauses 10.3 and 22.4)."""

import hashlib
import re
import socket

PORT = "tcp/5060"
DEFECTS = ("sip_open", "sip_100_100")
_MESSAGE_OCTETS = 8 * 1024
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")
_FIELD = re.compile(r"(?m)^([\w-]+): *(.*?)\r?$")
_PARAMETER = re.compile(r'(\w+)="?([^",]*)"?')


class Registrar:
    """Registers everybody, or only the extension 100 with the password 100."""

    def __init__(self, is_open: bool) -> None:
        self._is_open = is_open

    def serve(self, client: socket.socket) -> None:
        """Answer one request after the other."""
        pending = b""
        while len(pending) < _MESSAGE_OCTETS:
            if not (received := client.recv(1024)):
                return
            pending += received
            while b"\r\n\r\n" in pending:
                message, _, pending = pending.partition(b"\r\n\r\n")
                client.sendall(self.answer(message.decode("latin-1")))

    def answer(self, message: str) -> bytes:
        """Return the answer to a request: what is registered is forgotten at once."""
        fields = dict(_FIELD.findall(message))
        method, further = message.split(" ")[0], ""
        status = "200 OK" if method in ("OPTIONS", "REGISTER") else "405 Method Not Allowed"
        if method == "REGISTER" and not (self._is_open or _is_right(fields.get("Authorization", ""))):
            status, further = (
                "401 Unauthorized",
                'WWW-Authenticate: Digest realm="halcyon", nonce="5f2b", qop="auth"\r\n',
            )
        copied = "".join(f"{name}: {fields[name]}\r\n" for name in _COPIED if name in fields)
        return f"SIP/2.0 {status}\r\n{copied}{further}Content-Length: 0\r\n\r\n".encode("latin-1")


def _is_right(given: str) -> bool:
    fields = dict(_PARAMETER.findall(given))

    def hashed(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    if fields.get("username") != "100":
        return False
    middle = [fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
    wanted = hashed(hashed("100", "halcyon", "100"), *middle, hashed("REGISTER", fields.get("uri", "")))
    return fields.get("response") == wanted
