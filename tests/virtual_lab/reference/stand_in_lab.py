"""A lab whose device runs the stand-in firmware on a free port of 127.0.8.10, for tests of the lab's own parts."""

import socket
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.free_ports import free_port
from tests.virtual_lab.reference import stand_in_firmware
from virtual_lab.reference.lab import LOOPBACK_DEVICE, ReferenceLab

STAND_IN = (sys.executable, str(Path(stand_in_firmware.__file__)))


def stand_in_lab(folder: Path, defects: Sequence[str] = (), firmware: Sequence[str] = STAND_IN) -> ReferenceLab:
    lab = ReferenceLab(folder, defects, loopback=True, firmware=firmware)
    lab.port_map = {"tcp/443": free_port(LOOPBACK_DEVICE)}
    return lab


def greeting(lab: ReferenceLab) -> bytes:
    """What the stand-in says on tcp/443: why it was started."""
    with socket.create_connection((lab.address, lab.port_map.get("tcp/443", 443)), 2) as client:
        return client.recv(64)


def turn(lab: ReferenceLab, state: str) -> bytes:
    with urllib.request.urlopen(f"{lab.environment['REFERENCE_RELAY']}?turn={state}", timeout=600) as answer:
        body: bytes = answer.read()
    return body
