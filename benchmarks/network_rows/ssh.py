"""The rows about SSH: what is weak in a server, by the profile's numbers and by ssh-audit (pip install ssh-audit).

The findings are compared by name. ssh-audit also remarks on what no standard forbids; those remarks are listed apart.
"""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.network_rows import daemons
from benchmarks.network_rows.lab import Device, in_lab, tool
from benchmarks.network_rows.old_ssh import PORT as OLD_PORT
from benchmarks.network_rows.old_ssh import serve_old_ssh
from benchmarks.network_rows.row import Row, in_every, median
from benchmarks.network_rows.sweeps import Notes
from drivers.network.logins.ssh_algorithms import SshAlgorithms
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from suites.data_protection.test_ssh import small_group, small_key, weak_names
from trustprobe.errors import BenchError
from trustprobe.judging.run import load_profile
from virtual_lab.reference.namespace import DEVICE_ADDRESS

RUNS = 3
LIMIT_SECONDS = 120.0
OPINIONS = re.compile(
    r"post-quantum|suspected as being backdoored|encrypt-and-MAC|112-bits|weak random number generator|"
    r"2048-bit modulus|needs verification|unproven"
)
"""Remarks that are no weakness by a standard: NIST's curves and 2048 bits are approved (SP 800-186, SP 800-131A)."""
Found = dict[str, Any]


def weak_openssh() -> Sequence[Row]:
    """OpenSSH with all that it can still be configured to."""
    with tempfile.TemporaryDirectory() as name:
        device = Device(daemons=partial(daemons.weak_sshd, Path(name)))
        return [_measured("OpenSSH with weak settings", device, daemons.SSH_PORT)]


def old_server() -> Sequence[Row]:
    """A stand-in for the server of an old device."""
    return [_measured("an old SSH server without strict key exchange", Device(daemons=serve_old_ssh), OLD_PORT)]


def _measured(work: str, device: Device, port: int) -> Row:
    tool("ssh-audit", "pipx, and by pipx ssh-audit")

    def rounds() -> list[tuple[Found, Found]]:
        return [(_timed(_ours, port), _timed(_ssh_audit, port)) for _ in range(RUNS)]

    pairs = in_lab(device, rounds)
    ours, theirs = median([one["seconds"] for one, _ in pairs]), median([one["seconds"] for _, one in pairs])
    found, others = in_every(one["found"] for one, _ in pairs), in_every(one["found"] for _, one in pairs)
    ratio = median([one["seconds"] / other["seconds"] for one, other in pairs])
    missed = others - found
    return Row(
        f"weaknesses of {work}",
        f"{ours:.2f} s, {len(found)} found",
        f"{theirs:.2f} s (ssh-audit), {len(others)} found",
        ratio,
        f"<= 1, all of the peer's found (missed: {', '.join(sorted(missed)) or 'none'})",
        ratio <= 1 and not missed and bool(others),
        (
            ("found by trustprobe", found),
            ("found by ssh-audit", others),
            ("found by trustprobe alone", found - others),
            ("remarks of ssh-audit that no standard requires", in_every(one["remarks"] for _, one in pairs)),
        ),
    )


def _timed(tester: Callable[[int], tuple[set[str], set[str]]], port: int) -> Found:
    started = time.monotonic()
    found, remarks = tester(port)
    return {"seconds": time.monotonic() - started, "found": sorted(found), "remarks": sorted(remarks)}


def _ours(port: int) -> tuple[set[str], set[str]]:
    profile = load_profile("cyber_trust_mark")
    seen = SshAlgorithms(Target(NetworkBench(address=DEVICE_ADDRESS)), port).run(Notes())
    rules = profile.limits.ssh
    weak = [
        *weak_names("kex", seen.kex, rules.kex),
        *weak_names("host_key", seen.host_key, rules.host_key),
        *weak_names("cipher", seen.cipher, rules.cipher),
        *weak_names("mac", seen.mac, rules.mac),
        *weak_names("compression", seen.compression, rules.compression),
    ]
    small = (["small host key"] if small_key(seen, profile) else []) + (
        ["small group"] if small_group(seen, profile) else []
    )
    return {one.partition(" (")[0] for one in weak} | set(small), set()


def _ssh_audit(port: int) -> tuple[set[str], set[str]]:
    command = [tool("ssh-audit", "pipx, and by pipx ssh-audit"), "-j", "-p", str(port), DEVICE_ADDRESS]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"ssh-audit did not end within {LIMIT_SECONDS:g} s.", "Run it by hand.") from error
    found, remarks = set[str](), set[str]()
    report = json.loads(done.stdout)
    for kind in ("kex", "key", "enc", "mac"):
        for one in report[kind]:
            for remark in (*one["notes"].get("fail", ()), *one["notes"].get("warn", ())):
                if OPINIONS.search(remark):
                    remarks.add(remark)
                elif kind != "mac" or "Terrapin" not in remark:  # of such a pair, the cipher is named
                    found.add(_name(kind, one["algorithm"], remark))
    return found, remarks


def _name(kind: str, algorithm: str, remark: str) -> str:
    """Name a finding as ours is named."""
    if "small 1024-bit modulus" not in remark or algorithm in ("ssh-dss", "diffie-hellman-group1-sha1"):
        return f"no-strict-kex:{algorithm}" if "Terrapin" in remark else algorithm
    return "small host key" if kind == "key" else "small group"
