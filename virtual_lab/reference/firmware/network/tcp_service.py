"""A small TCP server: a thread for each client, and no more clients than it has room for."""

import socket
import threading
from collections.abc import Callable

from virtual_lab.reference.firmware.device import Device

_CONNECTIONS = 8
_IDLE_SECONDS = 30.0


class TcpService:
    """A TCP service that talks to each client in a thread of its own; `converse` ends when it returns."""

    def __init__(
        self, device: Device, port: str, converse: Callable[[socket.socket], None], connections: int = _CONNECTIONS
    ) -> None:
        self._talk = converse
        self._free = threading.BoundedSemaphore(connections)
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
                self._talk(client)
        except OSError:
            return
        finally:
            self._free.release()
