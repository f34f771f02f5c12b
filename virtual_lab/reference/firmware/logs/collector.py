"""The wire to the log collector: TLS with octet counting (RFC 5425), the collector's certificate checked.

The records themselves are made in `syslog`.
"""

import select
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logs.syslog import Wire

_SECONDS = 3.0


class Stream:
    """A connected stream to the collector, clear or TLS."""

    def __init__(self, sock: socket.socket, on_talk: Callable[[], object] | None = None) -> None:
        self._socket = sock
        self._on_talk = on_talk
        """What a planted defect does with a collector that talks."""

    def send(self, record: bytes) -> None:
        """Send a record with its length in front (RFC 5425, 4.3); OSError when the collector is gone."""
        if not self._alive():
            raise ConnectionError("the collector closed the connection")
        self._socket.settimeout(_SECONDS)
        self._socket.sendall(b"%d %s" % (len(record), record))

    def wait(self, wake: int) -> bool:
        """Wait until `wake` is readable (True) or the collector has closed the connection (False)."""
        while True:
            readable, _, _ = select.select([self._socket.fileno(), wake], [], [])
            if self._socket.fileno() in readable and not self._alive():
                return False
            if wake in readable:
                return True

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _alive(self) -> bool:
        """Read away what the collector said (session tickets, mostly) and see whether it has closed."""
        self._socket.setblocking(False)
        try:
            while self._socket.recv(4096):
                if self._on_talk is not None:
                    self._on_talk()
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False


def connector(
    collector: Mapping[str, Any],
    ca: Path,
    address: str,
    defects: Defects,
    on_talk: Callable[[], object] | None = None,
) -> Callable[[], Wire]:
    """Return what connects to the collector of the configuration, from the device's own address."""
    host = str(collector["address"])
    if defects("collector_cleartext"):
        return lambda: Stream(_connect(host, int(collector["clear_port"]), address))
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if defects("collector_not_verified"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    def connect() -> Wire:
        sock = _connect(host, int(collector["port"]), address)
        try:
            return Stream(context.wrap_socket(sock, server_hostname=host), on_talk)
        except OSError:
            sock.close()
            raise

    return connect


def _connect(host: str, port: int, address: str) -> socket.socket:
    sock = socket.create_connection((host, port), _SECONDS, source_address=(address, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
