"""The bench's DHCP server for one device (RFC 2131): gives it the address of the bench file, and no one else any.

Answers are frames of our own to the device's MAC address, so that a second device on the link hears nothing of them.
"""

import socket
import struct
from contextlib import ExitStack
from typing import Any

from drivers.network.malformed.messages.answers_names import COOKIE, OFFER
from drivers.network.malformed.messages.frames import Ends, ipv4, pseudo, with_sum
from drivers.network.servers.datagram import DatagramServer
from lab_config.asked import AddressBench
from trustprobe.errors import BenchError

_SERVER, _CLIENT = 67, 68
_DISCOVER, _REQUEST = 1, 3
_BROADCAST = b"\xff" * 4


class DhcpServer(DatagramServer):
    """Give an address. What other hardware addresses ask is counted and dropped."""

    title = "dhcp-server"

    def __init__(self, bench: AddressBench, mac: str, address: str) -> None:
        super().__init__()
        self.bench = bench
        self._mac, self._address = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
        self._own = socket.inet_aton(bench.address)
        self.lease = bench.lease
        """Seconds of the next lease."""

    def _open(self, opening: ExitStack) -> socket.socket:
        interface = self.bench.interface
        asked = opening.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
            asked.bind(("", _SERVER))
            self._raw = opening.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self._raw.bind((interface, 0))
        except OSError as error:
            raise BenchError(
                f"the DHCP server cannot have udp/{_SERVER} of {interface}: {error.strerror}.",
                "It needs root or CAP_NET_RAW and CAP_NET_BIND_SERVICE, and no other server there (`ss -lnup`).",
            ) from error
        return asked

    def _respond(self, question: bytes, _peer: tuple[Any, ...]) -> bool:
        """Wrong answers are sent as offers or as acknowledgements, whichever is asked for."""
        if len(question) < 240 or question[0] != 1 or question[236:240] != COOKIE:
            return False
        if question[28:34] != self._mac:
            self.strangers += 1
            return False
        kind = kind_of(question[240:])
        if kind not in (_DISCOVER, _REQUEST):
            return False
        said = OFFER if kind == _DISCOVER else OFFER[:2] + b"\x05"
        for wrong in self._preceding():
            made = wrong[:4] + question[4:8] + wrong[8:28] + question[28:44] + wrong[44:]
            self._send(made.replace(OFFER, said, 1))
        self._send(self._good(question, said))
        return True

    def _good(self, question: bytes, said: bytes) -> bytes:
        mask = struct.pack("!I", 0xFFFFFFFF << (32 - self.bench.prefix) & 0xFFFFFFFF)
        lease = struct.pack("!I", self.lease)
        options = said + b"\x36\x04" + self._own + b"\x33\x04" + lease + b"\x01\x04" + mask + b"\xff"
        head = b"\x02\x01\x06\x00" + question[4:8] + bytes(2) + question[10:12] + bytes(4) + self._address
        return head + self._own + bytes(4) + question[28:44] + bytes(192) + COOKIE + options

    def _send(self, data: bytes) -> None:
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
