"""The words that start the device under QEMU: the board, its flash, its disks and its random number generator.

Serial line, network, QMP and gdb stub are added by whoever starts it.
"""

from virtual_lab.firmware.build import Firmware
from virtual_lab.firmware.image.disk import FORGOTTEN_OCTETS
from virtual_lab.firmware.image.fit import MACHINE
from virtual_lab.firmware.provision import Provisioned

PROGRAM = "qemu-system-aarch64"
TRANSLATED = 192
"""MiB for translated code. With 64 QEMU translates much of it again and again; with 512 a start takes twice as long, as
what was translated before has to be dropped page by page."""
WRITTEN_A_SECOND = 2 * 1024 * 1024
"""Octets that the disk takes, as flash of a small device does: so the power can be cut while an update is written."""


def words(firmware: Firmware, device: Provisioned) -> list[str]:
    """Return the program and options of one device. The factory disk is read-only, as a store in the chip is."""
    return [
        PROGRAM,
        *MACHINE,
        *("-accel", f"tcg,tb-size={TRANSLATED}", "-nographic", "-nodefaults"),
        *("-bios", str(firmware.bios), "-dtb", str(firmware.dtb)),
        *("-drive", f"if=pflash,unit=1,format=raw,file={device.flash}"),
        *("-drive", f"if=none,id=nothing,format=raw,file=null-co://,file.size={FORGOTTEN_OCTETS},file.read-zeroes=off"),
        *("-device", "virtio-blk-device,drive=nothing,serial=nothing"),
        *("-drive", f"if=none,id=factory,format=raw,readonly=on,file={device.factory}"),
        *("-device", "virtio-blk-device,drive=factory,serial=factory"),
        # QEMU gives the last one the lowest address, and U-Boot calls it device 0.
        *("-drive", f"if=none,id=main,format=raw,file={device.disk},throttling.bps-write={WRITTEN_A_SECOND}"),
        *("-device", "virtio-blk-device,drive=main,serial=main"),
        *("-device", "virtio-rng-device"),
    ]


def network(device: Provisioned, backend: str) -> list[str]:
    """Return the options of the one network interface; `backend` is QEMU's -netdev without its id."""
    return ["-netdev", f"{backend},id=lan", "-device", f"virtio-net-device,netdev=lan,mac={device.mac}"]
