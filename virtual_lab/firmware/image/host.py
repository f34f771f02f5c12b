"""What the build of the firmware needs of this machine: programs, where they come from, and how they are run.

Every program runs with a deadline; what it says when it fails becomes a BenchError. As a program
this module prints the packages that are missing here, for apt-get.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trustprobe.errors import BenchError
from trustprobe.probe import printable

TOOLS: Final = MappingProxyType(
    {
        "qemu-system-aarch64": "qemu-system-arm",
        "mkimage": "u-boot-tools",
        "dtc": "device-tree-compiler",
        "fdtput": "device-tree-compiler",
        "apt-get": "apt",
        "dpkg-deb": "dpkg",
        "zstd": "zstd",
        "mke2fs": "e2fsprogs",
        "mksquashfs": "squashfs-tools",
        "openssl": "openssl",
    }
)
"""Each program that the build runs, and the Debian package that holds it."""
U_BOOT: Final = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FILES: Final = MappingProxyType({U_BOOT: "u-boot-qemu", KEYRING: "debian-archive-keyring"})
_SBIN = "/usr/sbin:/sbin"
_TAIL = 400


def require_tools() -> None:
    """Raise BenchError with the one apt-get line where a program or file of the build is missing."""
    if missing := missing_packages():
        names = " ".join(sorted(missing))
        raise BenchError(f"The virtual firmware device cannot be built here: {names} missing.", install_line(missing))


def missing_packages() -> set[str]:
    """Return the Debian packages whose programs or files are not here."""
    missing = {package for tool, package in TOOLS.items() if find(tool) is None}
    return missing | {package for path, package in FILES.items() if not path.is_file()}


def install_line(packages: set[str]) -> str:
    """Say how Debian packages are installed."""
    return f"Run: sudo apt-get install --no-install-recommends {' '.join(sorted(packages))}"


def find(tool: str) -> str | None:
    """Where a program lies; sbin is looked at too, which an ordinary user's PATH leaves out."""
    return shutil.which(tool) or shutil.which(tool, path=_SBIN)


def run(words: Sequence[str], *, seconds: float = 120, folder: Path | None = None, stdin: bytes = b"") -> bytes:
    """Run a program and return its output; BenchError where it fails or takes longer than `seconds`."""
    program = find(words[0])
    if program is None:
        package = TOOLS.get(words[0], words[0])
        raise BenchError(f"{words[0]} is not installed.", install_line({package}))
    try:
        done = subprocess.run(
            [program, *words[1:]], cwd=folder, input=stdin, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{words[0]} took longer than {seconds:.0f} s.", "Try again on an idle machine.") from error
    if done.returncode:
        said = printable((done.stderr or done.stdout)[-_TAIL:])
        raise BenchError(f"{words[0]} failed while the firmware was built: {said}", "See docs/virtual_lab.md.")
    return done.stdout


if __name__ == "__main__":
    print(*sorted(missing_packages()))
