"""The words that start the device under QEMU: the board, its flash, its two disks and its random number generator.

Serial line, network, QMP and gdb stub are added by whoever starts it.
"""

from virtual_lab.firmware.build import Firmware
from virtual_lab.firmware.fit import MACHINE
from virtual_lab.firmware.provision import Provisioned

PROGRAM = "qemu-system-aarch64"


def words(firmware: Firmware, device: Provisioned) -> list[str]:
    """Return the program and options of one device. The factory disk is read-only, as a store in the chip is."""
    return [
        PROGRAM,
        *MACHINE,
        *("-accel", "tcg,tb-size=64", "-nographic", "-nodefaults"),
        *("-bios", str(firmware.bios), "-dtb", str(firmware.dtb)),
        *("-drive", f"if=pflash,unit=1,format=raw,file={device.flash}"),
        *("-drive", f"if=none,id=factory,format=raw,readonly=on,file={device.factory}"),
        *("-device", "virtio-blk-device,drive=factory,serial=factory"),
        # QEMU gives the last one the lowest address, and U-Boot calls it device 0.
        *("-drive", f"if=none,id=main,format=raw,file={device.disk}"),
        *("-device", "virtio-blk-device,drive=main,serial=main"),
        *("-device", "virtio-rng-device"),
    ]


def network(device: Provisioned, backend: str) -> list[str]:
    """Return the options of the one network interface; `backend` is QEMU's -netdev without its id."""
    return ["-netdev", f"{backend},id=lan", "-device", f"virtio-net-device,netdev=lan,mac={device.mac}"]
