"""Frames on a veth pair in a namespace, run as `unshare -Urn python -m tests.drivers.network.traffic.capture_lab`.

Prints the names of the frames that the capture of the device kept, in their order, and whether the device sent them;
and what became of a capture whose interface was deleted.
"""

import json
import socket
import time

from pyroute2 import IPRoute
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from drivers.network.sweep.link import EthernetLink
from drivers.network.traffic.capture import Capture, Recording

DEVICE, BENCH, STRANGER = "02:00:00:00:00:10", "02:00:00:00:00:01", "02:00:00:00:00:99"
OWN, OTHER = "192.0.2.10", "203.0.113.9"


def frames() -> dict[str, Packet]:
    """Return one frame of each kind, by name."""
    own, to = Ether(src=DEVICE, dst=BENCH), Ether(src=BENCH, dst=DEVICE)
    out, back, out6 = IP(src=OWN, dst=OTHER), IP(src=OTHER, dst=OWN), IPv6(src="2001:db8::10", dst="2001:db8::9")
    with_options = IP(src=OWN, dst=OTHER, options=[IPOption_NOP()] * 4)
    return {
        "request": own / out / TCP(dport=443, flags="S"),
        "request with options in IP": own / with_options / TCP(dport=444, flags="S"),
        "request with ECN": own / out / TCP(dport=445, flags="SEC"),
        "request over IPv6": own / out6 / TCP(dport=443, flags="S"),
        "answer": own / out / TCP(sport=22, flags="SA"),
        "reset": own / out / TCP(sport=23, flags="RA"),
        "data": own / out / TCP(dport=443, flags="PA"),
        "datagram": own / out / UDP(dport=9) / Raw(b"x"),
        "datagram over IPv6": own / out6 / UDP(dport=9) / Raw(b"x"),
        "unreachable": own / out / ICMP(type=3),
        "ARP": own / ARP(psrc=OWN, hwsrc=DEVICE),
        "tunnel": own / IP(src=OWN, dst=OTHER, proto=47) / Raw(b"x"),
        "long answer": to / back / UDP(sport=53, dport=4444) / Raw(b"x" * 1400),
        "question": to / back / UDP(dport=5353) / Raw(b"x"),
        "request to it": to / back / TCP(dport=443, flags="S"),
        "question to all": Ether(src=STRANGER, dst="01:00:5e:00:00:fb")
        / IP(src=OTHER, dst="224.0.0.251")
        / UDP(dport=5353),
        "of strangers": Ether(src=STRANGER, dst=BENCH) / back / UDP(dport=9),
        "last": own / out / UDP(dport=10) / Raw(b"x"),
    }


def main() -> None:
    """Send each frame from the device's end, and print which were heard at the other."""
    with IPRoute() as netlink:
        plug_in(netlink)
    sent = {bytes(frame): name for name, frame in frames().items()}
    link = EthernetLink("lab0", bytes.fromhex(BENCH.replace(":", "")), "192.0.2.1", OWN)
    with (
        Capture(link, bytes.fromhex(DEVICE.replace(":", ""))) as capture,
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire,
    ):
        wire.bind(("eth0", 0))
        for frame in sent:
            wire.send(frame)
        recording = wait_for(capture, next(frame for frame, name in sent.items() if name == "last"))
    kept = [(sent[frame.data], frame.sent) for frame in recording.frames if frame.data in sent]
    said = {"kept": kept, "dropped": recording.dropped, "pcap": len(recording.pcap()), "deaf": deaf(link)}
    print(json.dumps(said))


def plug_in(netlink: IPRoute) -> None:
    """Make the pair, and set both ends up."""
    netlink.link("add", ifname="lab0", kind="veth", peer={"ifname": "eth0"})
    for name in ("lab0", "eth0"):
        netlink.link("set", index=netlink.link_lookup(ifname=name)[0], state="up")


def deaf(link: EthernetLink) -> dict[str, bool]:
    """Return whether a capture is deaf while its interface goes down and up, is deleted, and is made again."""
    found = {}
    with IPRoute() as netlink, Capture(link, bytes.fromhex(DEVICE.replace(":", ""))) as capture:
        index = netlink.link_lookup(ifname="lab0")[0]
        found["at first"] = capture.recording().deaf
        netlink.link("set", index=index, state="down")
        netlink.link("set", index=index, state="up")
        found["down and up"] = capture.recording().deaf
        netlink.link("del", index=index)
        found["deleted"] = capture.recording().deaf
        plug_in(netlink)
        found["made again"] = capture.recording().deaf
    return found


def wait_for(capture: Capture, last: bytes) -> Recording:
    """Return the recording once it holds this frame."""
    deadline = time.monotonic() + 10
    while True:
        recording = capture.recording()
        if any(frame.data == last for frame in recording.frames) or time.monotonic() > deadline:
            return recording
        time.sleep(0.01)  # the capture tells nobody of a frame


if __name__ == "__main__":
    main()
