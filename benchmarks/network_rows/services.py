"""The row about services: what each of a dozen real servers is, and which version it discloses, against `nmap -sV`."""

import re
import tempfile
import textwrap
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.network_rows import servers
from benchmarks.network_rows.lab import Device, in_lab
from benchmarks.network_rows.nmap import NmapService, nmap
from benchmarks.network_rows.row import Row, in_every, median
from benchmarks.network_rows.sweeps import Notes
from drivers.network.recognise.banners import NOTHING, ReadBanners, services_of
from drivers.network.recognise.open_ports import RecogniseOpenPorts
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from virtual_lab.reference.namespace import DEVICE_ADDRESS

RUNS = 3
NAMES: Mapping[str, str] = MappingProxyType(
    {"domain": "dns", "http-proxy": "http", "gpsd-ng": "gpsd", "ms-wbt-server": "rdp", "netbios-ssn": "smb"}
)
"""What nmap calls differently than we do."""
_MQTT = re.compile(r"mosquitto version (\S+)")
"""nmap 7.93 shows this answer of a broker as the name of the service."""
Found = dict[str, Any]


def recognised() -> Sequence[Row]:
    """Ask each in turns about the same open ports."""
    with tempfile.TemporaryDirectory() as name:
        device = Device(daemons=partial(servers.start_all, Path(name)))
        pairs = in_lab(device, lambda: [(_ours(), _nmap()) for _ in range(RUNS)])
    ours, theirs = median([one["seconds"] for one, _ in pairs]), median([one["seconds"] for _, one in pairs])
    found, others = in_every(one["found"] for one, _ in pairs), in_every(one["found"] for _, one in pairs)
    shown = {port: text for one, _ in pairs for port, text in one["shown"].items()}
    missed = {one for one in others if not _is_among(one, found, shown)}
    ratio = median([one["seconds"] / other["seconds"] for one, other in pairs])
    left_out = servers.missing()
    return [
        Row(
            f"{len(servers.ports())} TCP services and their versions"
            + (f" (not installed: {', '.join(left_out)})" if left_out else ""),
            f"{ours:.2f} s, {len(found)} found",
            f"{theirs:.2f} s (nmap -sV), {len(others)} found",
            ratio,
            f"<= 1, all of the peer's found (missed: {', '.join(sorted(missed)) or 'none'})",
            ratio <= 1 and not missed and bool(others),
            (("found by trustprobe", found), ("found by nmap", others)),
        )
    ]


def _is_among(finding: str, found: frozenset[str], shown: Mapping[str, str]) -> bool:
    """Whether a finding of nmap's is one of ours; of a version, whether our text of the port contains its number.

    Of a version without a dotted number, the first word has to be there.
    """
    port, _, what = finding.partition(" ")
    number = re.search(r"\d+(?:\.\d+)+", what) or re.search(r"(?<=^version: )\w+", what)
    is_shown = what.startswith("version: ") and number is not None and number[0] in shown.get(port, "")
    return finding in found or is_shown


def _ours() -> Found:
    started = time.monotonic()
    target = Target(NetworkBench(address=DEVICE_ADDRESS))
    seen = RecogniseOpenPorts(target, servers.ports(), (), min(servers.ports())).run(Notes())
    told = ReadBanners(target, services_of(seen), "undeclared").run(Notes())
    seconds = time.monotonic() - started
    found = [
        f"tcp/{one.port} {name}{' inside TLS' if one.tls else ''}" for one in seen.open_ports for name in one.protocols
    ]
    shown = {fact.about: fact.detail for fact in told.facts if fact.detail not in ("", NOTHING)}
    return {
        "seconds": seconds,
        "found": [*found, *(f"{at} version: {textwrap.shorten(text, 80)}" for at, text in shown.items())],
        "shown": shown,
    }


def _nmap() -> Found:
    run = nmap("-sV", "-p", ",".join(map(str, sorted(servers.ports()))))
    return {"seconds": run.seconds, "found": [one for port, said in run.services.items() for one in _said(port, said)]}


def _said(port: int, service: NmapService) -> list[str]:
    """Name what nmap says of a port as ours is named."""
    broker = _MQTT.match(service.name)
    name = "mqtt" if broker else NAMES.get(service.name, service.name)
    version = broker[1] if broker else service.version
    findings = [f"tcp/{port} {name}{' inside TLS' if service.inside_tls else ''}"]
    return [*findings, f"tcp/{port} version: {service.product} {version}"] if version else findings
