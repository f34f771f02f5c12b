"""The bench's DHCP server for one device (RFC 2131): gives it the address of the bench file, and no one else any.

Answers are frames of our own to the device's MAC address, so that a second device on the link hears nothing of them.
"""

import socket
from contextlib import ExitStack
from ipaddress import IPv4Interface
from typing import Any

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import UDP
from scapy.packet import Packet

from drivers.network.dissect import dissect
from drivers.network.malformed.messages.answers_names import OFFER
from drivers.network.malformed.messages.frames import Ends
from drivers.network.servers.datagram import DatagramServer
from lab_config.asked import AddressBench
from trustprobe.errors import BenchError

_SERVER, _CLIENT = 67, 68
_ANSWERS = {1: 2, 3: 5}
"""To a DISCOVER an OFFER, to a REQUEST an ACK (RFC 2132 clause 9.6)."""


class DhcpServer(DatagramServer):
    """Give an address. What other hardware addresses ask is counted and dropped."""

    title = "dhcp-server"

    def __init__(self, bench: AddressBench, mac: str, address: str) -> None:
        super().__init__()
        self.bench = bench
        self._mac, self._address = bytes.fromhex(mac.replace(":", "")), address
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
            own_mac = self._raw.getsockname()[4]
        except OSError as error:
            raise BenchError(
                f"the DHCP server cannot listen on udp/{_SERVER} of {interface}: {error.strerror}.",
                "Run as root, or with CAP_NET_RAW and CAP_NET_BIND_SERVICE, and stop any other server there (`ss "
                "-lnup`).",
            ) from error
        ends = Ends(own_mac, self._mac, self.bench.address, "255.255.255.255", 0, 0)
        self._headers = ends.ip() / UDP(sport=_SERVER, dport=_CLIENT)
        return asked

    def _respond(self, question: bytes, _peer: tuple[Any, ...]) -> bool:
        """Wrong answers are sent as offers or as acknowledgements, whichever is asked for."""
        asked = dissect(BOOTP, question)
        said = asked and _ANSWERS.get(kind_of(asked))
        if not asked or not said or asked.op != 1:
            return False
        if asked.chaddr[:6] != self._mac:
            self.strangers += 1
            return False
        for wrong in self._preceding():
            made = wrong[:4] + question[4:8] + wrong[8:28] + question[28:44] + wrong[44:]
            self._to_device(made.replace(OFFER, OFFER[:2] + bytes([said]), 1))
        self._to_device(self._good(asked, said))
        return True

    def _good(self, asked: BOOTP, said: int) -> Packet:
        own, mask = self.bench.address, str(IPv4Interface((self.bench.address, self.bench.prefix)).netmask)
        options = [("message-type", said), ("server_id", own), ("lease_time", self.lease), ("subnet_mask", mask), "end"]
        whose = {"xid": asked.xid, "flags": asked.flags, "chaddr": asked.chaddr}
        return BOOTP(op=2, yiaddr=self._address, siaddr=own, **whose) / DHCP(options=options)

    def _to_device(self, answer: Packet | bytes) -> None:
        self._raw.send(bytes(self._headers / answer))


def kind_of(asked: BOOTP) -> int:
    """Return what a client says by its option 53 (RFC 2132 clause 9.6); 0 where it says nothing."""
    options = asked[DHCP].options if DHCP in asked else ()
    return next((option[1] for option in options if option[0] == "message-type" and len(option) == 2), 0)
