"""A DHCP client on a veth pair in a namespace, run as `unshare -Urn python -m tests.drivers.network.servers.dhcp_lab`.

Asks the bench's server as the device, as somebody else, and as the device after wrong answers, and prints what came.
"""

import json
import socket
from random import Random
from typing import Any

from pyroute2 import IPRoute
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from drivers.network.malformed.messages.answers_names import address_answers
from drivers.network.servers.dhcp import DhcpServer
from lab_config.asked import AddressBench
from trustprobe.errors import BenchError

DEVICE, STRANGER = "02:00:00:00:00:10", "02:00:00:00:00:99"
BENCH, GIVEN, CALL = "192.0.2.1", "192.0.2.10", 0x74707470
WRONG = 3
_SECONDS = 10.0


class Client:
    """The other end of the link."""

    def __init__(self, server: DhcpServer) -> None:
        self.server = server
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)  # ETH_P_ALL, in network order
        self.wire.bind(("eth0", 0))
        self.wire.settimeout(_SECONDS)

    def ask(self, kind: str, mac: str = DEVICE) -> None:
        """Send one question to whoever serves."""
        octets = bytes.fromhex(mac.replace(":", ""))
        head = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
        bootp = BOOTP(chaddr=octets + bytes(10), xid=CALL, flags=0x8000)
        self.wire.send(bytes(head / UDP(sport=68, dport=67) / bootp / DHCP(options=[("message-type", kind), "end"])))

    def heard(self) -> list[Any]:
        """Return the kind, the address and the lease of the next answer; its frame has to be the device's."""
        while True:
            frame = Ether(self.wire.recv(2_000))
            if UDP in frame and frame[UDP].dport == 68:
                options: dict[Any, Any] = dict(
                    option[:2] for option in frame[DHCP].options if isinstance(option, tuple)
                )
                right = frame.dst == DEVICE and frame[BOOTP].xid == CALL
                return [options.get("message-type"), frame[BOOTP].yiaddr, options.get("lease_time"), right]

    def asked(self, kind: str, answers: int = 1) -> list[list[Any]]:
        """Ask as the device, and return so many answers."""
        self.ask(kind)
        return [self.heard() for _ in range(answers)]


def main() -> None:
    """Print what a device and a stranger get, and how a taken port is told."""
    with IPRoute() as netlink:
        netlink.link("add", ifname="lab0", kind="veth", peer={"ifname": "eth0"})
        for name, address in (("lab0", BENCH), ("eth0", None)):
            index = netlink.link_lookup(ifname=name)[0]
            if address:
                netlink.addr("add", index=index, address=address, prefixlen=24)
            netlink.link("set", index=index, state="up")
    bench = AddressBench(interface="lab0", address=BENCH, lease=600)
    wrong = [message.data for message in address_answers(Random(1))][:WRONG]
    with DhcpServer(bench, DEVICE, GIVEN) as server:
        client = Client(server)
        said: dict[str, Any] = {"offer": client.asked("discover"), "ack": client.asked("request")}
        client.ask("discover", STRANGER)
        server.precede(wrong)
        said["behind wrong ones"] = client.asked("request", WRONG + 1)
        said["once"] = client.asked("request")
        said |= {"count": server.count, "strangers": server.strangers}
    try:
        with DhcpServer(AddressBench(interface="none0", address=BENCH), DEVICE, GIVEN):
            said["without a link"] = ""
    except BenchError as error:
        said["without a link"] = str(error)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
