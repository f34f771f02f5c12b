"""The root file system: the programs of the device with the libraries they need, and the files below `rootfs/`.

What boots (init, modules, our files) is written as cpio archives, which Linux unpacks one after the other; the programs
of the packages are a system image (squashfs) that the init mounts at /system. The kernel checks each block (dm-verity).
"""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trustprobe.errors import BenchError
from virtual_lab.firmware.image import elf

OWN_FILES: Final = Path(__file__).parents[1] / "rootfs"
PROGRAMS: Final = (
    "bin/busybox",
    "bin/login",
    "usr/bin/fw_printenv",
    "usr/bin/fw_setenv",
    "usr/bin/lua5.3",
    "usr/bin/nice",
    "usr/bin/openssl",
    "usr/bin/swupdate",
    "usr/bin/swupdate-client",
    "usr/sbin/avahi-daemon",
    "usr/sbin/chronyd",
    "usr/sbin/dropbear",
    "usr/sbin/lighttpd",
    "usr/sbin/mosquitto",
    "usr/sbin/rsyslogd",
    "usr/sbin/snmpd",
    "usr/sbin/sshd",
)
_LOADER = "lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"
_PLUGINS = (
    _LOADER,
    "lib/aarch64-linux-gnu/libnss_files.so.2",
    "lib/aarch64-linux-gnu/libnss_dns.so.2",
    "lib/aarch64-linux-gnu/libgcc_s.so.1",
    "lib/aarch64-linux-gnu/security/pam_deny.so",
    "lib/aarch64-linux-gnu/security/pam_faillock.so",
    "lib/aarch64-linux-gnu/security/pam_unix.so",
    "usr/lib/aarch64-linux-gnu/lua/5.3/posix.so",
    "usr/lib/aarch64-linux-gnu/lua/5.3/socket/core.so",
    "usr/lib/aarch64-linux-gnu/lua/5.3/ssl.so",
    "usr/lib/lighttpd/mod_openssl.so",
    "usr/lib/aarch64-linux-gnu/rsyslog/*.so",
)
_DATA = (
    "usr/share/lua/5.3/posix/*.lua",
    "usr/share/lua/5.3/socket.lua",
    "usr/share/lua/5.3/ssl.lua",
    "etc/ssl/openssl.cnf",
)
SYSTEM: Final = "system"
_MODULES: Final = MappingProxyType(
    {
        "system": ("sha256-arm64", "sha2-ce", "dax", "dm-mod", "dm-bufio", "reed_solomon", "dm-verity", "squashfs"),
        "board": (
            *("virtio_ring", "virtio", "virtio_mmio", "virtio_blk", "failover", "net_failover", "virtio_net"),
            "virtio-rng",
        ),
    }
)
"""What the system image needs, and the board; each in the order that Linux loads them in, one beside the other."""
_LIBRARIES = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")
_MERGED = ("bin", "sbin", "lib")
_UNNEEDED = frozenset({"ommail.so", "imjournal.so", "omjournal.so"})
_ICU_DATA, _ICU_MAGIC, _ICU_TAIL = "libicudata.so", b"\xda\x27", 65536
_FOLDERS = ("data", "dev", "proc", "root", "run", "sys", "system", "tmp", "usr/bin", "usr/lib", "usr/sbin", "var/empty")
_INITIAL = "usr/bin/busybox"
_SETUP, _SETUP_LIBRARIES = "sbin/dmsetup", "usr/lib/initial"
"""What maps the system image, and where its libraries lie until that is mounted."""
_LINKED_FILES = ("usr/bin", "usr/sbin")
_LINKED_FOLDERS = ("usr/lib/aarch64-linux-gnu", "usr/lib/lighttpd", "usr/share/lua")
_EXECUTABLE_FOLDERS = ("usr/bin", "usr/sbin", "usr/lib/hub")


@dataclass(frozen=True)
class Entry:
    """A file of the device: its mode (with its kind), and its content or, for a link, where it points."""

    mode: int
    content: bytes = b""


def system(tree: Path) -> dict[str, Entry]:
    """Return the files that the device takes from the unpacked Debian packages, by path without a leading slash."""
    wanted = [tree / name for name in PROGRAMS]
    for pattern in _PLUGINS:
        wanted += [path for path in _found(tree, pattern) if path.name not in _UNNEEDED]
    names = {path.name: path for folder in reversed(_LIBRARIES) for path in (tree / folder).glob("*.so*")}
    try:
        wanted += elf.closure(wanted, names)
    except (KeyError, FileNotFoundError) as error:
        raise BenchError(f"The packages of the device lack {error}.", "Clear the cache and build again.") from error
    entries = {}
    for path in wanted:
        content = path.read_bytes()
        if path.name.startswith(_ICU_DATA):
            content = _without_icu_data(content)
        entries[_merged(path.relative_to(tree))] = Entry(stat.S_IFREG | 0o755, content)
    for pattern in _DATA:
        for path in _found(tree, pattern):
            entries[_merged(path.relative_to(tree))] = Entry(stat.S_IFREG | 0o644, path.read_bytes())
    return entries


def initial(tree: Path, mounted: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return what Linux starts with: folders, busybox, modules, and links to the programs of the system image."""
    entries = {folder: Entry(stat.S_IFDIR | 0o755) for folder in _FOLDERS}
    entries |= {name: Entry(stat.S_IFLNK | 0o777, f"usr/{name}".encode()) for name in _MERGED}
    programs = [name for name in mounted if str(Path(name).parent) in _LINKED_FILES and name != _INITIAL]
    for name in (*programs, *_LINKED_FOLDERS):
        entries[name] = Entry(stat.S_IFLNK | 0o777, f"/{SYSTEM}/{name}".encode())
    entries[_INITIAL] = mounted[_INITIAL]
    entries |= _setup(tree)
    entries["etc/ssl/openssl.cnf"] = mounted["etc/ssl/openssl.cnf"]
    entries["usr/lib/ld-linux-aarch64.so.1"] = Entry(stat.S_IFLNK | 0o777, b"aarch64-linux-gnu/ld-linux-aarch64.so.1")
    entries["init"] = Entry(stat.S_IFLNK | 0o777, b"/usr/lib/hub/first")
    return entries | _modules(tree)


def write_tree(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Write regular files below a folder, for mksquashfs."""
    for name, entry in entries.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.content)
        path.chmod(stat.S_IMODE(entry.mode))


def own(folder: Path = OWN_FILES) -> dict[str, Entry]:
    """Return the files that this project puts into the device."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            runs = str(Path(name).parent) in _EXECUTABLE_FOLDERS and path.read_bytes().startswith(b"#!")
            entries[name] = Entry(stat.S_IFREG | (0o755 if runs else 0o644), path.read_bytes())
    return entries


def kernel(tree: Path) -> bytes:
    """Return the Linux image of the unpacked packages."""
    images = _found(tree, "boot/vmlinuz-*")
    return images[-1].read_bytes()


def archive(entries: Mapping[str, Entry]) -> bytes:
    """Write entries, and the folders above them, as a cpio archive that is the same each time."""
    parents = {str(parent) for name in entries for parent in Path(name).parents if str(parent) != "."}
    missing = {parent: Entry(stat.S_IFDIR | 0o755) for parent in parents if parent not in entries}
    every = {**missing, **entries}
    written = bytearray()
    for number, name in enumerate(sorted(every), 1):
        written += _record(number, name, every[name])
    written += _record(0, "TRAILER!!!", Entry(0))
    return bytes(written + b"\0" * (-len(written) % 512))


def _record(number: int, name: str, entry: Entry) -> bytes:
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    encoded = name.encode() + b"\0"
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    head += b"\0" * (-len(head) % 4)
    return head + entry.content + b"\0" * (-len(entry.content) % 4)


def _setup(tree: Path) -> dict[str, Entry]:
    """Return dmsetup with the loader and the libraries that it needs, in a folder of their own."""
    names = {path.name: path for folder in reversed(_LIBRARIES) for path in (tree / folder).glob("*.so*")}
    files = [tree / _SETUP, tree / _LOADER, *elf.closure([tree / _SETUP], names)]
    return {f"{_SETUP_LIBRARIES}/{path.name}": Entry(stat.S_IFREG | 0o755, path.read_bytes()) for path in files}


def _modules(tree: Path) -> dict[str, Entry]:
    entries = {}
    for folder, modules in _MODULES.items():
        for number, module in enumerate(modules):
            content = _found(tree, f"lib/modules/*/kernel/**/{module}.ko")[0].read_bytes()
            entries[f"usr/lib/modules/{folder}/{number:02d}-{module}.ko"] = Entry(stat.S_IFREG | 0o644, content)
    return entries


def _without_icu_data(library: bytes) -> bytes:
    """Blank the 30 MB of character tables that nothing in the device asks for, as ICU's own stubdata does."""
    start = library.index(_ICU_MAGIC) - 2
    octets = int.from_bytes(library[start : start + 2], "little")
    at = start + octets
    blank = len(library) - at - _ICU_TAIL
    return library[:at] + b"\0" * blank + library[at + blank :]


def _merged(path: Path) -> str:
    """Return where a file lies in a system whose /bin, /sbin and /lib are those of /usr."""
    return f"usr/{path.as_posix()}" if path.parts[0] in _MERGED else path.as_posix()


def _found(tree: Path, pattern: str) -> list[Path]:
    paths: Iterable[Path] = tree.glob(pattern)
    found = sorted(paths)
    if not found:
        raise BenchError(f"The packages of the device hold no {pattern}.", "Clear the cache and build again.")
    return found
