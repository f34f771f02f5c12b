"""The bench's time server: answers the device's SNTP questions (RFC 5905, modes 3 and 4), and can be shifted.

One thread, one socket, one datagram at a time. Only the device is answered, and nothing else is sent.
"""

import errno
import selectors
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.errors import BenchError
from lab_config.models import TimeSourceBench

STOP_SECONDS = 10.0
EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""
_PACKET = struct.Struct("!BBbb11I")
_CLIENT, _SERVER = 3, 4
_PRECISION = -20
_ORIGIN, _RECEIVED = 24, 32
"""Where an answer repeats the transmit time stamp of its question."""


@dataclass(frozen=True)
class Asked:
    """How often the device has asked so far, and by how many seconds the last answer was shifted."""

    count: int
    shift: float


class NtpServer:
    """Serve time while the `with` block runs. With `device`, an address, what others ask is counted and dropped."""

    def __init__(self, bench: TimeSourceBench, device: str | None = None) -> None:
        self.bench = bench
        self.device = device
        self.strangers = 0
        self._news = threading.Condition()
        self._count = 0
        self._shift = 0.0
        self._answered_shift = 0.0
        self._before: tuple[bytes, ...] = ()

    def __enter__(self) -> "NtpServer":
        """Take the port and start; BenchError where it cannot be had."""
        self._socket = _bound(self.bench)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="ntp-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give the port back."""
        self._wake.send(b"x")
        self._thread.join(STOP_SECONDS)
        for sock in (self._socket, self._wake, self._woken):
            sock.close()

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._socket.getsockname()[1])

    @property
    def asked(self) -> Asked:
        """What the device has asked so far."""
        with self._news:
            return Asked(self._count, self._answered_shift)

    def shift(self, seconds: float) -> None:
        """Answer from now on with a time that is so many seconds ahead of this machine's."""
        with self._news:
            self._shift = seconds

    def precede(self, answers: Sequence[bytes]) -> None:
        """Send these before the answer to the next question, each with the time stamp that shows whose question it was.

        A client takes an answer for one to its question only where it repeats that stamp (RFC 5905 clause 8).
        """
        with self._news:
            self._before = tuple(answers)

    def wait_for_question(self, since: int, seconds: float) -> bool:
        """Wait until the device was answered once more than `since` times; False when it has not asked by then."""
        with self._news:
            return self._news.wait_for(lambda: self._count > since, seconds)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._woken in ready:
                    return
                self._answer()

    def _answer(self) -> None:
        try:
            question, peer = self._socket.recvfrom(512)
        except OSError:
            return  # an ICMP error for an earlier answer
        if self.device is not None and peer[0] != self.device:
            self.strangers += 1
            return
        with self._news:
            if (answer := respond(question, time.time() + self._shift)) is None:
                return
            before, self._before = self._before, ()
            try:
                for octets in before:
                    self._socket.sendto(_addressed(octets, answer), peer)
                self._socket.sendto(answer, peer)
            except OSError:
                return  # it is gone again
            self._count += 1
            self._answered_shift = self._shift
            self._news.notify_all()


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
    errno.EADDRINUSE: "Another program (chronyd, ntpd?) has it: `ss -lnup` names it; stop it, or take another port.",
    errno.EACCES: "Ports under 1024 need a right: set net.ipv4.ip_unprivileged_port_start, or choose another port.",
    errno.EADDRNOTAVAIL: "This machine does not have this address: correct `time_source.address` of the bench file.",
}


def _bound(bench: TimeSourceBench) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in bench.address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((bench.address, bench.port))
    except OSError as error:
        sock.close()
        hint = _HINTS.get(error.errno or 0, "Check `time_source` of the bench file.")
        raise BenchError(
            f"the time server cannot listen on udp/{bench.port} of {bench.address}: {error.strerror}.", hint
        ) from error
    return sock
