"""A registrar of SIP as RFC 3261 clauses 10.3 and 22 have it: bindings, Digest, over UDP and over TCP."""

import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab_config.component import Transport
from tests.drivers.network.logins.login_servers import threaded
from tests.drivers.network.loopback_servers import udp_server


@dataclass
class Registrar:
    """Users with their passwords; `open_` are registered without one. Other users are answered with `unknown`."""

    users: dict[str, str] = field(default_factory=lambda: {"phone": "right"})
    open_: tuple[str, ...] = ()
    everybody: bool = False
    challenges_bindings: bool = False
    """Whether a REGISTER with a Contact requires a login although one without does not."""
    status: int = 401
    unknown: str = ""
    algorithm: str = "MD5"
    stale: int = 0
    trying: bool = False
    compact: bool = False
    bindings: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """User and Contact of each REGISTER."""

    def answer(self, message: bytes) -> bytes:
        """Return the answers to a request."""
        head = message.decode().partition("\r\n\r\n")[0]
        fields = dict(re.findall(r"(?m)^([\w-]+): (.*?)\r?$", head))
        method = head.split(" ")[0]
        user = re.search(r"sip:([^@>]*)@", fields["To"])
        assert method == "REGISTER" and user is not None and fields["CSeq"].endswith(" REGISTER")
        assert "branch=z9hG4bK" in fields["Via"] and fields["From"].split(";")[0] == fields["To"]
        contact = fields.get("Contact", "")
        self.asked.append((user[1], contact))
        before = self._said("100 Trying", fields, ()) if self.trying else b""
        return before + self._final(user[1], contact, fields)

    def _final(self, user: str, contact: str, fields: dict[str, str]) -> bytes:
        given = fields.get("Authorization" if self.status == 401 else "Proxy-Authorization", "")
        is_open = (self.everybody or user in self.open_) and not (contact and self.challenges_bindings)
        if not is_open and not self._right(given, user):
            if self.unknown and user not in self.users:
                return self._said(self.unknown, fields, ())
            again, self.stale = self.stale > 0 and bool(given), self.stale - bool(given)
            name = "WWW-Authenticate" if self.status == 401 else "Proxy-Authenticate"
            challenge = f'Digest realm="home", nonce="n{len(self.asked)}", algorithm={self.algorithm}, qop="auth"'
            return self._said(f"{self.status} Unauthorized", fields, ((name, challenge + ", stale=true" * again),))
        if contact.endswith("expires=0"):
            self.bindings.pop(user, None)
        elif contact:
            self.bindings[user] = [contact]
        kept = self.bindings.get(user, [])
        return self._said("200 OK", fields, [("m" if self.compact else "Contact", one) for one in kept])

    def _right(self, given: str, user: str) -> bool:
        if not given.startswith("Digest "):
            return False
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        if self.stale > 0 or fields["username"] != user or user not in self.users:
            return False
        kind = {"MD5": "md5", "SHA-256": "sha256"}[self.algorithm]

        def hashed(*parts: str) -> str:
            return hashlib.new(kind, ":".join(parts).encode()).hexdigest()

        secret = hashed(user, "home", self.users[user])
        middle = (fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"])
        wanted = hashed(secret, *middle, hashed("REGISTER", fields["uri"]))
        return bool(fields["response"] == wanted)

    def _said(self, status: str, fields: dict[str, str], further: object) -> bytes:
        copied = [(name, fields[name]) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        names = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i"} if self.compact else {}
        lines = [f"{names.get(name, name)}: {value}\r\n" for name, value in (*copied, *further)]  # type: ignore[misc]
        return f"SIP/2.0 {status}\r\n{''.join(lines)}{'l' if self.compact else 'Content-Length'}: 0\r\n\r\n".encode()


@contextmanager
def registering(answer: Callable[[bytes], bytes], transport: Transport, *, tls: bool = False) -> Iterator[int]:
    """Answer each request over UDP or TCP, and yield the port."""
    if transport is Transport.UDP:

        def handle(data: bytes, send: Callable[[bytes], object]) -> None:
            for one in re.findall(rb"(?s).+?\r\n\r\n", answer(data)):
                send(one)

        with udp_server(handle) as port:
            yield port
        return

    def serve(connection: socket.socket) -> None:
        pending = b""
        while data := connection.recv(4_096):
            pending += data
            while b"\r\n\r\n" in pending:
                message, _, pending = pending.partition(b"\r\n\r\n")
                connection.sendall(answer(message + b"\r\n\r\n"))

    with threaded(serve, tls=tls) as port:
        yield port
