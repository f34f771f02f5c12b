"""What U-Boot boots: a signed FIT of kernel and initrd, and the device tree that holds the key it is signed with."""

from pathlib import Path
from typing import Final

from virtual_lab.firmware.host import U_BOOT, run
from virtual_lab.firmware.keys import BOOT

MACHINE: Final = ("-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512M")
"""The board; the device tree describes exactly this one."""
CONFIGURATION: Final = "conf-1"
_LOAD = "0x41000000"
_SOURCE = """\
/dts-v1/;
/ {{
    description = "Halcyon Hub {version}";
    #address-cells = <1>;
    images {{
        kernel {{
            description = "Linux"; data = /incbin/("{kernel}"); type = "kernel"; arch = "arm64"; os = "linux";
            compression = "gzip"; load = <{load}>; entry = <{load}>; hash-1 {{ algo = "sha256"; }};
        }};
        ramdisk {{
            description = "root"; data = /incbin/("{initrd}"); type = "ramdisk"; arch = "arm64"; os = "linux";
            compression = "none"; hash-1 {{ algo = "sha256"; }};
        }};
    }};
    configurations {{
        default = "{configuration}";
        {configuration} {{
            kernel = "kernel"; ramdisk = "ramdisk";
            signature-1 {{ algo = "sha256,rsa2048"; key-name-hint = "{key}"; sign-images = "kernel", "ramdisk"; }};
        }};
    }};
}};
"""


def device_tree(path: Path) -> None:
    """Write the device tree of the board, as QEMU makes it for U-Boot, and without any seed of randomness."""
    dump = [*MACHINE, "-machine", f"dumpdtb={path}", "-bios", str(U_BOOT), "-nographic", "-nodefaults"]
    run(["qemu-system-aarch64", *dump])
    for seed in ("rng-seed", "kaslr-seed"):
        # They would be the same at each start; the board has a random number generator of its own.
        run(["fdtput", "-d", str(path), "/chosen", seed])


def write(path: Path, *, version: str, kernel: Path, initrd: Path, keys: Path, tree: Path) -> None:
    """Write a signed FIT, and put its public key as a required one into the device tree `tree`."""
    source = path.with_suffix(".its")
    source.write_text(
        _SOURCE.format(version=version, kernel=kernel, initrd=initrd, load=_LOAD, configuration=CONFIGURATION, key=BOOT)
    )
    run(["mkimage", "-f", str(source), "-k", str(keys), "-K", str(tree), "-r", str(path)])
    source.unlink()
