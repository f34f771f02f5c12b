"""A firmware lab around the stand-in for QEMU: images without content, and a factory that prints a label."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.free_ports import free_port
from tests.virtual_lab.firmware import stand_in_qemu
from trustprobe.errors import ConfigurationError
from virtual_lab.firmware.build import Firmware
from virtual_lab.firmware.lab import FirmwareLab
from virtual_lab.firmware.machine.cable import FIRST
from virtual_lab.firmware.provision import Provisioned


def program(folder: Path) -> str:
    """Write the program that takes QEMU's place."""
    path = folder / "qemu-stand-in"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(stand_in_qemu.__file__)} "$@"\n', "utf-8")
    path.chmod(0o755)
    return str(path)


def images(folder: Path) -> Firmware:
    folder.mkdir(exist_ok=True)
    return Firmware(folder, ())


def label(folder: Path, _firmware: Firmware, **_options: object) -> Provisioned:
    try:
        folder.mkdir()
    except FileExistsError:
        raise ConfigurationError(f"{folder} already holds a device.") from None
    words = ("the admin's", "the viewer's", "the service's", "the monitor's")
    return Provisioned(folder, "S-1", "02:00:00:00:00:01", *words)


def stand_in_lab(folder: Path, defects: Sequence[str] = (), *, loopback: bool = True) -> FirmwareLab:
    lab = FirmwareLab(
        folder / "device",
        defects,
        loopback=loopback,
        program=program(folder),
        builder=lambda _defects: images(folder / "images"),
        provisioner=label,
    )
    if loopback:
        lab.port_map = {"tcp/443": free_port(FIRST.loopback)}
    return lab
