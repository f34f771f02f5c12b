"""Which shared libraries an arm64 program asks for: the DT_NEEDED entries of an ELF file, and their closure."""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"
_HEADER_OCTETS = 64
_PROGRAM_OFFSET, _PROGRAM_SIZE = 0x20, 0x36
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


def needed(path: Path) -> list[str]:
    """Return the names of the libraries that a 64-bit little-endian ELF file needs; empty for any other file."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC) or len(data) < _HEADER_OCTETS:
        return []
    (programs,) = struct.unpack_from("<Q", data, _PROGRAM_OFFSET)
    size, count = struct.unpack_from("<HH", data, _PROGRAM_SIZE)
    segments = [struct.unpack_from("<IIQQQQ", data, programs + index * size) for index in range(count)]
    loads = [(address, offset, octets) for kind, _, offset, address, _, octets in segments if kind == _PT_LOAD]
    entries = [
        struct.unpack_from("<QQ", data, offset + at)
        for kind, _, offset, _, _, octets in segments
        if kind == _PT_DYNAMIC
        for at in range(0, octets, 16)
    ]
    tables = [_offset(loads, value) for tag, value in entries if tag == _DT_STRTAB]
    names = [value for tag, value in entries if tag == _DT_NEEDED]
    return [_string(data, tables[0] + name) for name in names] if tables else []


def closure(files: Iterable[Path], libraries: Mapping[str, Path]) -> set[Path]:
    """Return the libraries that `files` need, and those need; `libraries` is by name.

    Raises KeyError with the name of one that is not there.
    """
    waiting, found = list(files), set[Path]()
    while waiting:
        for name in needed(waiting.pop()):
            library = libraries[name]
            if library not in found:
                found.add(library)
                waiting.append(library)
    return found


def _offset(loads: Iterable[tuple[int, int, int]], address: int) -> int:
    for start, offset, octets in loads:
        if start <= address < start + octets:
            return offset + address - start
    return address


def _string(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii")
