"""The bench's resolver: answers the device's questions for addresses (RFC 1035), at will wrongly first.

One thread, one socket, one datagram at a time. Only the device is answered.
"""

import selectors
import socket
import struct
import threading
from collections.abc import Sequence

from drivers.errors import BenchError
from drivers.network.malformed.answers_names import ASKED
from lab_config.models import ResolverBench

STOP_SECONDS = 10.0
_HEADER, _LABEL, _NAME = 12, 63, 255
_A, _NO_SUCH_NAME = 1, 3
_READ_LIMIT = 1_500


class DnsServer:
    """Answer names while the `with` block runs. With `device`, an address, what others ask is counted and dropped."""

    def __init__(self, bench: ResolverBench, device: str | None = None) -> None:
        self.bench, self.device, self.strangers = bench, device, 0
        self._hosts = {name.lower().rstrip("."): socket.inet_aton(address) for name, address in bench.hosts.items()}
        self._news = threading.Condition()
        self._count = 0
        self._before: tuple[bytes, ...] = ()

    def __enter__(self) -> "DnsServer":
        """Take the port and start; BenchError where it cannot be had."""
        self._socket = socket.socket(
            socket.AF_INET6 if ":" in self.bench.address else socket.AF_INET, socket.SOCK_DGRAM
        )
        try:
            self._socket.bind((self.bench.address, self.bench.port))
        except OSError as error:
            self._socket.close()
            raise BenchError(
                f"the resolver cannot listen on udp/{self.bench.port} of {self.bench.address}: {error.strerror}.",
                "`ss -lnup` names the program that has it; or correct `resolver` of the bench file.",
            ) from error
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="resolver", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give the port back."""
        self._wake.send(b"x")
        self._thread.join(STOP_SECONDS)
        for sock in (self._socket, self._wake, self._woken):
            sock.close()

    @property
    def count(self) -> int:
        """How often the device has asked."""
        with self._news:
            return self._count

    def precede(self, answers: Sequence[bytes]) -> None:
        """Send these before the good answer to the next question, each with its identifier and with the question."""
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
            question, peer = self._socket.recvfrom(_READ_LIMIT)
        except OSError:
            return  # an ICMP error for an earlier answer
        if self.device is not None and peer[0] != self.device:
            self.strangers += 1
            return
        asked = asked_of(question)
        if asked is None:
            return
        name, octets = asked
        with self._news:
            before, self._before = self._before, ()
            try:
                for wrong in before:
                    self._socket.sendto(question[:2] + wrong.replace(ASKED, octets)[2:], peer)
                self._socket.sendto(self._good(question, name, octets), peer)
            except OSError:
                return  # it is gone again
            self._count += 1
            self._news.notify_all()

    def _good(self, question: bytes, name: str, octets: bytes) -> bytes:
        address = self._hosts.get(name)
        found = address is not None and octets[-4:] == b"\0\x01\0\x01"
        flags = 0x8180 | (0 if address is not None else _NO_SUCH_NAME)
        record = b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 1, 4) + address if address is not None and found else b""
        return question[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0) + octets + record


def asked_of(question: bytes) -> tuple[str, bytes] | None:
    """Return the name of a query's one question, and the question's octets; None for what is no query."""
    if len(question) < _HEADER or question[2] & 0x80 or question[4:6] != b"\0\x01":
        return None
    labels, at = [], _HEADER
    while at < len(question) and (size := question[at]):
        if size > _LABEL or at - _HEADER > _NAME:
            return None
        labels.append(question[at + 1 : at + 1 + size].decode("ascii", "replace").lower())
        at += 1 + size
    return (".".join(labels), question[_HEADER : at + 5]) if at + 5 <= len(question) else None
