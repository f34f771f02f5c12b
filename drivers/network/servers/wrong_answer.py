"""A wrong answer for a client of the device: what the stand-in for its cloud says once in place of a good one."""

import contextlib
import socket
from dataclasses import dataclass

LAST_SECONDS = 0.02
"""How long a connection stays open after a wrong answer, so that the device can read it."""
REDIRECT_SECONDS = 0.15
"""How long a device that is redirected may ask once more on that connection."""
MOST_ANSWERS = 20
_FIRST_SECONDS = 1.0
_PIECE = 16_384


@dataclass(frozen=True)
class WrongAnswer:
    """What one question gets instead of its answer: in HTTP, or instead of TLS. The connection ends after it."""

    octets: bytes
    in_place_of_tls: bool = False

    @property
    def seconds(self) -> float:
        """How long the connection stays open after it."""
        return REDIRECT_SECONDS if b"\r\nLocation:" in self.octets[:64] else LAST_SECONDS


def say(sock: socket.socket, wrong: WrongAnswer) -> None:
    """Read the first data of the device, and answer in something other than TLS."""
    with contextlib.suppress(OSError):
        sock.settimeout(_FIRST_SECONDS)
        sock.recv(_PIECE)
        sock.sendall(wrong.octets)
        sock.settimeout(wrong.seconds)
        sock.recv(_PIECE)
