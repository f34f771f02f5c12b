"""A small log collector for tests: takes octet-counted records over TLS, or in clear, and waits for them."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from tests.drivers.network.loopback_servers import require_client
from tests.virtual_lab.reference.firmware.camera import COLLECTOR, SECONDS


class CollectorServer:
    """Listens at once; connections are taken from `start` on."""

    def __init__(self) -> None:
        self._listener = socket.create_server((COLLECTOR, 0))
        self.port = int(self._listener.getsockname()[1])
        self.records: list[str] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._streams: list[socket.socket] = []
        self._context: ssl.SSLContext | None = None
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self, certificate: Path | None = None, key: Path | None = None) -> None:
        """Begin to accept; without a certificate in clear text."""
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate, key)
        self._thread.start()

    def wait_for(self, pattern: str, beyond: int = 0) -> str:
        """Return the first record after the first `beyond` ones that matches; AssertionError if none comes."""

        def matching() -> list[str]:
            return [record for record in self.records[beyond:] if re.search(pattern, record)]

        with self._changed:
            assert self._changed.wait_for(matching, SECONDS), f"no record {pattern!r} in {self.records}"
            return matching()[0]

    def drop_connections(self) -> None:
        """Close what is open, as a collector that is restarted."""
        with self._changed:
            streams, self._streams = self._streams, []
        for stream in streams:
            with contextlib.suppress(OSError):  # the device may have closed it already
                stream.shutdown(socket.SHUT_RDWR)
            stream.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(stream,), daemon=True).start()

    def _take(self, stream: socket.socket) -> None:
        try:
            if self._context is not None:
                require_client(stream)
                stream = self._context.wrap_socket(stream, server_side=True)
            with self._changed:
                self._streams.append(stream)
                self.connections += 1
                self._changed.notify_all()
            with stream.makefile("rb") as octets:
                while length := _length(octets.read(1), octets.read):
                    record = octets.read(length).decode()
                    with self._changed:
                        self.records.append(record)
                        self._changed.notify_all()
        except OSError:
            pass
        finally:
            stream.close()


def _length(first: bytes, read: Callable[[int], bytes]) -> int:
    digits = b""
    while first.isdigit():
        digits += first
        first = read(1)
    return int(digits) if digits else 0
