"""Walks through streams that are a series of blocks, each with its size before it: the old format of LZ4, and lzop."""

import mmap
import struct
from collections.abc import Callable, Iterator

from drivers.storage.blocks import BlockError, lz4_block, lzo, stored

Walk = Callable[[mmap.mmap, int], Iterator[tuple[int, bytes, int]]]
"""Gives, piece by piece, the place after it, its content and the work that it took, in octets."""

_LEGACY = 1 << 23
"""Octets of each block of the old format of LZ4 but the last: 8 MiB."""
_LARGEST_LEGACY = _LEGACY + _LEGACY // 255 + 16
"""LZ4_COMPRESSBOUND of it."""
MOST_OF_LZOP = 1 << 20
"""Octets of a block; lzop and the kernel write 256 KiB."""
_MOST_BLOCKS = 1 << 16


def legacy_lz4(octets: mmap.mmap, at: int) -> Iterator[tuple[int, bytes, int]]:
    """Walk through what `lz4 -l` wrote, as a kernel has it (lz4_Frame_format.md, "Legacy frame").

    It has no mark of its end: it ends with a block that is not full, or where no other block follows.
    """
    at += 4
    for number in range(_MOST_BLOCKS):
        size = _number(octets, at, "little")
        data = octets[at + 4 : at + 4 + size] if 0 < size <= _LARGEST_LEGACY else b""
        if not data or len(data) < size:
            break
        try:
            content, work = lz4_block(data, _LEGACY)
        except BlockError:
            if not number:
                raise
            break
        at += 4 + size
        yield at, content, work
        if len(content) < _LEGACY:
            return
    else:
        return
    if not number:
        raise BlockError(0)


_HEAD = struct.Struct(">3H2BI")
_ADLER_OF_CONTENT, _ADLER_OF_DATA, _EXTRA, _CRC_OF_CONTENT, _CRC_OF_DATA, _FILTER = 1, 2, 0x40, 0x100, 0x200, 0x800
_LZO1X = (1, 2, 3)
_LEVELS_SINCE = 0x0940


def lzop(octets: mmap.mmap, at: int) -> Iterator[tuple[int, bytes, int]]:
    """Walk through what lzop wrote, or a kernel of LZO; sums are not compared, for a broken block is content too."""
    at, flags = _after_head(octets, at + 9)
    while size := _number(octets, at, "big"):
        length, at = _number(octets, at + 4, "big"), at + 8
        if not 0 < length <= size:
            raise BlockError(0)
        if size > MOST_OF_LZOP:
            raise BlockError(0, "lzop with blocks of more than 1 MiB")
        at += 4 * (bool(flags & _ADLER_OF_CONTENT) + bool(flags & _CRC_OF_CONTENT))
        if length < size:
            at += 4 * (bool(flags & _ADLER_OF_DATA) + bool(flags & _CRC_OF_DATA))
        data = octets[at : at + length]
        if len(data) < length:
            raise EOFError
        content, work = (lzo if length < size else stored)(data, size)
        at += length
        yield at, content, work
    yield at + 4, b"", 0


def _after_head(octets: mmap.mmap, at: int) -> tuple[int, int]:
    """Return where the blocks begin, and the flags, which say which sums stand before each."""
    head = octets[at : at + _HEAD.size]
    if len(head) < _HEAD.size:
        raise EOFError
    version, _, _, method, _, flags = _HEAD.unpack(head)
    if version < _LEVELS_SINCE or method not in _LZO1X or flags & _FILTER:
        raise BlockError(0)
    at += _HEAD.size + 12  # mode and time
    name = octets[at : at + 1]
    at += 1 + (name[0] if name else 0) + 4
    if flags & _EXTRA:
        at += 4 + _number(octets, at, "big") + 4
    return at, flags


def _number(octets: mmap.mmap, at: int, order: str) -> int:
    return int.from_bytes(octets[at : at + 4], "big" if order == "big" else "little")
