"""Services that were left in the build, each planted as a defect: Telnet, FTP, Redis and a debug port on TCP."""

import contextlib
import socket

TELNET, FTP, DEBUG = "tcp/23", "tcp/21", "tcp/8899"
TELNET_ELSEWHERE, REDIS = "tcp/8023", "tcp/6380"
_LINE_OCTETS = 256
_LINES = 64
_IAC, _SUBNEGOTIATION, _WILL, _DONT = 255, 250, 251, 254
_TELNET_OPTIONS = bytes([255, 253, 24, 255, 253, 31, 255, 251, 1, 255, 251, 3])
"""DO terminal type, DO window size, WILL echo, WILL suppress go ahead (RFC 854 and its options)."""


def telnet(client: socket.socket) -> None:
    """Ask for user and password, and refuse them."""
    _telnet(client, None)


def telnet_with_shell(client: socket.socket) -> None:
    """Ask for user and password, and take those that a maker of boards left in its examples."""
    _telnet(client, [b"root", b"xc3511"])


def _telnet(client: socket.socket, taken: list[bytes] | None) -> None:
    client.sendall(_TELNET_OPTIONS)
    for _ in range(3):
        typed: list[bytes] = []
        for prompt in (b"halcyon login: ", b"Password: "):
            client.sendall(b"\r\n" + prompt)
            if (line := _telnet_line(client)) is None:
                return
            typed.append(line)
        if typed == taken:
            _telnet_shell(client)
            return
        client.sendall(b"\r\nLogin incorrect\r\n")


def _telnet_shell(client: socket.socket) -> None:
    for _ in range(_LINES):
        client.sendall(b"\r\n# ")
        if (line := _telnet_line(client)) is None or line == b"exit":
            return
        if line:
            client.sendall(b"\r\nsh: " + line[:32] + b": not found")


def ftp(client: socket.socket) -> None:
    """Greet, ask for user and password, and refuse them (RFC 959)."""
    _ftp(client, None)


def ftp_with_files(client: socket.socket) -> None:
    """Greet, ask for user and password, and take admin with the password admin."""
    _ftp(client, [b"USER admin", b"PASS admin"])


def _ftp(client: socket.socket, taken: list[bytes] | None) -> None:
    client.sendall(b"220 Halcyon FTP server ready\r\n")
    entered, user = False, b""
    for _ in range(_LINES):
        line = _line(client)
        if line is None:
            return
        command = line.split(b" ")[0].upper()
        if command == b"QUIT":
            client.sendall(b"221 Goodbye\r\n")
            return
        if command == b"PASS":
            entered = [user, line] == taken
        user = line if command == b"USER" else user
        replies = {b"USER": b"331 Password required", b"PASS": b"530 Login incorrect"}
        if entered:
            replies |= {b"PASS": b"230 Logged in", b"PWD": b'257 "/" is the current directory'}
        client.sendall(replies.get(command, b"530 Please log in with USER and PASS") + b"\r\n")


def ftp_for_uploads(client: socket.socket) -> None:
    """Let anonymous clients log in and store files, which are dropped (RFC 959, RFC 2428)."""
    replies = {
        b"USER": b"331 Any password",
        b"PASS": b"230 Welcome",
        b"PWD": b'257 "/" is the current directory',
        b"TYPE": b"200 Binary",
        b"DELE": b"250 Removed",
        b"QUIT": b"221 Goodbye",
    }
    client.sendall(b"220 Halcyon FTP server ready\r\n")
    with contextlib.ExitStack() as open_:
        entered, data = False, None
        for _ in range(_LINES):
            if (line := _line(client)) is None:
                return
            command = line.split(b" ")[0].upper()
            reply = replies.get(command, b"502 No such command")
            entered = entered or line.upper() == b"USER ANONYMOUS"
            if not entered and command != b"QUIT":
                reply = b"530 Please log in"
            elif command == b"EPSV":
                data = open_.enter_context(socket.create_server((client.getsockname()[0], 0)))
                data.settimeout(5)
                reply = b"229 Passive (|||%d|)" % data.getsockname()[1]
            elif command == b"STOR" and data is not None:
                client.sendall(b"150 Go on\r\n")
                _drop(data)
                reply = b"226 Stored"
            client.sendall(reply + b"\r\n")


def _drop(data: socket.socket) -> None:
    connection, _ = data.accept()
    with connection:
        connection.settimeout(5)
        while connection.recv(4_096):
            pass


def redis(client: socket.socket) -> None:
    """Answer inline commands as a Redis without a password does."""
    for _ in range(_LINES):
        line = _line(client)
        if line is None:
            return
        words = line.split()
        name = words[0][:64].decode("latin-1") if words else ""
        client.sendall(b"+PONG\r\n" if name.upper() == "PING" else f"-ERR unknown command '{name}'\r\n".encode())


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
