"""The disk of the device: partition table, boot environment, kernel, two slots, data, system; and U-Boot's own flash.

The flash holds what U-Boot does, and Linux cannot write it; the environment on the disk says which slot and no more.
"""

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trustprobe.errors import BenchError
from virtual_lab.firmware.image.fit import CONFIGURATION, KERNEL_RUNS_AT
from virtual_lab.firmware.image.host import run

SECTOR: Final = 512
MIB: Final = 1 << 20
ENVIRONMENT_AT: Final = MIB // 2
ENVIRONMENT_OCTETS: Final = 0x10000
KERNEL_AT: Final = MIB
KERNEL_OCTETS: Final = 15 * MIB
SLOT_OCTETS: Final = 8 * MIB
SLOTS: Final = MappingProxyType({"a": KERNEL_AT + KERNEL_OCTETS, "b": KERNEL_AT + KERNEL_OCTETS + SLOT_OCTETS})
DATA_AT: Final = SLOTS["b"] + SLOT_OCTETS
DATA_OCTETS: Final = 32 * MIB
SYSTEM_AT: Final = DATA_AT + DATA_OCTETS
SYSTEM_OCTETS: Final = 32 * MIB
DISK_OCTETS: Final = SYSTEM_AT + SYSTEM_OCTETS
FLASH_OCTETS: Final = 64 * MIB
_FLASH_ENVIRONMENT_OCTETS = 0x40000
"""CONFIG_ENV_SIZE of Debian's qemu_arm64 U-Boot, which reads it from the start of the second flash bank."""
_LOAD, _KERNEL_LOAD = "0x50000000", "0x52000000"
FORGOTTEN_OCTETS: Final = 40 * MIB
"""What Linux takes, unpacked."""
_FORGET = f"virtio dev 2; virtio read {KERNEL_RUNS_AT:#x} 0 {FORGOTTEN_OCTETS // SECTOR:x}; virtio dev 0"
"""Reads the disk that holds nothing over the Linux of the last start. QEMU keeps what it has translated there over a
reset: a write by the processor to such a page then takes microseconds, and one by a disk drops all of it at once."""
_LEFT_OUT = "cryptomgr.notests initcall_blacklist=init_kprobe_trace apparmor=0 audit=0"
"""Tests of Linux on itself, and services of it that nothing in the device uses: half a second of each start."""
_LINUX = 0x83
BOOT_ENVIRONMENT: Final = MappingProxyType(
    {
        "arch": "arm",
        "baudrate": "115200",
        "bootdelay": "-2",
        "bootargs_base": "console=ttyAMA0,115200 quiet loglevel=1 panic=3",
        "fdt_high": "0xffffffff",
        "initrd_high": "0xffffffff",
        "stdin": "pl011@9000000",
        "stdout": "pl011@9000000",
        "stderr": "pl011@9000000",
        "read_slot": f"virtio read {_LOAD} {ENVIRONMENT_AT // SECTOR:x} {ENVIRONMENT_OCTETS // SECTOR:x}; "
        f"env import -c {_LOAD} {ENVIRONMENT_OCTETS:x} slot",
        **{
            f"boot_{slot}": f"setenv bootargs ${{bootargs_base}} {_LEFT_OUT} hub.slot={slot}; "
            f"virtio read {_KERNEL_LOAD} {KERNEL_AT // SECTOR:x} {KERNEL_OCTETS // SECTOR:x}; "
            f"virtio read {_LOAD} {at // SECTOR:x} {SLOT_OCTETS // SECTOR:x}; "
            f"bootm {_KERNEL_LOAD}#{CONFIGURATION} {_LOAD}#{CONFIGURATION} ${{fdtcontroladdr}}"
            for slot, at in SLOTS.items()
        },
        "bootcmd": f"virtio scan; {_FORGET}; run read_slot; "
        'if test "${slot}" = b; then run boot_b; run boot_a; else run boot_a; run boot_b; fi; '
        "echo No slot holds software that is signed.; sleep 3; reset",
    }
)
"""What U-Boot does: keys are not looked at (bootdelay -2), and the last command starts it over."""


def environment(variables: Mapping[str, str], octets: int) -> bytes:
    """Write a U-Boot environment of `octets` with its CRC32 (not redundant)."""
    text = b"".join(f"{name}={value}".encode() + b"\0" for name, value in sorted(variables.items())) + b"\0"
    if len(text) > octets - 4:
        raise ValueError(f"the environment takes {len(text)} octets of {octets - 4}")
    text = text.ljust(octets - 4, b"\xff")
    return struct.pack("<I", zlib.crc32(text)) + text


def write_flash(path: Path, variables: Mapping[str, str]) -> None:
    """Write the second flash bank, whose first sectors U-Boot reads its environment from."""
    with path.open("wb") as file:
        file.write(environment(variables, _FLASH_ENVIRONMENT_OCTETS))
        file.truncate(FLASH_OCTETS)


def write_disk(path: Path, kernel: Path, slots: Mapping[str, Path], system: Path) -> None:
    """Write a disk with these images in front, in its slots and system partition; it starts slot a, without data."""
    data = path.with_suffix(".data")
    with data.open("wb") as file:
        file.truncate(DATA_OCTETS)
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", "data", str(data)])
    with path.open("wb") as file:
        file.truncate(DISK_OCTETS)
        file.write(_partition_table())
        file.seek(ENVIRONMENT_AT)
        file.write(environment({"slot": "a"}, ENVIRONMENT_OCTETS))
        _place(file.fileno(), KERNEL_AT, kernel, KERNEL_OCTETS)
        for slot, image in slots.items():
            _place(file.fileno(), SLOTS[slot], image, SLOT_OCTETS)
        _place(file.fileno(), DATA_AT, data, DATA_OCTETS)
        _place(file.fileno(), SYSTEM_AT, system, SYSTEM_OCTETS)
    data.unlink()


def _place(descriptor: int, at: int, image: Path, room: int) -> None:
    """Copy `image` to `at`, leaving holes where it holds nothing."""
    if image.stat().st_size > room:
        raise BenchError(
            f"{image.name} is larger than the {room // MIB} MiB of its partition.", "Enlarge it in disk.py."
        )
    with image.open("rb") as file:
        while chunk := file.read(MIB):
            if chunk.strip(b"\0"):
                os.pwrite(descriptor, chunk, at)
            at += len(chunk)


def _partition_table() -> bytes:
    """A master boot record (MBR) of four Linux partitions; addresses are LBA only."""
    places = [(at, SLOT_OCTETS) for at in SLOTS.values()] + [(DATA_AT, DATA_OCTETS), (SYSTEM_AT, SYSTEM_OCTETS)]
    entries = b"".join(
        struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", _LINUX, b"\xfe\xff\xff", at // SECTOR, octets // SECTOR)
        for at, octets in places
    )
    return b"\0" * 446 + entries.ljust(64, b"\0") + b"\x55\xaa"
