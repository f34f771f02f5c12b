"""What every lab of a virtual device is: something that is entered, holds one device, and clears everything away.

How the device is made and started is in `reference/lab.py` and `firmware/lab.py`.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from trustprobe.errors import BenchError


class VirtualLab(ABC):
    """A lab with a running device: `with ... as lab:`, from a thread that outlives the block.

    `folder` must not hold a device yet. Without `loopback`, `namespace.enter_lab()` was called before.
    """

    def __init__(self, folder: Path, defects: Sequence[str], loopback: bool) -> None:
        self.folder = folder.resolve()
        self.defects = tuple(defects)
        self.loopback = loopback
        self.port_map: dict[str, int] = {}
        """Where the device's ports are, behind forwarding."""
        self.environment: dict[str, str] = {}
        """What the bench file of the device refers to."""
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Provision the device and switch it on; whatever goes wrong, nothing is left."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the device and everything that belongs to it."""
        self.stop()

    def stop(self) -> None:
        """End every process of the device, and remove cable and sockets; again does nothing."""
        self._opened.close()

    @abstractmethod
    def _start(self) -> None:
        """Start the device, and note in `_opened` how each part of it is ended."""


def require_free(address: str, ports: Mapping[str, int]) -> None:
    """Raise BenchError, which names the port, where one of them is taken."""
    for name, port in ports.items():
        kind = socket.SOCK_STREAM if name.startswith("tcp/") else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as sock:
            if kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((address, port))
            except OSError as error:
                raise BenchError(
                    f"{name} of the device cannot be {address} port {port}: {error.strerror}.",
                    "Another lab may be running on this machine; end it first.",
                ) from error
