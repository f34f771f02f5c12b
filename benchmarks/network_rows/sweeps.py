"""The rows about TCP: all 65,535 ports, of devices that answer, filter, limit and go silent."""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.network_rows.lab import Device, in_lab, in_labs, megabytes
from benchmarks.network_rows.nmap import nmap
from benchmarks.network_rows.row import Row, median
from drivers.network.sweep.ports import TcpSweep
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from virtual_lab.reference.namespace import DEVICE_ADDRESS, DEVICE_ADDRESS6, LAB_INTERFACE

OPEN = (22, 80, 443, 8_899, 31_337, 65_000)
CANARY = 443
RUNS, SLOW_RUNS = 20, 3
CEILING = 200_000
MEMORY_MB = 150
FILTERED = f"""table inet front {{
  chain input {{
    type filter hook input priority 0; policy accept;
    tcp dport != {{ {", ".join(map(str, OPEN))} }} drop
  }}
}}"""
LIMITED = """table inet front {
  chain input {
    type filter hook input priority 0; policy accept;
    tcp flags syn limit rate over 500/second burst 50 packets drop
  }
}"""
SILENCED = """table ip front {
  set silenced { type ipv4_addr; flags dynamic, timeout; timeout 10s; size 16; }
  chain input {
    type filter hook input priority 0; policy accept;
    ip saddr @silenced drop
    tcp flags syn limit rate over 500/second burst 100 packets add @silenced { ip saddr } drop
  }
}"""
T2_PORTS = 200
"""nmap -T2 waits 0.4 s between two ports: it is measured on so many, and scaled to all."""


class Notes:
    """A recorder that keeps the last note only."""

    last = ""

    def keep(self, name: str, data: bytes) -> None:
        """Nothing is kept."""

    def note(self, line: str) -> None:
        """Keep it as the last."""
        self.last = line

    def progress(self, done: int, total: int, what: str) -> None:
        """Nobody looks."""


def sweep(ceiling: int = CEILING, address: str = DEVICE_ADDRESS) -> dict[str, Any]:
    """Sweep the device of the lab."""
    bench = NetworkBench(address=address, interface=LAB_INTERFACE, packets_per_second=ceiling)
    record, started = Notes(), time.monotonic()
    seen = TcpSweep(Target(bench), frozenset(OPEN), CANARY).run(record)
    seconds = time.monotonic() - started
    missed = [port for port in OPEN if port not in seen.open]
    wrong = sorted(seen.open - set(OPEN))
    witnessed = seen.witness is not None and seen.witness.holds
    return {
        "seconds": seconds,
        "missed": missed,
        "wrong": wrong,
        "witnessed": witnessed,
        "closed": seen.closed,
        "filtered": seen.filtered,
        "how": record.last,
        "megabytes": megabytes(),
    }


def beside_nmap(runs: int, *options: str, address: str = DEVICE_ADDRESS) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Sweep and let nmap sweep in turns, after one sweep that warms both ends up."""
    sweep(address=address)
    return [(sweep(address=address), peer(*options, address=address)) for _ in range(runs)]


def peer(*options: str, address: str = DEVICE_ADDRESS) -> dict[str, Any]:
    """Let nmap sweep the device of the lab."""
    run = nmap("-sS", *options, address=address)
    return {"seconds": run.seconds, "missed": sorted(set(OPEN) - set(run.named("open")))}


def closed_ports() -> Sequence[Row]:
    """65,535 ports, 6 open, the rest closed: 20 runs of each."""
    pairs = in_lab(Device(tcp=OPEN), lambda: beside_nmap(RUNS, "-p-", "-T4"))
    row = _compared("65,535 TCP ports, 6 open, the rest closed", "nmap -T4", pairs, 1.0)
    most = max(ours["megabytes"] for ours, _ in pairs)
    return [row, Row("memory of a sweep", f"{most:.0f} MB", "-", None, f"< {MEMORY_MB} MB", most < MEMORY_MB)]


def closed_ports_over_ipv6() -> Sequence[Row]:
    """The same over IPv6."""
    pairs = in_lab(Device(tcp=OPEN), lambda: beside_nmap(RUNS, "-6", "-p-", "-T4", address=DEVICE_ADDRESS6))
    return [_compared("the same over IPv6", "nmap -6 -T4", pairs, 1.0)]


def filtered_ports() -> Sequence[Row]:
    """The same, the rest filtered: nmap once, for it takes a minute and a half; ours as often as above."""

    def work() -> list[tuple[dict[str, Any], dict[str, Any]]]:
        theirs = peer("-p-", "-T4")
        return [(sweep(), theirs) for _ in range(RUNS)]

    pairs = in_lab(Device(tcp=OPEN, ruleset=FILTERED), work)
    pairs_once = [pairs[0], *((ours, {**theirs, "missed": []}) for ours, theirs in pairs[1:])]
    return [_compared("65,535 TCP ports, 6 open, the rest filtered", "nmap -T4, once", pairs_once, 0.2)]


def limited_device() -> Sequence[Row]:
    """A device that answers at most 500 packets a second."""
    return [_slow("device that answers at most 500 packets a second", LIMITED)]


def silenced_device() -> Sequence[Row]:
    """A device that goes silent for 10 s when it is asked more than 500 packets a second."""
    return [_slow("device that goes silent for 10 s above 500 packets a second", SILENCED)]


def _compared(work: str, name: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]], target: float) -> Row:
    ours, theirs = median([one["seconds"] for one, _ in pairs]), median([one["seconds"] for _, one in pairs])
    good = sum(not one["missed"] and not one["wrong"] and one["witnessed"] for one, _ in pairs)
    missed = sum(len(one["missed"]) for _, one in pairs)
    ratio = ours / theirs
    return Row(
        work,
        f"{ours:.2f} s, right in {good} of {len(pairs)} runs",
        f"{theirs:.2f} s ({name}), {missed} missed",
        ratio,
        f"<= {target}, none missed",
        ratio <= target and good == len(pairs),
    )


def _slow(work: str, ruleset: str) -> Row:
    """Against two peers: one that asks too fast, whose misses are counted, and one that is polite, whose time is."""
    device = Device(tcp=OPEN, ruleset=ruleset)
    sample = f"{OPEN[0]}-{OPEN[0] + T2_PORTS - 1}"
    peers = [lambda: peer("-p-", "-T5", "--min-rate", "1000"), lambda: peer("-p", sample, "-T2")]
    hasty, of_sample, *ours = in_labs(device, [*peers, *[sweep] * SLOW_RUNS])
    seconds = median([one["seconds"] for one in ours])
    good = sum(not one["missed"] and not one["wrong"] and one["witnessed"] for one in ours)
    polite = of_sample["seconds"] * 65_535 / T2_PORTS
    ratio = seconds / polite
    return Row(
        work,
        f"{seconds:.0f} s, {sum(len(one['missed']) for one in ours)} missed, right in {good} of {len(ours)} runs",
        f"{polite:.0f} s (nmap -T2, {T2_PORTS} ports scaled to all); nmap -T5 --min-rate 1000: "
        f"{hasty['seconds']:.0f} s, {len(hasty['missed'])} of {len(OPEN)} missed",
        ratio,
        "< 1, none missed",
        ratio < 1 and good == len(ours),
    )
