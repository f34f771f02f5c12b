"""A CoAP service that was left in the build, planted as a defect: it lists its settings, and shows them (RFC 7252)."""

import json
import threading

from virtual_lab.reference.firmware.device import Device

PORT = "udp/5683"
_DATAGRAM_OCTETS = 1_500
_CON, _ACK = 0x40, 0x60
_GET, _CONTENT, _NOT_FOUND, _NOT_ALLOWED = 0x01, 0x45, 0x84, 0x85
_PATH = 11
_CORE = b'</settings>;rt="settings";ct=50'


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
        size = 4 + (datagram[0] & 0xF if datagram else 0)
        if len(datagram) < max(4, size) or datagram[0] & 0xF0 != _CON or datagram[0] & 0xF > 8:
            return None
        path = _path(datagram[size:])
        code, body = _NOT_FOUND, b""
        if datagram[1] != _GET:
            code = _NOT_ALLOWED
        elif path == ".well-known/core":
            code, body = _CONTENT, _CORE
        elif path == "settings":
            code, body = _CONTENT, json.dumps(self._device.settings).encode()
        head = bytes([_ACK | size - 4, code]) + datagram[2:size]
        return head + (b"\xff" + body if body else b"")

    def _serve(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_DATAGRAM_OCTETS)
                if (answer := self.answer(datagram)) is not None:
                    self._socket.sendto(answer, peer)
            except OSError:
                continue


def _path(options: bytes) -> str:
    """Return the path of a request whose options are short, as those of a path to what is served here are."""
    parts, number, at = [], 0, 0
    while at < len(options) and options[at] != 0xFF:
        delta, length = options[at] >> 4, options[at] & 0xF
        if delta > 12 or length > 13:
            return ""
        at += 1
        if length == 13 and at < len(options):
            length, at = 13 + options[at], at + 1
        number += delta
        if number == _PATH:
            parts.append(options[at : at + length].decode("latin-1"))
        at += length
    return "/".join(parts)
