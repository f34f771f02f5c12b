"""Small TCP servers on loopback for the tests of this folder: well behaved by a handler, or hostile by name."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from drivers.network.target import Target
from lab_config.bench import NetworkBench

LOOPBACK = Target(NetworkBench(address="127.0.0.1"))
Handler = Callable[[socket.socket], None]


class Recorder:
    """Keeps what a probe records."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.notes: list[str] = []

    def keep(self, name: str, data: bytes) -> None:
        self.kept[name] = data

    def note(self, line: str) -> None:
        self.notes.append(line)

    def progress(self, done: int, total: int, what: str) -> None:
        assert 0 <= done <= total, what


@contextlib.contextmanager
def serve(handler: Handler) -> Iterator[int]:
    """Yield the port of a server that gives each connection, one after the other, to `handler`, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                if stopped.is_set():
                    return
                connection.settimeout(10)
                handler(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    port = listener.getsockname()[1]
    try:
        yield port
    finally:
        stopped.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
        thread.join(15)
        listener.close()
        assert not thread.is_alive()


def closing(connection: socket.socket) -> None:
    """Take the first bytes and say nothing."""
    connection.recv(65_536)


def resetting(connection: socket.socket) -> None:
    """Answer the first bytes with an RST."""
    connection.recv(65_536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(connection: socket.socket) -> None:
    """Say nothing until the other side has enough."""
    while connection.recv(65_536):
        pass


def garbage(connection: socket.socket) -> None:
    """Answer in another protocol, with bytes for a terminal in it."""
    connection.sendall(b"HTTP/1.0 400 Bad\x1b[31m Request\r\n\r\n")
    silent(connection)


def endless(connection: socket.socket) -> None:
    """Send without end, in no protocol."""
    while True:
        connection.sendall(b"A" * 65_536)
