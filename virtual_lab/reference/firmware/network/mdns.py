"""Multicast DNS on udp/5353 (RFC 6762, DNS-SD of RFC 6763): answers one-shot queries for the camera's own names.

Queries come to the device's own address and are answered there, as a legacy responder does (RFC 6762, 6.7).
"""

import socket
import struct
import threading
import time

from virtual_lab.reference.firmware.device import Device

PORT = "udp/5353"
SERVICE, HOST = "_halcyon._tcp.local", "camera.local"
_TYPES = "_services._dns-sd._udp.local"
_A, _PTR, _TXT, _AAAA, _SRV, _ANY = 1, 12, 16, 28, 33, 255
_QUERY_OCTETS = 512
_SECONDS_TO_LIVE = 10
_HTTPS_PORT = 443
_STEP_SECONDS = 0.001
"""What a slow processor takes for a step; the host's own is not to be kept busy by a name without end."""


class Responder:
    """Answers queries on the device's own address."""

    def __init__(self, device: Device) -> None:
        self._instance = f"{device.model}.{SERVICE}"
        words = [f"model={device.model}"]
        if device.defects("banner_version"):
            words.append(f"firmware={device.version}")
        self._text = b"".join(_string(word.encode()) for word in words)
        self._follows_pointers = device.defects("mdns_follows_pointers")
        self._is_ipv6 = ":" in device.ports.address
        self._address = socket.inet_pton(socket.AF_INET6 if self._is_ipv6 else socket.AF_INET, device.ports.address)
        self._socket = device.ports.datagrams(PORT)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._serve, name="mdns", daemon=True).start()

    def answer(self, query: bytes) -> bytes | None:
        """Return the response to a query with one question, or None where it is not about this device."""
        try:
            if self._follows_pointers:
                _follow(query)
            name, kind, question = _question(query)
        except (ValueError, IndexError, struct.error):
            return None
        records = [record for record in self._records() if record[0].lower() == name.lower()]
        answers = [record for record in records if kind in (record[1], _ANY)]
        if not answers:
            return None
        header = query[:2] + struct.pack("!HHHHH", 0x8400, 1, len(answers), 0, 0)
        return header + question + b"".join(_record(*record) for record in answers)

    def _records(self) -> list[tuple[str, int, bytes]]:
        return [
            (_TYPES, _PTR, _name(SERVICE)),
            (SERVICE, _PTR, _name(self._instance)),
            (self._instance, _SRV, struct.pack("!HHH", 0, 0, _HTTPS_PORT) + _name(HOST)),
            (self._instance, _TXT, self._text),
            (HOST, _AAAA if self._is_ipv6 else _A, self._address),
        ]

    def _serve(self) -> None:
        while True:
            try:
                query, source = self._socket.recvfrom(_QUERY_OCTETS)
                if response := self.answer(query):
                    self._socket.sendto(response, source)
            except OSError:
                continue  # an ICMP error to an answer, or an answer that could not be sent


def _follow(query: bytes) -> None:
    """A planted defect: goes through a name along its pointers (RFC 1035, 4.1.4), however often it was there."""
    at = 12
    while length := query[at]:
        at = int.from_bytes(query[at : at + 2]) & 0x3FFF if length >= 0xC0 else at + 1 + length
        time.sleep(_STEP_SECONDS)


def _question(query: bytes) -> tuple[str, int, bytes]:
    """Return name, type and octets of the only question (RFC 1035, 4.1.2); ValueError for anything else."""
    flags, questions = struct.unpack("!HH", query[2:6])
    labels: list[str] = []
    at = 12
    while length := query[at]:
        if length > 63 or len(labels) > 16:
            raise ValueError("no plain name")
        labels.append(query[at + 1 : at + 1 + length].decode("utf-8"))
        at += 1 + length
    (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
    if flags & 0xF800 or questions != 1 or len(query) < at + 5:
        raise ValueError("no query with one question")
    return ".".join(labels), kind, query[12 : at + 5]


def _record(name: str, kind: int, data: bytes) -> bytes:
    return _name(name) + struct.pack("!HHIH", kind, 1, _SECONDS_TO_LIVE, len(data)) + data


def _name(name: str) -> bytes:
    """Encode a name; the model in an instance's name holds no dot."""
    return b"".join(_string(label.encode()) for label in name.split(".")) + b"\0"


def _string(data: bytes) -> bytes:
    return bytes([len(data)]) + data
