"""The judging process of `trustprobe run --bench firmware`, with the stand-in in QEMU's place.

Arguments: the options as JSON, the handover file, and a folder for the images.
"""

import functools
import sys
from pathlib import Path

from tests.virtual_lab.firmware.stand_in import images, label, program
from trustprobe.cli import inside
from virtual_lab.firmware import build, lab, second
from virtual_lab.firmware.machine import qemu
from virtual_lab.reference import namespace


def main() -> int:
    folder = Path(sys.argv.pop())
    if namespace.available() is None:
        namespace.enter_lab()  # so that the fixed ports are free, whatever else runs here
    made = images(folder / "images")
    build.build = lambda defects=(): made
    qemu.require_qemu = lambda program="": None
    assert issubclass(
        second.SecondHub, lab.FirmwareLab
    )  # it is made of the real one, before the stand-in takes its place
    lab.FirmwareLab = functools.partial(  # type: ignore[assignment,misc]
        lab.FirmwareLab, program=program(folder), builder=build.build, provisioner=label
    )
    return inside.main()


if __name__ == "__main__":
    sys.exit(main())
