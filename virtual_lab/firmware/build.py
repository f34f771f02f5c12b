"""Builds the firmware device into a cache folder; `python -m virtual_lab.firmware.build [DEFECT ...]` prints it.

There are a base for all devices (packages, kernel, the maker's keys) and a variant for each set of planted defects.
Both are made beside their place and moved there in one step, under a lock: builds at the same time do not meet.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trustprobe.errors import BenchError, ConfigurationError
from virtual_lab.defects import require_defects
from virtual_lab.firmware import planted
from virtual_lab.firmware.image import disk, fit, keys, packages, rootfs, swu, verity
from virtual_lab.firmware.image.host import U_BOOT, require_tools, run

VERSION: Final = "1.0.0"
RELEASES: Final = {"older": "0.9.0", "newer": "1.1.0", "spare": "1.2.0"}
OTHER_HARDWARE: Final = "2.0"
_SOURCES = (
    "build.py",
    "image/disk.py",
    "image/elf.py",
    "image/fit.py",
    "image/keys.py",
    "image/packages.py",
    "planted.py",
    "image/rootfs.py",
    "image/swu.py",
    "image/verity.py",
)
_BASE_SOURCES = ("image/elf.py", "image/keys.py", "image/packages.py", "image/rootfs.py", "image/verity.py")
_KEPT_VARIANTS = 8
_UNUSED_SECONDS = 3600.0
_LOCK_SECONDS = 600.0
_LOCK_POLL = 0.2
_COMPLETE = "complete"
_FORMAT = 2
"""Counts what `_make_base` and the checksums were changed in."""
_CHUNK = 1 << 20
_found_whole: set[Path] = set()
"""Builds that this process has looked at."""
_LEVELS = ("-10", "-3")
_SYSTEM, _TABLE = "system.squashfs", "system.table"
_SQUASH = (
    *("-comp", "zstd", "-Xcompression-level", "15", "-all-root", "-no-xattrs"),
    *("-noappend", "-all-time", "0", "-mkfs-time", "0", "-quiet"),
)


@dataclass(frozen=True)
class Firmware:
    """The built device: what QEMU is given, and what its maker keeps."""

    folder: Path
    defects: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version that slot a holds; slot b holds an older one."""
        return VERSION

    @property
    def bios(self) -> Path:
        """U-Boot, for `-bios`."""
        return self.folder / "u-boot.bin"

    @property
    def dtb(self) -> Path:
        """The device tree with the key that images must be signed with, for `-dtb`."""
        return self.folder / "virt.dtb"

    @property
    def flash(self) -> Path:
        """The second flash bank, which holds U-Boot's environment; to be copied for each run."""
        return self.folder / "flash.img"

    @property
    def disk(self) -> Path:
        """A pristine disk, to be copied for each run."""
        return self.folder / "disk.img"

    @property
    def keys(self) -> Path:
        """The keys of the maker: boot, update_ca, update_signer and product_ca, each .key and .crt."""
        return self.folder / "keys"

    @property
    def images(self) -> Path:
        """The updates that the maker released: newer, older, current, spare, wrong_model (.swu)."""
        return self.folder / "images"


def cache_folder() -> Path:
    """Return where builds are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trustprobe" / "firmware"


def build(defects: Sequence[str] = ()) -> Firmware:
    """Return the device with these flaws, built if it is not in the cache.

    Raises BenchError where a tool or the mirror is missing, and ConfigurationError for an unknown defect.
    """
    require_defects(defects, planted.DEVICE)
    names = tuple(sorted(set(defects)))
    cache = cache_folder()
    firmware = Firmware(cache / _digest(_SOURCES, names), names)
    if firmware.folder not in _found_whole and not _is_complete(firmware.folder):
        require_tools()
        base = cache / f"base-{_digest(_BASE_SOURCES, ())}-{_FORMAT}"
        try:
            _made(base, lambda folder: _make_base(folder, cache / "apt"))
            _made(firmware.folder, lambda folder: _make_variant(folder, base, names))
        except OSError as error:
            raise BenchError(
                f"The firmware cannot be built in {cache}: {error}.", "Free or name another cache."
            ) from error
        _prune(cache, firmware.folder)
    _found_whole.add(firmware.folder)
    os.utime(firmware.folder)
    return firmware


def _digest(sources: Sequence[str], names: Sequence[str]) -> str:
    """Return a digest of what a build is made from: sources, the files of the device, and the flaws."""
    digest = hashlib.sha256("\n".join(names).encode())
    here = Path(__file__).parent
    for source in sources:
        digest.update((here / source).read_bytes())
    if names or sources is _SOURCES:
        for change in planted.changes(names):
            digest.update(change.model_dump_json().encode())
        for name, entry in sorted(rootfs.own().items()):
            digest.update(name.encode() + b"\0" + entry.content)
    return digest.hexdigest()[:16]


def _is_complete(folder: Path) -> bool:
    """Whether all of a build is there, as it was made; it notes the checksum of each file when it is done."""
    try:
        lines = (folder / _COMPLETE).read_text().splitlines()
        return all(_checksum(folder / name) == noted for noted, name in (line.split(" ", 1) for line in lines))
    except (OSError, ValueError):
        return False


def _checksum(path: Path) -> str:
    """Return size and CRC-32: it finds damage, not forgery, in a tenth of a second."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
        return f"{file.tell()}:{crc:08x}"


def _made(folder: Path, make: Callable[[Path], None]) -> None:
    """Have a folder made by `make`, once, however many ask for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if _is_complete(folder):
            return
        draft = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            make(draft)
            sums = [f"{_checksum(path)} {path.relative_to(draft)}" for path in draft.rglob("*") if path.is_file()]
            (draft / _COMPLETE).write_text("\n".join(sums))
            shutil.rmtree(folder, ignore_errors=True)  # damaged, or it would have been complete
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BenchError("Another build of the firmware does not end.", f"Remove {path}.") from None
                time.sleep(_LOCK_POLL)
        yield


def _make_base(folder: Path, apt: Path) -> None:
    """Packages, kernel, compressed programs and keys: what every variant shares."""
    tree = folder / "tree"
    packages.unpack(packages.fetch(apt), tree)
    kernel = folder / "kernel"
    kernel.write_bytes(rootfs.kernel(tree))
    run(["gzip", "-9", "-n", str(kernel)])
    programs = rootfs.system(tree)
    _compress(folder / "initial.cpio", rootfs.archive(rootfs.initial(tree, programs)), _LEVELS[0])
    shutil.rmtree(tree)
    rootfs.write_tree(tree, programs)
    run(["mksquashfs", str(tree), str(folder / _SYSTEM), *_SQUASH], seconds=300)
    shutil.rmtree(tree)
    protected = verity.protect((folder / _SYSTEM).read_bytes())
    (folder / _SYSTEM).write_bytes(protected.content)
    (folder / _TABLE).write_text(protected.table("/dev/systemblock") + "\n")
    keys.make(folder / "keys")


def _make_variant(folder: Path, base: Path, names: Sequence[str]) -> None:
    """The disk, flash and device tree of a device with these flaws, and the updates for it."""
    shutil.copyfile(U_BOOT, folder / "u-boot.bin")
    shutil.copytree(base / "keys", folder / "keys")
    tree, plain = folder / "virt.dtb", folder / "plain.dtb"
    fit.device_tree(tree)
    shutil.copyfile(tree, plain)
    own = planted.files(rootfs.own(), names)
    own["etc/update_ca.pem"] = rootfs.Entry(
        stat.S_IFREG | 0o644, (base / "keys" / f"{keys.UPDATE_CA}.crt").read_bytes()
    )
    own["etc/system.table"] = rootfs.Entry(stat.S_IFREG | 0o644, (base / _TABLE).read_bytes())
    images = folder / "images"
    images.mkdir()
    for name, version in {"current": VERSION, **RELEASES}.items():
        _write_fit(images / f"{name}.itb", version, base, own, tree)
    kernel = folder / "kernel.itb"
    fit.write_kernel(kernel, kernel=base / "kernel.gz", keys=base / "keys", tree=tree)
    disk.write_disk(
        folder / "disk.img", kernel, {"a": images / "current.itb", "b": images / "older.itb"}, base / _SYSTEM
    )
    kernel.unlink()
    disk.write_flash(folder / "flash.img", planted.boot_environment(disk.BOOT_ENVIRONMENT, names))
    if planted.unsigned_boot(names):
        plain.replace(tree)
    plain.unlink(missing_ok=True)
    _release(images, base / "keys", planted.other_hardware(names, OTHER_HARDWARE))


def _release(images: Path, signers: Path, other_hardware: str) -> None:
    """Turn the FITs into update images."""
    newer = (images / "newer.itb").read_bytes()
    other = swu.signed_image(RELEASES["newer"], newer, signers, other_hardware)
    (images / "wrong_model.swu").write_bytes(other)
    for name, version in {"current": VERSION, **RELEASES}.items():
        image = images / f"{name}.itb"
        (images / f"{name}.swu").write_bytes(swu.signed_image(version, image.read_bytes(), signers))
        image.unlink()


def _write_fit(path: Path, version: str, base: Path, own: dict[str, rootfs.Entry], tree: Path) -> None:
    entries = {**own, "etc/version": rootfs.Entry(stat.S_IFREG | 0o644, f"{version}\n".encode())}
    added = path.with_suffix(".cpio")
    _compress(added, rootfs.archive(entries), _LEVELS[1])
    initrd = path.with_suffix(".initrd")
    initrd.write_bytes((base / "initial.cpio.zst").read_bytes() + added.with_suffix(".cpio.zst").read_bytes())
    fit.write(path, version=version, initrd=initrd, keys=base / "keys", tree=tree)
    for part in (initrd, added.with_suffix(".cpio.zst")):
        part.unlink()


def _compress(path: Path, content: bytes, level: str) -> None:
    """Write `path`.zst; padded to four octets, as Linux wants to find the next archive."""
    compressed = run(["zstd", "-q", level, "-T2", "--no-check", "-c"], stdin=content)
    path.with_name(path.name + ".zst").write_bytes(compressed + b"\0" * (-len(compressed) % 4))


def _prune(cache: Path, current: Path) -> None:
    """Remove variants that nobody used for an hour, but for the newest few."""
    variants = [path.parent for path in cache.glob(f"*/{_COMPLETE}") if path.parent != current]
    variants.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for variant in variants[_KEPT_VARIANTS:]:
        if not variant.name.startswith("base-") and time.time() - variant.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(variant, ignore_errors=True)


def main(arguments: Sequence[str]) -> int:
    """Build, and print the folder; 2 where that cannot be done."""
    try:
        print(build(arguments).folder)
    except (BenchError, ConfigurationError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
