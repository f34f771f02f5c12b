"""One connection in the GDB remote serial protocol (GDB manual, appendix E): packets, checksums, acknowledgements.

Nothing that changes the target is sent: no write, no step, no reset. Connecting halts the processor with most stubs,
so each connection ends with a detach, which lets it run again.
"""

import re
import socket
import time
from types import TracebackType
from typing import Self

SECONDS = 3.0
"""For all answers of one connection."""
DETACH_SECONDS = 1.0
READ_LIMIT = 32_768
_CHUNK = 4_096
_RETRIES = 2
_PACKET = re.compile(rb"-|[$%][^$#]*#[0-9a-fA-F]{2}")
_STOPPED = re.compile(r"[STWX][0-9a-fA-F]{2}")
_RUN = re.compile(r"(.)\*([ -~])", re.DOTALL)
_FIRST_COUNT = 29
"""A run of n more characters is written as the character n + 29."""


class GdbRemote:
    """A connection to a stub, as a context manager; it detaches and hangs up at its end."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._deadline = time.monotonic() + SECONDS
        self._waiting = b""
        self.heard = bytearray()
        """What came, at most READ_LIMIT bytes."""
        self.spoke = False
        """Whether a packet with a right checksum came that is not our own, sent back."""
        self.detached = False

    def __enter__(self) -> Self:
        """Acknowledge whatever a stub may have sent to the client before."""
        self._send(b"+")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Detach, so that the target runs on, and hang up."""
        with self._socket:
            if self.spoke:
                self._deadline = time.monotonic() + DETACH_SECONDS
                self.detached = self.ask("D") == "OK"

    def ask(self, packet: str) -> str | None:
        """Return the reply to a packet, without frame and runs; empty for one that is not known, None when none came.

        A packet is sent again where the stub asks for it, and asked for again where its checksum is wrong.
        """
        framed = _framed(packet)
        self._send(framed)
        retries = _RETRIES
        while (came := self._packet()) is not None:
            if came == b"-" or not _is_sound(came):
                retries -= 1
                if retries < 0:
                    return None
                self._send(framed if came == b"-" else b"-")
                continue
            if came.startswith(b"%"):
                continue
            self._send(b"+")
            reply = came[1:-3].decode("latin-1")
            if reply == packet:  # an echo
                return None
            self.spoke = True
            if packet != "?" and _STOPPED.match(reply):  # some stubs say unasked that connecting stopped the target
                continue
            return _without_runs(reply)
        return None

    def _packet(self) -> bytes | None:
        """Return the next packet with its frame, or `-`; None when time, the limit or the connection ends."""
        while True:
            if found := _PACKET.search(self._waiting):
                self._waiting = self._waiting[found.end() :]
                return found.group()
            if not self._receive():
                return None

    def _receive(self) -> bool:
        left, room = self._deadline - time.monotonic(), READ_LIMIT - len(self.heard)
        if left <= 0 or room <= 0:
            return False
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(min(_CHUNK, room))
        except OSError:
            return False
        self.heard += data
        self._waiting += data
        return bool(data)

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(max(0.1, self._deadline - time.monotonic()))
        try:
            self._socket.sendall(data)
        except OSError:  # it may have said something before it closed: reading tells
            return


def _framed(packet: str) -> bytes:
    data = packet.encode("ascii")
    return b"$%s#%02x" % (data, sum(data) & 0xFF)


def _is_sound(came: bytes) -> bool:
    return sum(came[1:-3]) & 0xFF == int(came[-2:], 16)


def _without_runs(reply: str) -> str:
    """Write out runs: `0* ` is `0000`."""
    return _RUN.sub(lambda run: run[1] * (1 + max(0, ord(run[2]) - _FIRST_COUNT)), reply)
