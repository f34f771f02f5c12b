"""CoAP messages as the device reads and writes them (RFC 7252), and a service that was left in the build.

That service is planted as a defect: it lists its settings, and shows them.
"""

import json
import threading
from dataclasses import dataclass

from virtual_lab.reference.firmware.device import Device

PORT = "udp/5683"
_DATAGRAM_OCTETS = 1_500
_CON, _ACK = 0x40, 0x60
_GET, _CONTENT, _NOT_FOUND, _NOT_ALLOWED = 0x01, 0x45, 0x84, 0x85
_PATH = 11
_CORE = b'</settings>;rt="settings";ct=50'


@dataclass(frozen=True)
class Request:
    """A confirmable request: its method, the octets that its answer repeats, its path and payload."""

    code: int
    repeated: bytes
    path: str
    payload: bytes

    @classmethod
    def parse(cls, datagram: bytes) -> "Request | None":
        """Read one; None where a datagram is none."""
        size = 4 + (datagram[0] & 0xF if datagram else 0)
        if len(datagram) < max(4, size) or datagram[0] & 0xF0 != _CON or datagram[0] & 0xF > 8:
            return None
        path, payload = _path(datagram[size:])
        return cls(datagram[1], datagram[2:size], path, payload)

    def answer(self, code: int, body: bytes = b"") -> bytes:
        """Return the answer, which comes with the acknowledgement."""
        head = bytes([_ACK | len(self.repeated) - 2, code]) + self.repeated
        return head + (b"\xff" + body if body else b"")


class CoapService:
    """Answers on the device's own address."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._socket = device.ports.datagrams(PORT)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._serve, name="coap", daemon=True).start()

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the answer to a confirmable request; None to all else."""
        request = Request.parse(datagram)
        if request is None:
            return None
        if request.code != _GET:
            return request.answer(_NOT_ALLOWED)
        if request.path == ".well-known/core":
            return request.answer(_CONTENT, _CORE)
        if request.path == "settings":
            return request.answer(_CONTENT, json.dumps(self._device.settings).encode())
        return request.answer(_NOT_FOUND)

    def _serve(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_DATAGRAM_OCTETS)
                if (answer := self.answer(datagram)) is not None:
                    self._socket.sendto(answer, peer)
            except OSError:
                continue


def _path(options: bytes) -> tuple[str, bytes]:
    """Return path and payload of a request whose options are short, as those of a path to what is served here are."""
    parts, number, at = [], 0, 0
    while at < len(options) and options[at] != 0xFF:
        delta, length = options[at] >> 4, options[at] & 0xF
        if delta > 12 or length > 13:
            return "", b""
        at += 1
        if length == 13 and at < len(options):
            length, at = 13 + options[at], at + 1
        number += delta
        if number == _PATH:
            parts.append(options[at : at + length].decode("latin-1"))
        at += length
    return "/".join(parts), options[at + 1 :]
