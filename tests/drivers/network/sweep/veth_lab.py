"""A lab in a network namespace, run as `unshare -Urn python -m tests.drivers.network.sweep.veth_lab {...}`.

Sweeps a device at the other end of a veth pair and prints the observation as JSON. The device is either a Linux kernel
in a namespace of its own, or a process that answers frame by frame and can misbehave.
"""

import base64
import ctypes
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute

from drivers.network.sweep import course as port_sweep
from drivers.network.sweep.answers import SweepCanary
from drivers.network.sweep.course import PortSweep
from drivers.network.sweep.link import EthernetLink, link_to
from drivers.network.sweep.ports import TcpSweep
from drivers.network.sweep.syn import ACK, RST, SYN, SynAsker, checksum, parse
from drivers.network.sweep.udp import UdpSweep
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.recorder import MemoryRecorder

LAB, DEVICE = "192.0.2.1", "192.0.2.10"
_CLONE_NEWNET = 0x40000000


_TIMESTAMPNS = 35
"""SO_TIMESTAMPNS of Linux, which Python does not name."""


@dataclass
class Habits:
    """How a device that answers frame by frame treats SYNs."""

    open: list[int] = field(default_factory=lambda: [443])
    closed_answer: bool = True
    drop_first: bool = False
    """The first SYN to every port gets lost."""
    wrong_ack: bool = False
    """Closed ports answer SYN-ACK with an acknowledgement number of nobody's question."""
    dies_after: int = 0
    per_second: int = 0
    """A rate limit: what is above is dropped."""
    silent_seconds: float = 0.0
    """What is above the limit silences the device for so long."""
    closed_per_second: int = 0
    """A limit of the RSTs alone."""
    refuses_after: int = 0
    """After so many SYNs, every port answers RST."""
    canary_syns: int = 0
    """So many SYNs to the first open port are answered, as a firewall limits new connections to SSH."""
    tarpit: bool = False
    """Every port answers SYN-ACK."""


class Child:
    """A process of its own that runs `work`, and is killed at the end of the context."""

    def __init__(self, work: Callable[["Child"], None]) -> None:
        self._from_child, self._to_parent = os.pipe()
        self._from_parent, self._to_child = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                work(self)
            finally:
                os._exit(1)

    def ready(self) -> None:
        """In the child: tell the parent to go on."""
        os.write(self._to_parent, b".")

    def wait_for_parent(self) -> None:
        """In the child: wait until the parent says to go on."""
        os.read(self._from_parent, 1)

    def wait_until_ready(self) -> None:
        """In the parent: wait for the child."""
        os.read(self._from_child, 1)

    def go_on(self) -> None:
        """In the parent: tell the child to go on."""
        os.write(self._to_child, b".")

    def __enter__(self) -> "Child":
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def configure(name: str, address: str | None) -> None:
    """Set an interface of this namespace up, with an address."""
    with IPRoute() as netlink:
        index = netlink.link_lookup(ifname=name)[0]
        if address:
            netlink.addr("add", index=index, address=address, prefixlen=24)
        netlink.link("set", index=index, state="up")


def kernel_device(ports: list[int], icmp_ratelimit: int, child: Child) -> None:
    """Be a device whose TCP is the kernel's: listen on these ports in a namespace of its own.

    It says in this many milliseconds of one closed UDP port that it is closed, and of six at once.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/sys/net/ipv4/icmp_ratelimit").write_text(str(icmp_ratelimit))
    child.ready()
    child.wait_for_parent()
    configure("eth0", DEVICE)
    servers = [socket.create_server((DEVICE, port)) for port in ports]
    child.ready()
    select.select(servers[:0], [], [])


def arrival(beside: list[tuple[int, int, bytes]]) -> float:
    """Return when the kernel took a frame in, in seconds."""
    for level, kind, data in beside:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack_from("@ll", data)
            return float(seconds + nanoseconds / 1e9)
    raise AssertionError("the kernel gives no time of arrival")


class Bucket:
    """Fifty tokens, and so many more a second; 0 for as many as one likes."""

    def __init__(self, per_second: int) -> None:
        self.per_second, self.tokens, self.at = per_second, 50.0, time.time()

    def take(self, now: float) -> bool:
        """Take a token at this time, if there is one."""
        self.tokens = min(50.0, self.tokens + max(0.0, now - self.at) * self.per_second)
        self.at = now
        if self.per_second and self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class FrameDevice:
    """Be a device that answers ARP and SYNs by its habits."""

    def __init__(self, habits: Habits) -> None:
        self.habits, self.asked, self.syns = habits, set[int](), 0
        self.all = Bucket(habits.per_second)
        self.resets = Bucket(habits.closed_per_second)
        self.silent_until = 0.0
        self.canary_syns = 0
        self.now = time.time()
        """When the frame arrived that is answered; on a busy machine it is read later."""

    def run(self, child: Child) -> None:
        """Answer until killed."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
            sock.bind(("eth0", 3))
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)  # as much as the system allows
            self.mac = sock.getsockname()[4]
            child.ready()
            while True:
                frame, beside, _, where = sock.recvmsg(128, 64)
                self.now = arrival(beside)
                if where[2] != socket.PACKET_OUTGOING and (reply := self.answer(frame)):
                    sock.send(reply)

    def answer(self, frame: bytes) -> bytes | None:
        """Return the frame that answers, if any."""
        if frame[12:14] == b"\x08\x06":
            own = self.mac + socket.inet_aton(DEVICE)
            return frame[6:12] + self.mac + frame[12:20] + b"\0\x02" + own + frame[22:32] if frame[21] == 1 else None
        question = parse(frame)
        if frame[12:14] != b"\x08\x00" or question is None or question.flags != SYN:
            return None
        port, habits = question.destination, self.habits
        self.syns += 1
        is_open = port in habits.open or habits.tarpit
        if not self.in_time() or (habits.dies_after and self.syns > habits.dies_after):
            return None
        if habits.refuses_after and self.syns > habits.refuses_after:
            is_open = False
        if port == habits.open[0]:
            self.canary_syns += 1
            if habits.canary_syns and self.canary_syns > habits.canary_syns:
                return None
        if not is_open and not self.resets.take(self.now):
            return None
        if habits.drop_first and port not in self.asked:
            self.asked.add(port)
            return None
        if not is_open and not habits.closed_answer:
            return None
        flags = SYN | ACK if is_open or habits.wrong_ack else RST | ACK
        number = struct.unpack_from("!I", frame, 38)[0] + (1 if is_open or not habits.wrong_ack else 77)
        return self.segment(frame, number & 0xFFFFFFFF, flags)

    def in_time(self) -> bool:
        """Whether this SYN is answered, as far as its time goes."""
        if self.now < self.silent_until:
            return False
        if self.all.take(self.now):
            return True
        self.silent_until = self.now + self.habits.silent_seconds
        return False

    def segment(self, frame: bytes, acknowledged: int, flags: int) -> bytes:
        """Build the answer to a SYN."""
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + frame[30:34] + frame[26:30]
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        tcp = frame[36:38] + frame[34:36] + struct.pack("!IIBBHHH", 7, acknowledged, 5 << 4, flags, 1024, 0, 0)
        total = checksum(frame[30:34] + frame[26:30] + struct.pack("!HH", 6, 20) + tcp)
        return frame[6:12] + frame[:6] + b"\x08\0" + ip + tcp[:16] + struct.pack("!H", total) + tcp[18:]


def sweep(arguments: dict[str, Any]) -> dict[str, Any]:
    """Sweep from the lab side, and return the observation and the evidence."""
    record = MemoryRecorder()
    port_sweep.REST_SECONDS = arguments.get("rest_seconds", port_sweep.REST_SECONDS)
    if "first_ports" in arguments:
        link = link_to(Target(NetworkBench(address=DEVICE, interface="lab0")))
        mac = link.resolve() if link else None
        assert link is not None
        assert mac is not None
        answers = PortSweep(SynAsker(link, mac, SweepCanary(443)), 50_000, record).run(
            range(1, arguments["first_ports"])
        )
        return {
            "open": sorted(answers.open),
            "closed": len(answers.closed),
            "lost": answers.lost,
            "rests": answers.rests,
            "missed": answers.missed,
            "witness": answers.witness().holds,
            "why": answers.witness().what,
        }
    bench = NetworkBench(address=DEVICE, interface="lab0")
    if "udp" in arguments:
        return UdpSweep(Target(bench), (), frozenset(arguments["udp"])).run(record).model_dump(mode="json")
    if arguments.get("no_raw"):
        EthernetLink.open = refuse  # type: ignore[method-assign,assignment]
    seen = TcpSweep(Target(bench), frozenset(arguments["declared"]), 443).run(record)
    evidence = {name: base64.b64encode(data).decode() for name, data in record.kept.items()}
    return {"observation": seen.model_dump(mode="json"), "evidence": evidence}


def refuse(link: EthernetLink, ethertype: int) -> socket.socket:
    """Be a machine that permits no raw sockets."""
    raise PermissionError(f"{link.interface}: {ethertype:#x}")


def main() -> None:
    """Make the veth pair and the device, sweep it, and print what was observed."""
    arguments = json.loads(sys.argv[1])
    if "kernel" in arguments:
        with Child(lambda child: kernel_device(arguments["kernel"], arguments.get("ratelimit", 1000), child)) as device:
            make_link({"ifname": "eth0", "net_ns_pid": device.pid})
            device.go_on()
            device.wait_until_ready()
            print(json.dumps(sweep(arguments)))
        return
    make_link({"ifname": "eth0"})
    if arguments.get("link_down"):
        print(json.dumps(sweep(arguments)))
        return
    configure("eth0", None)
    with Child(FrameDevice(Habits(**arguments.get("habits", {}))).run):
        print(json.dumps(sweep(arguments)))


def make_link(peer: dict[str, Any]) -> None:
    """Join lab0 here with the device's end."""
    with IPRoute() as netlink:
        netlink.link("add", ifname="lab0", kind="veth", peer=peer)
    configure("lab0", LAB)


if __name__ == "__main__":
    main()
