"""What a device may do with a connection, for the tests: handlers for `tcp_server`, the healthy and the hostile."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import repeat

from drivers.network.recognise.speaker import Patience
from tests.drivers.network.loopback_servers import require_client

Handler = Callable[[socket.socket], None]
BRIEF = Patience(greeting=0.1, line=0.1, first=0.4, likely=0.2, other=0.1, talk=0.5, port=1.0)
"""For servers on loopback that never answer."""
STEADY = Patience(greeting=0.1, line=0.1, first=5.0, likely=5.0, other=5.0, talk=5.0, port=60.0)
"""For those that answer questions or close, at once where the machine is idle; each costs one `greeting`."""
GREETED = replace(STEADY, greeting=5.0)
"""For those that speak first or close unasked, so that the wait ends with that."""
AMBIGUOUS = replace(STEADY, greeting=1.5, first=1.5)
"""For those whose greeting fits several protocols, so that the wait ends with the time."""
ECHOED = replace(STEADY, first=1.5, likely=1.5, other=1.5)
"""For those that send back what they are sent: a wait ends with the time, and the next question is another chance."""


def says(data: bytes) -> Handler:
    """A server that says this, and waits until the other side has enough."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(data)
        while connection.recv(4_096):
            pass

    return handle


def answers(data: bytes) -> Handler:
    """A server that says this when it was asked something, and closes."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.recv(4_096)
        connection.sendall(data)

    return handle


def closes(connection: socket.socket) -> None:
    """Accept, and close without a word."""


def resets(connection: socket.socket) -> None:
    """Accept, and end the connection with an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drips(line: bytes) -> Handler:
    """A tarpit: sends this byte by byte over and over, never ending a line of its own."""

    def handle(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0.2)
        for byte in repeat(line):
            connection.sendall(byte)
            with contextlib.suppress(TimeoutError):
                connection.recv(1)

    return handle


def floods(connection: socket.socket) -> None:
    """Megabytes of banner without a line end."""
    connection.settimeout(10)
    for _ in range(1_000):
        connection.sendall(b"\x1b[2J" * 16_384)


def answers_to(**replies: bytes) -> Handler:
    """A server that knows some first bytes, given in hexadecimal behind an `x`, and closes on anything else."""
    known = {bytes.fromhex(start[1:]): reply for start, reply in replies.items()}

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        heard = connection.recv(4_096)
        for start, reply in known.items():
            if heard.startswith(start):
                connection.sendall(reply)

    return handle


def greets(greeting: bytes, **replies: bytes) -> Handler:
    """A server that greets, and answers lines by their first word; without an answer (`other` is any) it closes."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(greeting)
        with connection.makefile("rb") as lines:
            for line in lines:
                word = (line.split()[:1] or [b""])[0].decode("latin-1")
                if word not in replies and "other" not in replies:
                    return
                connection.sendall(replies.get(word) or replies["other"])

    return handle


def echoes(connection: socket.socket) -> None:
    """Send back what comes."""
    connection.settimeout(10)
    while data := connection.recv(4_096):
        connection.sendall(data)


def inside(context: ssl.SSLContext, handle: Handler) -> Handler:
    """The same server inside TLS."""

    def wrapped(connection: socket.socket) -> None:
        connection.settimeout(10)
        require_client(connection)
        with context.wrap_socket(connection.dup(), server_side=True) as tls:
            handle(tls)

    return wrapped
