"""A capture of one device's unsolicited traffic during a run: connection requests and datagrams, on its own link.

The kernel drops the rest (answers to sweeps, sessions with the bench), so that a capture costs next to nothing. What
the packets mean is said by `egress.py`.
"""

import ctypes
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from drivers.network.pcap import pcap
from drivers.network.sweep.link import EthernetLink
from drivers.network.traffic.packets import ARP, ICMP, ICMPV6, IPV4, IPV6, TCP, UDP, read

EVERY_ETHERTYPE: Final = 0x0003
SNAP_OCTETS: Final = 2048
"""What is kept of a frame: all of an Ethernet frame, since a DNS message by EDNS may fill one (RFC 6891, 6.2.5)."""
MOST_FRAMES: Final = 20_000
_SOL_PACKET, _STATISTICS = 263, 6
_SO_ATTACH_FILTER, _BUFFER_OCTETS = 26, 1 << 21
_STOP_SECONDS = 10.0
ANSWER_SECONDS: Final = 5.0
"""How long after a connection its acceptance may still be on its way to the capture."""
_SYN = 0x02


@dataclass(frozen=True)
class Captured:
    """One frame: when it was heard (seconds since 1970), whether the device sent it, its octets and its true length."""

    when: float
    sent: bool
    data: bytes
    length: int


@dataclass(frozen=True)
class Recording:
    """What was heard so far.

    `dropped` counts frames that the kernel lost; `full` says that no more were kept; `deaf` that the bench's interface
    was taken away in the middle, and nothing is heard since.
    """

    frames: tuple[Captured, ...]
    seconds: float
    dropped: int
    full: bool
    deaf: bool = False
    answers: int = 0
    """How often the device accepted a connection. Such frames are heard like its own requests, and are not kept."""

    def pcap(self) -> bytes:
        """Return the frames as a capture file that Wireshark opens."""
        return pcap((int(frame.when * 1e9), frame.data, frame.length) for frame in self.frames)


class Capture:
    """Hears the device with this MAC address on a link, from `start` on, in a thread of its own.

    `start` raises PermissionError without CAP_NET_RAW and OSError where the interface cannot be bound.
    """

    def __init__(self, link: EthernetLink, mac: bytes) -> None:
        self.link = link
        self.mac = mac
        self._frames: deque[Captured] = deque()
        self._lock = threading.Condition()
        self._dropped = 0
        self._answers = 0
        self._full = False
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Open the socket, and hear from now on."""
        self._socket = self.link.open(0)  # of no protocol: nothing is heard before the filter stands
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
            _attach(self._socket, _program(self.mac))
            self._socket.bind((self.link.interface, EVERY_ETHERTYPE))
        except OSError:
            self._socket.close()
            raise
        self._wake, self._woken = socket.socketpair()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._hear, name="capture", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and close the socket."""
        self._wake.send(b"x")
        self._thread.join(_STOP_SECONDS)
        for sock in (self._socket, self._wake, self._woken):
            sock.close()

    def hears(self, ask: Callable[[], bool], seconds: float = ANSWER_SECONDS) -> bool | None:
        """Whether an acceptance arrives that `ask`, which connects to the device, gets. None if it gets none."""
        with self._lock:
            before = self._answers
        if not ask():
            return None
        with self._lock:
            return self._lock.wait_for(lambda: self._answers > before, seconds)

    def recording(self) -> Recording:
        """Return what was heard so far."""
        with self._lock:
            counts = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
            self._dropped += struct.unpack("=II", counts)[1]  # reading it sets it to zero
            seconds = time.monotonic() - self._began
            return Recording(tuple(self._frames), seconds, self._dropped, self._full, self._is_deaf(), self._answers)

    def _is_deaf(self) -> bool:
        """Whether the interface was deleted: a new one of its name is another one, and the socket is bound to none.

        A USB adapter that enumerates again does that. The socket itself is asked, since the kernel unbinds it for good,
        while an interface that comes back from another namespace may have its old index again.
        """
        return bool(self._socket.getsockname()[0] == "")

    def _hear(self) -> None:
        while True:
            ready = select.select([self._socket, self._woken], [], [])[0]
            if self._woken in ready:
                return
            try:
                data, _, _, _ = self._socket.recvmsg(65_536)
            except OSError:
                continue  # the link went down for a moment, and the socket stays bound; or see `_is_deaf`
            frame = Captured(time.time(), data[6:12] == self.mac, data[:SNAP_OCTETS], len(data))
            with self._lock:
                if frame.sent and _accepts(frame.data):
                    self._answers += 1
                    self._lock.notify_all()
                elif len(self._frames) < MOST_FRAMES:
                    self._frames.append(frame)
                else:
                    self._full = True


def _accepts(data: bytes) -> bool:
    """Whether a frame accepts a TCP connection. The filter lets no other TCP frame pass but requests."""
    parsed = read(data)
    return parsed is not None and parsed.protocol == "tcp" and not parsed.opens


_WORD, _HALF, _BYTE, _BYTE_AFTER_IP, _IP_LENGTH = 0x20, 0x28, 0x30, 0x50, 0xB1
_AND, _EQUAL, _RETURN = 0x54, 0x15, 0x06
_ETHERTYPE, _IPV4_PROTOCOL, _IPV6_NEXT = 12, 14 + 9, 14 + 6
_FLAGS_OF_TCP = 13


_Step = tuple[str, int, int, str, str]
"""Label, code, value, where to go if equal, and if not; no label is the next step."""


def _program(mac: bytes) -> list[tuple[int, int, int, int]]:
    """Return what the kernel keeps, as classic BPF.

    Of the device's own frames connection requests, their acceptances (which are only counted), and all that is neither
    TCP, ICMP nor ARP; of the frames to it
    and to groups datagrams, which tell its replies from what it sends unasked.
    """
    high, low = int.from_bytes(mac[:4]), int.from_bytes(mac[4:])
    ends = [("keep", _RETURN, 0xFFFF, "", ""), ("drop", _RETURN, 0, "", "")]
    steps = [*_datagrams_to_it(high, low), *_sent_by_it(), *ends]
    places = {label: place for place, (label, *_) in enumerate(steps) if label}

    def jump(place: int, label: str) -> int:
        return places[label] - place - 1 if label else 0

    return [
        (code, jump(place, equal), jump(place, other), value)
        for place, (_, code, value, equal, other) in enumerate(steps)
    ]


def _datagrams_to_it(high: int, low: int) -> list[_Step]:
    return [
        ("", _WORD, 6, "", ""),
        ("", _EQUAL, high, "", "not its own"),
        ("", _HALF, 10, "", ""),
        ("", _EQUAL, low, "its own", "not its own"),
        ("not its own", _BYTE, 0, "", ""),
        ("", _AND, 1, "", ""),
        ("", _EQUAL, 1, "to it", ""),  # a group's address
        ("", _WORD, 0, "", ""),
        ("", _EQUAL, high, "", "drop"),
        ("", _HALF, 4, "", ""),
        ("", _EQUAL, low, "", "drop"),
        ("to it", _HALF, _ETHERTYPE, "", ""),
        ("", _EQUAL, IPV6, "", "to it by IPv4"),
        ("", _BYTE, _IPV6_NEXT, "", ""),
        ("", _EQUAL, UDP, "keep", "drop"),
        ("to it by IPv4", _EQUAL, IPV4, "", "drop"),
        ("", _BYTE, _IPV4_PROTOCOL, "", ""),
        ("", _EQUAL, UDP, "keep", "drop"),
    ]


def _sent_by_it() -> list[_Step]:
    return [
        ("its own", _HALF, _ETHERTYPE, "", ""),
        ("", _EQUAL, ARP, "drop", ""),
        ("", _EQUAL, IPV6, "", "by IPv4"),
        ("", _BYTE, _IPV6_NEXT, "", ""),
        ("", _EQUAL, ICMPV6, "drop", ""),
        ("", _EQUAL, TCP, "", "keep"),
        ("", _BYTE, 14 + 40 + _FLAGS_OF_TCP, "", ""),
        ("", _AND, _SYN, "", ""),
        ("", _EQUAL, _SYN, "keep", "drop"),
        ("by IPv4", _EQUAL, IPV4, "", "keep"),
        ("", _BYTE, _IPV4_PROTOCOL, "", ""),
        ("", _EQUAL, ICMP, "drop", ""),
        ("", _EQUAL, TCP, "", "keep"),
        ("", _IP_LENGTH, 14, "", ""),
        ("", _BYTE_AFTER_IP, 14 + _FLAGS_OF_TCP, "", ""),
        ("", _AND, _SYN, "", ""),
        ("", _EQUAL, _SYN, "keep", "drop"),
    ]


def _attach(sock: socket.socket, code: list[tuple[int, int, int, int]]) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in code))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(code), ctypes.addressof(program)))
