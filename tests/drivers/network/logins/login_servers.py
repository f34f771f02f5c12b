"""Servers on loopback that ask for a user and a password: Telnet, FTP and RTSP, a thread a connection."""

import contextlib
import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.drivers.network.loopback_servers import require_client
from tests.drivers.network.tls.tls_servers import rsa_certificate

Handler = Callable[[socket.socket], None]
SDP = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:track1\r\n"


@contextmanager
def threaded(handle: Handler, *, tls: bool = False, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve each connection in a thread of its own; yields the port, and shuts every connection down at the end."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.settimeout(10)
    open_: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            if tls:
                require_client(connection)
                with server_context().wrap_socket(connection, server_side=True) as stream:
                    handle(stream)
            else:
                handle(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_.append(connection)
                threads.append(threading.Thread(target=talk, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        for sock in (listener, *open_):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(10)


def server_context() -> ssl.SSLContext:
    """Return a context with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rsa_certificate().configure_cert(context)
    return context


def line_of(connection: socket.socket) -> bytes:
    """Read up to LF or NUL, without Telnet's commands; raises ConnectionError at the end."""
    line = b""
    while True:
        octet = connection.recv(1)
        if not octet:
            raise ConnectionError
        if octet == b"\xff":
            if connection.recv(1) == b"\xfa":
                while connection.recv(1) != b"\xf0":
                    pass
            else:
                connection.recv(1)
        elif octet in b"\n\0":
            return line.strip(b"\r")
        else:
            line += octet


@dataclass(frozen=True)
class Telnet:
    """A login program and a shell behind it."""

    logins: tuple[tuple[bytes, bytes], ...] = ((b"root", b"right"),)
    greeting: bytes = b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01\xff\xfb\x03\r\nLinux 5.10\r\n"
    login: bytes = b"cam login: "
    password: bytes = b"Password: "
    refusal: bytes = b"Login incorrect\r\n"
    motd: bytes = b"3 failed login attempts since the last login\r\nLast login: today, 100%\r\n"
    shell: bytes = b"\x1b[1;32mroot@cam\x1b[0m:~# "
    anything: bool = False

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self.greeting)
        for _ in range(3):
            connection.sendall(b"\r\n" + self.login)
            user = line_of(connection)
            connection.sendall(user + b"\r\n" + self.password)
            if self.anything or (user, line_of(connection)) in self.logins:
                self._serve_shell(connection)
                return
            connection.sendall(b"\r\n" + self.refusal)

    def take_anything(self, connection: socket.socket, motd: bytes | None = None) -> None:
        """Ask for a user and a password, and take whatever is typed."""
        connection.sendall(self.greeting + b"\r\n" + self.login)
        line_of(connection)
        connection.sendall(b"\r\n" + self.password)
        line_of(connection)
        connection.sendall(b"\r\n" + (self.motd if motd is None else motd))

    def _serve_shell(self, connection: socket.socket) -> None:
        connection.sendall(b"\r\n" + self.motd)
        while True:
            connection.sendall(self.shell)
            if line_of(connection) == b"exit":
                return
            connection.sendall(b"\r\n")


@dataclass(frozen=True)
class Ftp:
    """A control connection; `tls` is what a login in clear is answered until AUTH TLS."""

    logins: tuple[tuple[str, str], ...] = (("admin", "right"),)
    tls: bytes = b""
    greeting: bytes = b"220-Welcome\r\n to the files\r\n220 ready\r\n"
    open_: bool = False
    liar: bool = False

    def __call__(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            self._serve(connection, stack)

    def _serve(self, connection: socket.socket, stack: contextlib.ExitStack) -> None:
        connection.sendall(self.greeting)
        user, entered, needs_tls = "", self.open_, bool(self.tls)
        while True:
            word, _, rest = line_of(connection).decode().partition(" ")
            if word == "AUTH" and self.tls:
                connection.sendall(b"234 go on\r\n")
                require_client(connection)
                inside = server_context().wrap_socket(connection, server_side=True)
                connection, needs_tls = stack.enter_context(inside), False
            elif word == "USER" and needs_tls:
                connection.sendall(self.tls)
            elif word == "USER":
                user = rest
                connection.sendall(b"331 password\r\n")
            elif word == "PASS":
                entered = (user, rest) in self.logins
                connection.sendall(b"230 in\r\n" if entered or self.liar else b"530 Login incorrect.\r\n")
            elif word == "PWD" and entered:
                connection.sendall(b'257 "/"\r\n')
            else:
                connection.sendall(b"530 Please login with USER and PASS.\r\n")


@dataclass(frozen=True)
class Rtsp:
    """A stream behind Digest; the answers are checked with requests' own Digest client."""

    logins: tuple[tuple[str, str], ...] = (("viewer", "right"),)
    algorithm: str = "SHA-256"
    open_methods: tuple[str, ...] = ()
    stale: bool = False
    closes: bool = False
    challenge: str = ""
    elsewhere: str = ""
    """The status of paths without a stream; the same as everywhere if empty."""

    def __call__(self, connection: socket.socket) -> None:
        pending, stale = b"", self.stale
        while True:
            while b"\r\n\r\n" not in pending:
                if not (piece := connection.recv(4096)):
                    return
                pending += piece
            head, _, pending = pending.partition(b"\r\n\r\n")
            method, uri, _ = head.decode().splitlines()[0].split(" ")
            fields = dict(re.findall(r"(?im)^([\w-]+): (.*?)\r?$", head.decode()))
            if self.elsewhere and "/live" not in uri:
                connection.sendall(answer(self.elsewhere, fields["CSeq"], "\r\n"))
                continue
            if method in self.open_methods or self._right(fields.get("Authorization", ""), method, uri, stale):
                body = SDP if method == "DESCRIBE" else b""
                media = b"$\0\0\x04\0\0\0\0" if method == "PLAY" else b""
                tail = f"Session: 7;timeout=9\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(media + answer("200 OK", fields["CSeq"], tail) + body)
                continue
            stale_now = stale and "Authorization" in fields
            asked = self.challenge or f'Digest realm="cam", nonce="n", algorithm={self.algorithm}, qop="auth"'
            asked += ", stale=true" if stale_now else ""
            stale = stale and not stale_now
            connection.sendall(answer("401 Unauthorized", fields["CSeq"], f"WWW-Authenticate: {asked}\r\n\r\n"))
            if self.closes:
                return

    def _right(self, given: str, method: str, uri: str, stale: bool) -> bool:
        if stale or not given.startswith("Digest "):
            return False
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        digest = "sha256" if self.algorithm == "SHA-256" else "md5"

        def hashed(*parts: str) -> str:
            return hashlib.new(digest, ":".join(parts).encode()).hexdigest()

        tail = [fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], hashed(method, uri)]
        return fields["uri"] == uri and fields["response"] in {
            hashed(hashed(user, "cam", password), *tail) for user, password in self.logins
        }


def answer(status: str, sequence: str, tail: str) -> bytes:
    """Return the head of an RTSP answer."""
    return f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{tail}".encode()
