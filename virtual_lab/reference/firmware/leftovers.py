"""Services that were left in the build, each planted as a defect: Telnet, FTP and a debug port on TCP."""

import socket
import threading
from collections.abc import Callable

from virtual_lab.reference.firmware.device import Device

TELNET, FTP, DEBUG = "tcp/23", "tcp/21", "tcp/8899"
_CONNECTIONS = 8
_IDLE_SECONDS = 30.0
_LINE_OCTETS = 256
_LINES = 64
_IAC, _SUBNEGOTIATION, _WILL, _DONT = 255, 250, 251, 254
_TELNET_OPTIONS = bytes([255, 253, 24, 255, 253, 31, 255, 251, 1, 255, 251, 3])
"""DO terminal type, DO window size, WILL echo, WILL suppress go ahead (RFC 854 and its options)."""


class TcpService:
    """A TCP service that talks to each client in a thread of its own; `converse` ends when it returns."""

    def __init__(self, device: Device, port: str, converse: Callable[[socket.socket], None]) -> None:
        self._converse = converse
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        self._listener = device.ports.listen(port)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except ConnectionError:
                continue
            if self._free.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
            else:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                client.settimeout(_IDLE_SECONDS)
                self._converse(client)
        except OSError:
            return
        finally:
            self._free.release()


def telnet(client: socket.socket) -> None:
    """Ask for user and password, and refuse them."""
    client.sendall(_TELNET_OPTIONS)
    for _ in range(3):
        for prompt in (b"halcyon login: ", b"Password: "):
            client.sendall(b"\r\n" + prompt)
            if _telnet_line(client) is None:
                return
        client.sendall(b"\r\nLogin incorrect\r\n")


def ftp(client: socket.socket) -> None:
    """Greet, ask for user and password, and refuse them (RFC 959)."""
    client.sendall(b"220 Halcyon FTP server ready\r\n")
    for _ in range(_LINES):
        line = _line(client)
        if line is None:
            return
        command = line.split(b" ")[0].upper()
        if command == b"QUIT":
            client.sendall(b"221 Goodbye\r\n")
            return
        replies = {b"USER": b"331 Password required", b"PASS": b"530 Login incorrect"}
        client.sendall(replies.get(command, b"530 Please log in with USER and PASS") + b"\r\n")


def debug_port(client: socket.socket) -> None:
    """Say that a debugger may connect, and wait for one."""
    client.sendall(b"HVDBG ready\n")
    for _ in range(_LINES):
        if _line(client) is None:
            return
        client.sendall(b"?\n")


def _line(client: socket.socket) -> bytes | None:
    """Read up to a line feed, octet by octet; None when the client closed or sends too much."""
    line = bytearray()
    while len(line) < _LINE_OCTETS:
        octet = client.recv(1)
        if not octet:
            return None
        if octet == b"\n":
            return bytes(line).rstrip(b"\r")
        line += octet
    return None


def _telnet_line(client: socket.socket) -> bytes | None:
    """Read a line that ends with CR LF, CR NUL or LF, without the client's option negotiation in it."""
    line = bytearray()
    for _ in range(_LINE_OCTETS):
        octet = client.recv(1)
        if not octet:
            return None
        if octet[0] == _IAC:
            _skip_option(client)
        elif octet in (b"\n", b"\0"):
            return bytes(line)
        elif octet != b"\r":
            line += octet
    return None


def _skip_option(client: socket.socket) -> None:
    command = client.recv(1)
    if command and _WILL <= command[0] <= _DONT:
        client.recv(1)
    elif command and command[0] == _SUBNEGOTIATION:
        for _ in range(_LINE_OCTETS):
            if client.recv(1) in (b"", bytes([240])):
                return
