"""The bench's DHCP server for one device (RFC 2131): gives it the address of the bench file, and no one else any.

Answers are frames of our own to the device's MAC address, so that a second device on the link hears nothing of them.
"""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Sequence

from drivers.errors import BenchError
from drivers.network.malformed.answers_names import COOKIE, OFFER
from drivers.network.malformed.frames import Ends, ipv4, pseudo, with_sum
from lab_config.models import AddressBench

STOP_SECONDS = 10.0
_SERVER, _CLIENT = 67, 68
_DISCOVER, _REQUEST = 1, 3
_READ_LIMIT = 1_500
_BROADCAST = b"\xff" * 4


class DhcpServer:
    """Answer while the `with` block runs. What other hardware addresses ask is counted and dropped."""

    def __init__(self, bench: AddressBench, mac: str, address: str) -> None:
        self.bench, self.strangers = bench, 0
        self._mac, self._address = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
        self._own = socket.inet_aton(bench.address)
        self._news = threading.Condition()
        self._count = 0
        self._before: tuple[bytes, ...] = ()
        self.lease = bench.lease
        """Seconds of the next lease."""

    def __enter__(self) -> "DhcpServer":
        """Take the port and start; BenchError where it cannot be had."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._raw: socket.socket | None = None
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.bench.interface.encode() + b"\0")
            self._socket.bind(("", _SERVER))
            self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._raw.bind((self.bench.interface, 0))
        except OSError as error:
            for sock in (self._socket, self._raw):
                if sock is not None:
                    sock.close()
            raise BenchError(
                f"the DHCP server cannot have udp/{_SERVER} of {self.bench.interface}: {error.strerror}.",
                "It needs root or CAP_NET_RAW and CAP_NET_BIND_SERVICE, and no other server there (`ss -lnup`).",
            ) from error
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="dhcp-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give the port back."""
        self._wake.send(b"x")
        self._thread.join(STOP_SECONDS)
        for sock in (self._socket, self._raw, self._wake, self._woken):
            if sock is not None:
                sock.close()

    @property
    def count(self) -> int:
        """How often the device has asked."""
        with self._news:
            return self._count

    def precede(self, answers: Sequence[bytes]) -> None:
        """Send these before the good answer to the next question, as offers or as acknowledgements."""
        with self._news:
            self._before = tuple(answers)

    def wait_for_question(self, since: int, seconds: float) -> bool:
        """Wait until the device was answered once more than `since` times; False when it has not asked by then."""
        with self._news:
            return self._news.wait_for(lambda: self._count > since, seconds)

    def _serve(self) -> None:
        while True:
            ready = select.select([self._socket, self._woken], [], [])[0]
            if self._woken in ready:
                return
            with contextlib.suppress(OSError):  # an ICMP error for an earlier answer
                self._answer(self._socket.recv(_READ_LIMIT))

    def _answer(self, question: bytes) -> None:
        if len(question) < 240 or question[0] != 1 or question[236:240] != COOKIE:
            return
        if question[28:34] != self._mac:
            self.strangers += 1
            return
        kind = kind_of(question[240:])
        if kind not in (_DISCOVER, _REQUEST):
            return
        said = OFFER if kind == _DISCOVER else OFFER[:2] + b"\x05"
        with self._news:
            before, self._before = self._before, ()
            for wrong in before:
                made = wrong[:4] + question[4:8] + wrong[8:28] + question[28:44] + wrong[44:]
                self._send(made.replace(OFFER, said, 1))
            self._send(self._good(question, said))
            self._count += 1
            self._news.notify_all()

    def _good(self, question: bytes, said: bytes) -> bytes:
        mask = struct.pack("!I", 0xFFFFFFFF << (32 - self.bench.prefix) & 0xFFFFFFFF)
        lease = struct.pack("!I", self.lease)
        options = said + b"\x36\x04" + self._own + b"\x33\x04" + lease + b"\x01\x04" + mask + b"\xff"
        head = b"\x02\x01\x06\x00" + question[4:8] + bytes(2) + question[10:12] + bytes(4) + self._address
        return head + self._own + bytes(4) + question[28:44] + bytes(192) + COOKIE + options

    def _send(self, data: bytes) -> None:
        assert self._raw is not None
        ends = Ends(self._raw.getsockname()[4], self._mac, self._own, _BROADCAST, 0, 0)
        head = struct.pack("!HHHH", _SERVER, _CLIENT, 8 + len(data), 0)
        datagram = with_sum(head + data, 6, pseudo(self._own, _BROADCAST, socket.IPPROTO_UDP, 8 + len(data)))
        self._raw.send(ipv4(ends, socket.IPPROTO_UDP, datagram))


def kind_of(options: bytes) -> int:
    """Return what a client says by its option 53 (RFC 2132 clause 9.6); 0 where it says nothing."""
    while options and options[0] != 0xFF:
        if options[0] == 0:
            options = options[1:]
            continue
        if len(options) < 2 or len(options) < 2 + options[1]:
            return 0
        if options[0] == 53 and options[1] == 1:
            return options[2]
        options = options[2 + options[1] :]
    return 0
