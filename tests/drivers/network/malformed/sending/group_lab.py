"""Malformed messages for a group: `unshare -Urn python -m tests.drivers.network.malformed.sending.group_lab`.

The device is a Linux kernel in a namespace of its own. Its SSDP service listens at the group only, and another program
reports what arrived there.
"""

import ctypes
import json
import socket
import struct
import threading

from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.send import SendMalformed
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.sweep.veth_lab import DEVICE, LAB, Child, configure, make_link
from tests.drivers.recorder import MemoryRecorder

GROUP, PORT, TELLING = "239.255.255.250", 1900, 7_001
FOUND = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n"
LENGTHS = (64, 9_000)
_NEW_NETWORK = 0x40000000


def device(child: Child) -> None:
    """Answer searches at the group, and tell on a TCP port how long each datagram was."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    child.ready()
    child.wait_for_parent()
    configure("eth0", DEVICE)
    heard: list[int] = []
    searched, answering = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    searched.bind((GROUP, PORT))
    membership = struct.pack("@4s4si", socket.inet_aton(GROUP), b"", socket.if_nametoindex("eth0"))
    searched.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    answering.bind((DEVICE, 0))
    server = socket.create_server((DEVICE, TELLING))

    def answer() -> None:
        while True:
            data, peer = searched.recvfrom(65_535)
            heard.append(len(data))
            if data.startswith(b"M-SEARCH"):
                answering.sendto(FOUND, peer)

    threading.Thread(target=answer, daemon=True).start()
    child.ready()
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(json.dumps(heard).encode())


def main() -> None:
    """Send the messages, and print what was observed and what the device received."""
    service = Service.model_validate(
        {"id": "discovery", "transport": "udp", "port": PORT, "protocol": "ssdp", "purpose": "a test"}
    )
    messages = tuple(Message(f"of_{length}", bytes(length), "a test") for length in LENGTHS)
    with Child(device) as child:
        make_link({"ifname": "eth0", "net_ns_pid": child.pid})
        child.go_on()
        child.wait_until_ready()
        target = Target(NetworkBench(address=DEVICE, interface="lab0"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bystander:  # another program that is in the group
            bystander.bind((GROUP, PORT))
            membership = struct.pack("@4s4s4x", socket.inet_aton(GROUP), socket.inet_aton(LAB))
            bystander.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            bystander.setblocking(False)
            series = MessageSeries("ssdp", 7, messages)
            probe = SendMalformed(target, service, DeliveryWay.UDP, series, Revival(1.5, ()))
            seen = probe.run(MemoryRecorder())
            overheard = _lengths(bystander)
        with target.connect(TELLING) as connection:
            heard = json.loads(connection.recv(65_536))
    print(json.dumps({"observation": seen.model_dump(mode="json"), "heard": heard, "overheard": overheard}))


def _lengths(sock: socket.socket) -> list[int]:
    lengths = []
    try:
        while True:
            lengths.append(len(sock.recv(65_535)))
    except BlockingIOError:
        return lengths


if __name__ == "__main__":
    main()
