"""The bench's resolver: answers the device's questions for addresses (RFC 1035), at will wrongly first.

Only the device is answered.
"""

import socket
import struct
from contextlib import ExitStack
from typing import Any

from drivers.network.malformed.messages.answers_names import ASKED
from drivers.network.servers.datagram import DatagramServer
from lab_config.asked import ResolverBench
from trustprobe.errors import BenchError

_HEADER, _LABEL, _NAME = 12, 63, 255
_A, _NO_SUCH_NAME = 1, 3


class DnsServer(DatagramServer):
    """Answer names. With `device`, an address, what others ask is counted and dropped."""

    title = "resolver"

    def __init__(self, bench: ResolverBench, device: str | None = None) -> None:
        super().__init__()
        self.bench, self.device = bench, device
        self._hosts = {name.lower().rstrip("."): socket.inet_aton(address) for name, address in bench.hosts.items()}

    def _open(self, opening: ExitStack) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.bench.address else socket.AF_INET
        asked = opening.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        try:
            asked.bind((self.bench.address, self.bench.port))
        except OSError as error:
            raise BenchError(
                f"the resolver cannot listen on udp/{self.bench.port} of {self.bench.address}: {error.strerror}.",
                "Stop the program that uses it (`ss -lnup` names it), or correct `resolver` in the bench file.",
            ) from error
        return asked

    def _respond(self, question: bytes, peer: tuple[Any, ...]) -> bool:
        """Wrong answers get the question's identifier, and the question in the place of their own."""
        if self.device is not None and peer[0] != self.device:
            self.strangers += 1
            return False
        asked = asked_of(question)
        if asked is None:
            return False
        name, octets = asked
        for wrong in self._preceding():
            self._socket.sendto(question[:2] + wrong.replace(ASKED, octets)[2:], peer)
        self._socket.sendto(self._good(question, name, octets), peer)
        return True

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
