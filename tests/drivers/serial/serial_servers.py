"""Serial servers for the tests: a pty behind a plain TCP port, and behind pyserial's own RFC 2217 server class."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import serial
from serial import rfc2217

from tests.drivers.serial.pty_device import Script, playing


class PtyPort(serial.Serial):
    """A pty has no control lines; this one says that they are on, and remembers each BREAK."""

    cts = dsr = cd = property(lambda self: True)
    ri = property(lambda self: False)

    def __init__(self, path: str) -> None:
        self.breaks: list[bool] = []
        self._broken = threading.Condition()
        super().__init__(path, timeout=0.01)

    def _update_dtr_state(self) -> None: ...

    def _update_rts_state(self) -> None: ...

    def _update_break_state(self) -> None:
        with self._broken:
            self.breaks.append(self.break_condition)
            self._broken.notify_all()

    def breaks_once_there_are(self, number: int) -> list[bool]:
        """Return the changes of BREAK: a client without an acknowledgement may be ahead of the server."""
        with self._broken:
            self._broken.wait_for(lambda: len(self.breaks) >= number, 10)
            return list(self.breaks)


class Mute(rfc2217.PortManager):
    """Carries control lines out, and acknowledges none of them, as sredird does."""

    def rfc2217_send_subnegotiation(self, option: bytes, value: bytes = b"") -> None:
        if option != rfc2217.SERVER_SET_CONTROL:
            super().rfc2217_send_subnegotiation(option, value)


class Unbreakable(rfc2217.PortManager):
    """Answers a request for BREAK with no BREAK."""

    def rfc2217_send_subnegotiation(self, option: bytes, value: bytes = b"") -> None:
        if (option, value) == (rfc2217.SERVER_SET_CONTROL, rfc2217.SET_CONTROL_BREAK_ON):
            value = rfc2217.SET_CONTROL_BREAK_OFF
        super().rfc2217_send_subnegotiation(option, value)


class OneRate(rfc2217.PortManager):
    """Stays at 9600 baud."""

    def rfc2217_send_subnegotiation(self, option: bytes, value: bytes = b"") -> None:
        if option == rfc2217.SERVER_SET_BAUDRATE:
            value = (9600).to_bytes(4, "big")
        super().rfc2217_send_subnegotiation(option, value)


@dataclass
class SerialServer:
    """A server of one serial port for one client at a time."""

    address: str
    listener: socket.socket
    port: PtyPort
    clients: list[socket.socket] = field(default_factory=list)

    def hang_up(self) -> None:
        """End the connection of the client, as a server that is restarted does."""
        self.clients[-1].shutdown(socket.SHUT_RDWR)


class _Locked:
    """What PortManager writes to."""

    def __init__(self, client: socket.socket) -> None:
        self._client, self._lock = client, threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._client.sendall(data)


@contextlib.contextmanager
def serving(script: Script, manager: Callable[..., rfc2217.PortManager] | None = None) -> Iterator[SerialServer]:
    """Serve a device on a pty: as RFC 2217 by this manager, and as plain TCP without one."""
    over = threading.Event()
    with playing(script) as dut, socket.create_server(("127.0.0.1", 0)) as listener, PtyPort(dut.bench.url) as port:
        server = SerialServer(f"127.0.0.1:{listener.getsockname()[1]}", listener, port)

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    server.clients.append(client)
                    with client:
                        _attend(client, port, manager)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            over.set()
            for sock in (*server.clients, listener):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        assert not thread.is_alive()


def _attend(client: socket.socket, port: PtyPort, manager: Callable[..., rfc2217.PortManager] | None) -> None:
    """Carry octets both ways until the client is gone."""
    locked = _Locked(client)
    managed = manager(port, locked) if manager else None
    gone = threading.Event()

    def to_client() -> None:
        while not gone.is_set():
            if data := port.read(port.in_waiting or 1):
                with contextlib.suppress(OSError):
                    locked.write(b"".join(managed.escape(data)) if managed else data)

    reader = threading.Thread(target=to_client, daemon=True)
    reader.start()
    try:
        while data := client.recv(1024):
            port.write(b"".join(managed.filter(data)) if managed else data)
    finally:
        gone.set()
        reader.join(5)
