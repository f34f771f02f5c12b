"""The virtual devices that `trustprobe run` can start, by the name that a bench file gives in its field `virtual`.

Each is a context manager: inside it the device answers, and the environment holds what its bench file refers to.
"""

import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from drivers.power.switch import PowerSwitch
from lab_config.bench import PowerBench
from trustprobe.errors import ConfigurationError

COMPARES: Final = "asset_identification"
"""The capability that compares two samples. A run of other capabilities only does not start the second device."""
NONE: Final = "no second sample was started"
SLOW_TO_IMPORT: Final = ("pytest", "paramiko", "requests", "jinja2", "OpenSSL.SSL")
"""Imported while the virtual devices start."""


@dataclass(frozen=True)
class Lab:
    """What a lab changes about a bench: forwarded ports, a declaration with flaws of its own; and what it leaves."""

    port_map: dict[str, int]
    product: str | None = None
    logs: tuple[Path, ...] = ()
    """What the machine printed; kept with the run, as the lab's own folder goes away with it."""


@dataclass(frozen=True)
class LabRequest:
    """What is asked of a lab; without `capabilities` all of them. `declaration` is the file of the product."""

    defects: tuple[str, ...]
    capabilities: tuple[str, ...]
    unpowered: bool
    loopback: bool
    declaration: Path

    @property
    def compares(self) -> bool:
        """Whether a second sample is needed."""
        return not self.capabilities or COMPARES in self.capabilities


def start(name: object, wanted: LabRequest) -> AbstractContextManager[Lab]:
    """Return the lab of this name; ConfigurationError where there is none."""
    if name not in LABS:
        raise ConfigurationError(f"there is no virtual device {name!r}.", f"Give one of {', '.join(LABS)}.")
    return LABS[str(name)](wanted)


@contextmanager
def _reference(wanted: LabRequest) -> Iterator[Lab]:
    from virtual_lab.declaration import flawed_copy, flaws_on_paper
    from virtual_lab.reference.lab import ReferenceLab
    from virtual_lab.reference.second import SECOND_ADDRESS, SecondDevice, second_environment

    loopback = _on_loopback(wanted)
    on_paper = [defect for defect in wanted.defects if defect in flaws_on_paper()]
    in_device = [defect for defect in wanted.defects if defect not in on_paper]
    with tempfile.TemporaryDirectory(prefix="trustprobe-lab-") as folder, tempfile.TemporaryDirectory() as papers:
        product = str(flawed_copy(wanted.declaration, on_paper, Path(papers))) if on_paper else None
        with ReferenceLab(Path(folder), in_device, loopback=loopback, wait=False) as lab, ExitStack() as opened:
            os.environ.update(lab.environment)
            devices = [lab]
            if wanted.compares:
                devices.append(opened.enter_context(SecondDevice(Path(folder) / "second", lab, wait=False)))
                os.environ.update(devices[-1].environment)
            else:
                os.environ.update(second_environment(SECOND_ADDRESS, Path(folder) / "second", NONE, NONE))
            _import_slow()
            for one in devices:
                one.await_boot()
            if wanted.unpowered:
                PowerSwitch(PowerBench(on="", off=lab.environment["REFERENCE_RELAY"] + "?turn=off")).off()
            yield Lab(lab.port_map, product)


@contextmanager
def _firmware(wanted: LabRequest) -> Iterator[Lab]:
    from virtual_lab.firmware.build import build
    from virtual_lab.firmware.lab import FirmwareLab
    from virtual_lab.firmware.machine.cable import SECOND
    from virtual_lab.firmware.machine.qemu import CONSOLE_LOG, LOG, require_qemu
    from virtual_lab.firmware.second import SecondHub, second_environment

    require_qemu()
    build(wanted.defects)  # here, where packages can still be fetched
    loopback = _on_loopback(wanted)
    with tempfile.TemporaryDirectory(prefix="trustprobe-lab-") as folder:
        device = FirmwareLab(Path(folder) / "device", wanted.defects, loopback=loopback)
        importing = threading.Thread(target=_import_slow)
        importing.start()
        with device as lab, ExitStack() as opened:
            importing.join()
            if lab.note:
                print(f"bench: {lab.note}.", file=sys.stderr)
            os.environ.update(lab.environment)
            if wanted.compares:
                os.environ.update(opened.enter_context(SecondHub(Path(folder) / "second", lab)).environment)
            else:
                os.environ.update(second_environment(SECOND.address, NONE, NONE))
            if wanted.unpowered:
                PowerSwitch(PowerBench(qmp=lab.environment["FIRMWARE_QMP"])).off()
            yield Lab(lab.port_map, logs=(lab.folder / LOG, lab.folder / CONSOLE_LOG))


def _import_slow() -> None:
    for slow in SLOW_TO_IMPORT:
        importlib.import_module(slow)


def _on_loopback(wanted: LabRequest) -> bool:
    """Move into a network namespace for the lab, where one can be had; else say why not, and return True."""
    from virtual_lab.reference.namespace import available, enter_lab

    reason = "--loopback was given" if wanted.loopback else available()
    if reason is None:
        enter_lab()
        return False
    print(f"bench: the virtual device runs on loopback, without a network namespace ({reason}).", file=sys.stderr)
    return True


LABS: Final[Mapping[str, Callable[[LabRequest], AbstractContextManager[Lab]]]] = MappingProxyType(
    {"reference": _reference, "firmware": _firmware}
)
