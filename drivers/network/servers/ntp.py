"""The bench's time server: answers the device's SNTP questions (RFC 5905, modes 3 and 4), and can be shifted.

Only the device is answered, and nothing else is sent.
"""

import errno
import socket
import struct
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from drivers.network.servers.datagram import DatagramServer
from lab_config.bench import TimeSourceBench
from trustprobe.errors import BenchError

EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""
_PACKET = struct.Struct("!BBbb11I")
_CLIENT, _SERVER = 3, 4
_PRECISION = -20
_ORIGIN, _RECEIVED = 24, 32
"""Where an answer repeats the transmit time stamp of its question."""


@dataclass(frozen=True)
class TimeRequests:
    """How often the device has asked so far, and by how many seconds the last answer was shifted."""

    count: int
    shift: float


class NtpServer(DatagramServer):
    """Serve time. With `device`, an address, what others ask is counted and dropped."""

    title = "ntp-server"

    def __init__(self, bench: TimeSourceBench, device: str | None = None) -> None:
        super().__init__()
        self.bench = bench
        self.device = device
        self._shift = 0.0
        self._answered_shift = 0.0

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._socket.getsockname()[1])

    @property
    def asked(self) -> TimeRequests:
        """What the device has asked so far."""
        with self._news:
            return TimeRequests(self._count, self._answered_shift)

    def shift(self, seconds: float) -> None:
        """Answer from now on with a time that is so many seconds ahead of this machine's."""
        with self._news:
            self._shift = seconds

    def _open(self, opening: ExitStack) -> socket.socket:
        return opening.enter_context(_bound(self.bench))

    def _respond(self, question: bytes, peer: tuple[Any, ...]) -> bool:
        """A client takes an answer for one to its question only where it repeats its time stamp (RFC 5905 clause 8)."""
        if self.device is not None and peer[0] != self.device:
            self.strangers += 1
            return False
        if (answer := respond(question, time.time() + self._shift)) is None:
            return False
        for octets in self._preceding():
            self._socket.sendto(_addressed(octets, answer), peer)
        self._socket.sendto(answer, peer)
        self._answered_shift = self._shift
        return True


def respond(question: bytes, now: float) -> bytes | None:
    """Return the answer to an SNTP question, which repeats its transmit time stamp; None for what is no question."""
    if len(question) < _PACKET.size or question[0] & 7 != _CLIENT:
        return None
    flags, _, poll, _, *words = _PACKET.unpack_from(question)
    seconds, fraction = int(now) + EPOCH & 0xFFFFFFFF, int(now % 1 * 2**32)
    stamps = (seconds, 0, words[9], words[10], seconds, fraction, seconds, fraction)
    return _PACKET.pack(flags & 0x38 | _SERVER, 1, poll, _PRECISION, 0, 0, int.from_bytes(b"LOCL", "big"), *stamps)


def _addressed(octets: bytes, answer: bytes) -> bytes:
    """Write the time stamp of the question into an answer, and the right times where it has none of its own."""
    made = octets[:_ORIGIN] + answer[_ORIGIN:_RECEIVED][: max(0, len(octets) - _ORIGIN)] + octets[_RECEIVED:]
    if not any(made[_RECEIVED : _PACKET.size]) and len(made) >= _PACKET.size:
        return made[:_RECEIVED] + answer[_RECEIVED:] + made[_PACKET.size :]
    return made


_HINTS = {
    errno.EADDRINUSE: "Another program (chronyd?) uses it, and `ss -lnup` names it. Stop it, or choose another port.",
    errno.EACCES: "Ports below 1024 require a right. Set net.ipv4.ip_unprivileged_port_start, or choose another port.",
    errno.EADDRNOTAVAIL: "This machine does not have this address. Correct `time_source.address` in the bench file.",
}


def _bound(bench: TimeSourceBench) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in bench.address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((bench.address, bench.port))
    except OSError as error:
        sock.close()
        hint = _HINTS.get(error.errno or 0, "Check `time_source` in the bench file.")
        raise BenchError(
            f"the time server cannot listen on udp/{bench.port} of {bench.address}: {error.strerror}.", hint
        ) from error
    return sock
