"""The row about TLS: what is weak in a server, by our three questions to a port and by testssl.sh and sslyze."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.network_rows import daemons
from benchmarks.network_rows.lab import Device, in_lab, tool
from benchmarks.network_rows.row import Row, median
from benchmarks.network_rows.sweeps import Notes
from drivers.network.target import Target
from drivers.network.tls.certificate import ReadCertificate
from drivers.network.tls.dh_groups import DH_BELOW_2048
from drivers.network.tls.versions_and_suites import TlsSuites, TlsVersions
from lab_config.bench import NetworkBench
from trustprobe.errors import BenchError
from virtual_lab.reference.namespace import DEVICE_ADDRESS

PLANTED = frozenset({"TLS 1.0", "TLS 1.1", "CBC suites", "1024-bit DH", "SHA-1 signature", "1024-bit key"})
RUNS = 3
LIMIT_SECONDS = 600.0
Found = dict[str, Any]


def weaknesses() -> Sequence[Row]:
    """lighttpd with all of PLANTED, asked by each in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def work() -> list[list[Found]]:
            return [[_ours(), _timed(_testssl, folder), _timed(_sslyze, folder)] for _ in range(RUNS)]

        rounds = in_lab(Device(daemons=partial(daemons.weak_tls, folder)), work)
    return [_compared(rounds, 1, "testssl.sh"), _compared(rounds, 2, "sslyze")]


def _compared(rounds: Sequence[Sequence[Found]], peer: int, name: str) -> Row:
    ours, theirs = median([one[0]["seconds"] for one in rounds]), median([one[peer]["seconds"] for one in rounds])
    found, others = _in_each(rounds, 0), _in_each(rounds, peer)
    ratio = median([one[0]["seconds"] / one[peer]["seconds"] for one in rounds])
    missed = ", ".join(sorted(others - found)) or "none"
    return Row(
        f"{len(PLANTED)} weaknesses of a TLS server",
        f"{ours:.2f} s, {len(found & PLANTED)} found",
        f"{theirs:.2f} s ({name}), {len(others & PLANTED)} found",
        ratio,
        f"<= 1, all of the peer's found (missed: {missed})",
        ratio <= 1 and others <= found,
    )


def _in_each(rounds: Sequence[Sequence[Found]], tester: int) -> frozenset[str]:
    """Return what was found in every round."""
    return frozenset[str].intersection(*(frozenset(one[tester]["found"]) for one in rounds))


def _ours() -> Found:
    target, record, started = Target(NetworkBench(address=DEVICE_ADDRESS)), Notes(), time.monotonic()
    versions = TlsVersions(target, daemons.HTTPS_PORT).run(record)
    suites = TlsSuites(target, daemons.HTTPS_PORT).run(record)
    certificate = ReadCertificate(target, daemons.HTTPS_PORT, None, ()).run(record)
    signs = {
        "TLS 1.0": "TLS1.0" in versions.seen,
        "TLS 1.1": "TLS1.1" in versions.seen,
        "CBC suites": "CBC_SHA1" in suites.seen,
        "1024-bit DH": DH_BELOW_2048 in suites.seen,
        "SHA-1 signature": certificate.signature_hash == "sha1",
        "1024-bit key": certificate.key_bits == 1024,
    }
    return {"seconds": time.monotonic() - started, "found": [sign for sign, shown in signs.items() if shown]}


def _timed(peer: Callable[[Path], set[str]], folder: Path) -> Found:
    started = time.monotonic()
    found = peer(folder)
    return {"seconds": time.monotonic() - started, "found": sorted(found)}


def _testssl(folder: Path) -> set[str]:
    """Its sections on versions, suites, key exchange and the certificate, and no others."""
    report = folder / "testssl.json"
    report.unlink(missing_ok=True)
    options = ["--warnings", "off", "--color", "0", "-p", "-s", "-f", "-S", "--jsonfile", str(report)]
    _run([tool("testssl", "testssl.sh"), *options, f"{DEVICE_ADDRESS}:{daemons.HTTPS_PORT}"])
    said = {entry["id"].split(" ")[0]: entry["finding"] for entry in json.loads(report.read_text())}
    signs = {
        "TLS 1.0": said.get("TLS1", "").startswith("offered"),
        "TLS 1.1": said.get("TLS1_1", "").startswith("offered"),
        "CBC suites": "offered" in {said.get("cipherlist_AVERAGE"), said.get("cipherlist_OBSOLETED")},
        "1024-bit DH": "1024" in said.get("DH_groups", ""),
        "SHA-1 signature": "SHA1" in said.get("cert_signatureAlgorithm", ""),
        "1024-bit key": "1024" in said.get("cert_keySize", ""),
    }
    return {sign for sign, shown in signs.items() if shown}


def _sslyze(folder: Path) -> set[str]:
    """Its scans of versions with their suites, and of the certificate."""
    report = folder / "sslyze.json"
    report.unlink(missing_ok=True)
    scans = ["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--certinfo"]
    address = f"{DEVICE_ADDRESS}:{daemons.HTTPS_PORT}"
    _run(
        [
            tool("sslyze", "python3-pip, and by pip sslyze"),
            *scans,
            "--mozilla_config",
            "disable",
            "--json_out",
            str(report),
            address,
        ]
    )
    result = json.loads(report.read_text())["server_scan_results"][0]["scan_result"]
    taken = {
        name: result[name]["result"]["accepted_cipher_suites"] for name in result if name.endswith("cipher_suites")
    }
    every = [one for suites in taken.values() for one in suites]
    names = {one["cipher_suite"]["name"] for one in every}
    leaf = result["certificate_info"]["result"]["certificate_deployments"][0]["received_certificate_chain"][0]
    signs = {
        "TLS 1.0": bool(taken["tls_1_0_cipher_suites"]),
        "TLS 1.1": bool(taken["tls_1_1_cipher_suites"]),
        "CBC suites": any("_CBC_SHA" in name for name in names),
        "1024-bit DH": any((one["ephemeral_key"] or {}).get("size") == 1024 for one in every),
        "SHA-1 signature": (leaf["signature_hash_algorithm"] or {}).get("name") == "sha1",
        "1024-bit key": leaf["public_key"]["key_size"] == 1024,
    }
    return {sign for sign, shown in signs.items() if shown}


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{command[0]} did not end within {LIMIT_SECONDS:g} s.", "Run it by hand.") from error
