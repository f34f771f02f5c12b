"""The row about UDP: 40 ports of a Linux device, which says of one closed port a second that it is closed."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from benchmarks.network_rows.lab import Device, UdpService, in_labs
from benchmarks.network_rows.nmap import nmap
from benchmarks.network_rows.row import Row, median
from benchmarks.network_rows.sweeps import Notes
from drivers.network.sweep.udp import UdpSweep
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from virtual_lab.reference.namespace import DEVICE_ADDRESS, LAB_INTERFACE

RUNS, PEER_RUNS = 10, 7
"""nmap takes 13 or 47 s here, as its own timing goes: the median of three was now one, now the other."""


def dns(data: bytes) -> bytes | None:
    """Refuse any query."""
    return data[:2] + b"\x81\x85" + data[4:] if len(data) >= 17 and data[2] < 0x80 else None


def ntp(data: bytes) -> bytes | None:
    """Tell the time to a client."""
    return bytes([data[0] & 0x38 | 4, 2]) + bytes(46) if len(data) >= 48 and data[0] & 7 == 3 else None


def snmp(data: bytes) -> bytes | None:
    """Answer the community public."""
    return data.replace(b"public\xa0", b"public\xa2") if b"public\xa0" in data else None


def coap(data: bytes) -> bytes | None:
    """Reset what is no request that it knows."""
    return b"\x70\0" + data[2:4] if len(data) >= 4 and data[0] >> 6 == 1 else None


def knx(data: bytes) -> bytes | None:
    """Describe itself."""
    return b"\x06\x10\x02\x04\0\x08\x02\0" if data[:4] == b"\x06\x10\x02\x03" else None


def sadp(data: bytes) -> bytes | None:
    """Match a probe, as cameras do."""
    return b"<?xml version='1.0'?><ProbeMatch><Types>inquiry</Types></ProbeMatch>" if b"<Probe>" in data else None


SERVICES: Mapping[int, UdpService] = MappingProxyType(
    {53: dns, 123: ntp, 161: snmp, 3_671: knx, 5_683: coap, 37_020: sadp}
)
CLOSED = (
    *(13, 19, 67, 69, 111, 137, 177, 389, 427, 443, 500, 502, 520, 554, 623, 1_194, 1_434, 1_701, 1_900, 2_049),
    *(3_478, 3_702, 4_500, 5_060, 5_351, 5_353, 5_684, 9_600, 10_001, 11_211, 17_185, 30_718, 44_818, 47_808),
)
PORTS = frozenset({*SERVICES, *CLOSED})


def ours() -> dict[str, Any]:
    """Sweep these ports; the DNS service is the declared one."""
    declared = Service.model_validate(
        {"id": "dns", "transport": "udp", "port": 53, "protocol": "dns", "purpose": "names"}
    )
    bench = NetworkBench(address=DEVICE_ADDRESS, interface=LAB_INTERFACE)
    started = time.monotonic()
    seen = UdpSweep(Target(bench), (declared,), PORTS).run(Notes())
    seconds = time.monotonic() - started
    return {"seconds": seconds, "open": sorted(seen.open), "unknown": sorted(seen.unanswered)}


def theirs() -> dict[str, Any]:
    """Let nmap sweep them."""
    run = nmap("-sU", "-p", ",".join(map(str, sorted(PORTS))))
    return {"seconds": run.seconds, "open": run.named("open"), "unknown": run.named("open|filtered")}


def limited_icmp() -> Sequence[Row]:
    """The runs wait more than they work: they go on side by side, each against a device of its own."""
    found = in_labs(Device(udp=SERVICES), [ours] * RUNS + [theirs] * PEER_RUNS)
    mine, others = found[:RUNS], found[RUNS:]
    mine_s, others_s = median([one["seconds"] for one in mine]), median([one["seconds"] for one in others])
    unknown, others_unknown = (max(len(one["unknown"]) for one in runs) for runs in (mine, others))
    same = len({(tuple(one["open"]), tuple(one["unknown"])) for one in mine}) == 1
    right = sum(one["open"] == sorted(SERVICES) for one in mine)
    ratio = mine_s / others_s
    return [
        Row(
            f"{len(PORTS)} UDP ports of a device that limits its ICMP",
            f"{mine_s:.1f} s, {unknown} open|filtered, {right} of {RUNS} runs right, "
            f"{'all the same' if same else 'NOT the same'}",
            f"{others_s:.1f} s (nmap -sU), {others_unknown} open|filtered",
            ratio,
            "<= 0.9, fewer open|filtered, same answer",
            ratio <= 0.9 and unknown < min(len(one["unknown"]) for one in others) and same and right == RUNS,
        )
    ]
