"""What U-Boot boots: signed FITs of the kernel and of an initrd, and the device tree that holds the key they need.

The kernel is the same in both slots, and no part of an update: a release changes what lies in the initrd.
"""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from virtual_lab.firmware.image.host import U_BOOT, run
from virtual_lab.firmware.image.keys import BOOT

MACHINE: Final = ("-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512M")
"""The board; the device tree describes exactly this one."""
CONFIGURATION: Final = "conf-1"
KERNEL_RUNS_AT: Final = 0x4100_0000
_RUNS_AT = f"{KERNEL_RUNS_AT:#x}"
_SOURCE = """\
/dts-v1/;
/ {{
    description = "Halcyon Hub: {title}";
    #address-cells = <1>;
    images {{
        {part} {{
            data = /incbin/("{file}"); arch = "arm64"; os = "linux"; {properties}
            hash-1 {{ algo = "sha256"; }};
        }};
    }};
    configurations {{
        default = "{configuration}";
        {configuration} {{
            {part} = "{part}";
            signature-1 {{ algo = "sha256,rsa2048"; key-name-hint = "{key}"; sign-images = "{part}"; }};
        }};
    }};
}};
"""
_PROPERTIES: Final = MappingProxyType(
    {
        "kernel": f'type = "kernel"; compression = "gzip"; load = <{_RUNS_AT}>; entry = <{_RUNS_AT}>;',
        "ramdisk": 'type = "ramdisk"; compression = "none";',
    }
)


def device_tree(path: Path) -> None:
    """Write the device tree of the board, as QEMU makes it for U-Boot, and without any seed of randomness."""
    dump = [*MACHINE, "-machine", f"dumpdtb={path}", "-bios", str(U_BOOT), "-nographic", "-nodefaults"]
    run(["qemu-system-aarch64", *dump])
    for seed in ("rng-seed", "kaslr-seed"):
        # They would be the same at each start; the board has a random number generator of its own.
        run(["fdtput", "-d", str(path), "/chosen", seed])


def write_kernel(path: Path, *, kernel: Path, keys: Path, tree: Path) -> None:
    """Write the signed FIT of a kernel that gzip has compressed; see `write` for `tree`."""
    _write(path, "kernel", kernel, "the kernel", keys, tree)


def write(path: Path, *, version: str, initrd: Path, keys: Path, tree: Path) -> None:
    """Write the signed FIT of an initrd, and put its public key as a required one into the device tree `tree`."""
    _write(path, "ramdisk", initrd, version, keys, tree)


def _write(path: Path, part: str, file: Path, title: str, keys: Path, tree: Path) -> None:
    source = path.with_suffix(".its")
    words = {"title": title, "part": part, "file": file, "properties": _PROPERTIES[part]}
    source.write_text(_SOURCE.format(**words, configuration=CONFIGURATION, key=BOOT))
    run(["mkimage", "-f", str(source), "-k", str(keys), "-K", str(tree), "-r", str(path)])
    source.unlink()
