"""The row about UDP services: 25 ports, the services at eleven of them, and `nmap -sU`.

DNS, TFTP and SNMP are real servers where those are installed. The others are stand-ins that answer what their
specification answers, and nothing to a question of another protocol.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.network_rows import daemons
from benchmarks.network_rows.lab import Device, UdpService, in_labs
from benchmarks.network_rows.nmap import nmap
from benchmarks.network_rows.row import Row, in_every, median
from benchmarks.network_rows.sweeps import Notes
from benchmarks.network_rows.udp import coap, dns, ntp, snmp
from drivers.network.sweep.udp import UdpSweep
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from virtual_lab.reference.namespace import DEVICE_ADDRESS, LAB_INTERFACE

RUNS, PEER_RUNS, MOST_PASSES = 5, 7, 8
Found = dict[str, Any]
_DNSMASQ = "dnsmasq -k --no-resolv --no-hosts --user=root -C /dev/null --pid-file={folder}/pid"
_TFTP = " --enable-tftp --tftp-root={folder}; exit 1"
_SNMPD = "snmpd -f -C -c {folder}/snmpd.conf -Lo -p {folder}/snmpd.pid udp:161 tcp:161; exit 1"


def echo(data: bytes) -> bytes:
    """Return what comes (RFC 862)."""
    return data


def tftp(data: bytes) -> bytes | None:
    """Find no file (RFC 1350)."""
    return b"\0\5\0\1not found\0" if data[:2] == b"\0\1" and data.endswith(b"\0") and len(data) > 4 else None


def netbios(data: bytes) -> bytes | None:
    """Tell a node's status (RFC 1002, 4.2.18)."""
    if len(data) < 50 or data[46:48] != b"\0\x21":
        return None
    name = b"DEVICE         \0\x44\0"
    return data[:2] + b"\x84\0\0\0\0\1\0\0\0\0" + data[12:46] + b"\0\x21\0\1\0\0\0\0\0\x13\1" + name


def ssdp(data: bytes) -> bytes | None:
    """Answer a search."""
    if not data.startswith(b"M-SEARCH * HTTP/1.1\r\n") or b"ssdp:discover" not in data:
        return None
    head = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://192.0.2.10:49152/d.xml\r\n"
    return (
        head + b"SERVER: Linux/5.10 UPnP/1.0 device/1.0\r\nST: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\n"
    )


def sip(data: bytes) -> bytes | None:
    """Answer OPTIONS (RFC 3261, 11.2)."""
    if b" SIP/2.0\r\n" not in data or not data.startswith(b"OPTIONS "):
        return None
    kept = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")
    lines = [line for line in data.split(b"\r\n") if line.lower().startswith(kept)]
    return b"\r\n".join([b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""])


def nat_pmp(data: bytes) -> bytes | None:
    """Tell the external address (RFC 6886), or that PCP has to be asked in version 2 (RFC 6887)."""
    if data == b"\0\0":
        return b"\0\x80\0\0\0\0\0\1\xc0\0\2\x0a"
    if len(data) >= 24 and data[0] == 2 and data[1] == 0:
        return b"\2\x80\0\0" + bytes(4) + b"\0\0\0\1" + bytes(12)
    return None


def mdns(data: bytes) -> bytes | None:
    """List one type of service (RFC 6763, 9)."""
    name = b"\x09_services\x07_dns-sd\x04_udp\x05local\0"
    if name not in data:
        return None
    kind = b"\x05_http\x04_tcp\x05local\0"
    return data[:2] + b"\x84\0\0\0\0\1\0\0\0\0" + name + b"\0\x0c\0\1\0\0\0\x0a" + len(kind).to_bytes(2) + kind


SERVICES: Mapping[int, tuple[str, UdpService]] = MappingProxyType(
    {
        7: ("echo", echo),
        53: ("dns", dns),
        69: ("tftp", tftp),
        123: ("ntp", ntp),
        137: ("netbios_ns", netbios),
        161: ("snmp", snmp),
        1_900: ("ssdp", ssdp),
        5_060: ("sip", sip),
        5_351: ("nat_pmp", nat_pmp),
        5_353: ("mdns", mdns),
        5_683: ("coap", coap),
    }
)
CLOSED = (19, 67, 111, 177, 389, 427, 500, 520, 623, 1_194, 1_434, 1_701, 3_478, 11_211)
PORTS = frozenset({*SERVICES, *CLOSED})
REAL: Mapping[str, tuple[int, ...]] = MappingProxyType({"dnsmasq": (53, 69), "snmpd": (161,)})


def few_ports() -> Sequence[Row]:
    """The runs wait more than they work: they go on side by side, each against a device of its own."""
    real = [program for program in REAL if shutil.which(program)]
    taken = {port for program in real for port in REAL[program]}
    with tempfile.TemporaryDirectory() as name:
        stand_ins = {port: service for port, (_, service) in SERVICES.items() if port not in taken}
        device = Device(udp=stand_ins, daemons=partial(_start, real, Path(name)))
        runs = in_labs(device, [_ours] * RUNS + [_theirs] * PEER_RUNS)
    mine, others = runs[:RUNS], runs[RUNS:]
    found, peer = in_every(one["found"] for one in mine), in_every(one["found"] for one in others)
    missed = {one for one in peer if one not in {port.partition(" ")[0] for port in found}}
    right = {f"udp/{port} {service}" for port, (service, _) in SERVICES.items()} <= found
    work = f"{len(PORTS)} UDP ports with {len(SERVICES)} services ({', '.join(real) or 'no real server'} installed)"
    lists = (("found by trustprobe", found), ("found by nmap", peer))
    target = f"<= 1, all found and named (missed: {', '.join(sorted(missed)) or 'none'})"
    services = _compared(work, mine, others, "when", f"{len(found)} found", f"{len(peer)} found", target)
    undecided, others_undecided = (max(one["undecided"] for one in each) for each in (mine, others))
    passes = median([one["passes"] for one in others])
    words = f"in {passes:g} passes; {others_undecided} closed ports undecided after the first one"
    decided = _compared(
        "the same, until each closed port is known to be closed",
        mine,
        others,
        "seconds",
        f"{undecided} closed ports undecided",
        words,
        "<= 1, none undecided",
    )
    return [
        replace(services, holds=services.holds and right and not missed, findings=lists),
        replace(decided, holds=decided.holds and not undecided),
    ]


def _compared(work: str, mine: list[Found], others: list[Found], what: str, ours: str, theirs: str, target: str) -> Row:
    ours_s, theirs_s = (median([one[what] for one in each]) for each in (mine, others))
    ratio = ours_s / theirs_s
    return Row(work, f"{ours_s:.1f} s, {ours}", f"{theirs_s:.1f} s (nmap -sU), {theirs}", ratio, target, ratio <= 1)


def _start(programs: Sequence[str], folder: Path) -> None:
    """Start the real servers. Each device has its own folder, for several run at the same time."""
    own = Path(tempfile.mkdtemp(dir=folder))
    if "dnsmasq" in programs:
        (own / "dnsmasq").mkdir()
        daemons.start((_DNSMASQ + _TFTP).format(folder=own), own / "dnsmasq", 53)
    if "snmpd" in programs:
        (own / "snmpd").mkdir()
        (own / "snmpd.conf").write_text("rocommunity public\n")
        daemons.start(_SNMPD.format(folder=own), own / "snmpd", 161)


class _Times(Notes):
    """A recorder that keeps when each port answered for the first time, in seconds."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.found = dict[str, float]()

    def keep(self, name: str, data: bytes) -> None:
        """A datagram came, from the port that the name begins with."""
        self.found.setdefault(name, time.monotonic() - self.started)


def _ours() -> Found:
    """Sweep these ports; the DNS service is the declared one."""
    declared = {"id": "dns", "transport": "udp", "port": 53, "protocol": "dns", "purpose": "names"}
    bench, times = NetworkBench(address=DEVICE_ADDRESS, interface=LAB_INTERFACE), _Times()
    seen = UdpSweep(Target(bench), (Service.model_validate(declared),), PORTS).run(times)
    ports = [f"udp/{port}" for port in seen.open]
    return {
        "seconds": time.monotonic() - times.started,
        "when": max(times.found.values()),
        "found": [f"{about} {seen.detail(about).partition(':')[0].partition(' ')[0]}" for about in ports],
        "undecided": len(seen.unanswered & set(CLOSED)),
    }


def _theirs() -> Found:
    """Let nmap sweep the ports, and again those that are closed and that it did not decide."""
    first = run = nmap("-sU", "-p", ",".join(map(str, sorted(PORTS))))
    seconds, passes = run.seconds, 1
    while (left := set(run.named("open|filtered")) & set(CLOSED)) and passes < MOST_PASSES:
        run, passes = nmap("-sU", "-p", ",".join(map(str, sorted(left)))), passes + 1
        seconds += run.seconds
    return {
        "seconds": seconds,
        "when": first.seconds,
        "found": [f"udp/{port}" for port in first.named("open")],
        "undecided": len(set(first.named("open|filtered")) & set(CLOSED)),
        "passes": passes,
    }
