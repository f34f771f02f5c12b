"""Opens one compressed block of a file system, whose size is known: LZO, LZ4, deflate, Zstandard and rtime.

Nothing here gives more than the size that was asked for, and what it costs to find out that a block is broken is told.
"""

import zlib
from collections.abc import Callable

import lz4.block
import zstandard
from lzallright import LZOCompressor, LZOError

MOST_OF_LZO = 1 << 27
"""Octets that a block of LZO may become: the library cannot be stopped before the end of the block."""
_ZEROS, _OTHERS = 255, 64
"""Octets that one octet of LZO can become: a zero makes a length longer by 255, the others hold a short match each."""
_WINDOW = 1 << 23
_SLOW = 64
"""So much longer takes an octet that is copied here than one of a library."""


class BlockError(Exception):
    """A block that is broken; `work` is what it cost to find out, in octets.

    `closed` says what it is, if it may be whole and is not opened here.
    """

    def __init__(self, work: int, closed: str = "") -> None:
        """Keep the work."""
        super().__init__(f"a block that was not opened, after {work} octets")
        self.work, self.closed = work, closed


Codec = Callable[[bytes, int], tuple[bytes, int]]
"""Gives the content of a block, at most so many octets, and the work that it took; raises BlockError."""


def stored(data: bytes, most: int) -> tuple[bytes, int]:
    """Give what is not compressed."""
    return data[:most], len(data)


def lzo(data: bytes, most: int) -> tuple[bytes, int]:
    """Open LZO1X, as Linux and lzop write it: with the mark of its end."""
    zeros = data.count(0)
    worst = _ZEROS * zeros + _OTHERS * len(data)
    if worst > MOST_OF_LZO:
        raise BlockError(len(data), "large blocks of LZO")
    try:
        content = LZOCompressor.decompress(data, most)
    except LZOError as error:
        raise BlockError(worst) from error
    return _within(content, most, len(data))


def lz4_block(data: bytes, most: int) -> tuple[bytes, int]:
    """Open a block of LZ4 (lz4_Block_format.md)."""
    try:
        content = lz4.block.decompress(data, uncompressed_size=most)
    except (lz4.block.LZ4BlockError, ValueError, MemoryError) as error:
        raise BlockError(len(data) + most) from error
    return _within(content, most, len(data))


def deflate(data: bytes, most: int) -> tuple[bytes, int]:
    """Open deflate (RFC 1951), with the header of zlib (RFC 1950) or without it."""
    header = len(data) > 1 and data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
    try:
        content = zlib.decompressobj(zlib.MAX_WBITS if header else -zlib.MAX_WBITS).decompress(data, most + 1)
    except zlib.error as error:
        raise BlockError(len(data) + most) from error
    return _within(content, most, len(data))


def zstd(data: bytes, most: int) -> tuple[bytes, int]:
    """Open a frame of Zstandard (RFC 8878), whatever size it states."""
    try:
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(data) as reader:
            content = reader.read(most + 1)
    except zstandard.ZstdError as error:
        raise BlockError(len(data) + most) from error
    return _within(content, most, len(data))


def rtime(data: bytes, most: int) -> tuple[bytes, int]:
    """Open rtime of JFFS2: an octet, and how many follow that followed the same octet when it came last."""
    content, after = bytearray(), [0] * 256
    for at in range(0, len(data) - 1, 2):
        if len(content) >= most:
            break
        octet, repeat = data[at], data[at + 1]
        content.append(octet)
        start, after[octet] = after[octet], len(content)
        if repeat:
            again = content[start : start + repeat]
            content += (again * (repeat // len(again) + 1))[:repeat] if again else b""
    return _within(bytes(content), most, _SLOW * len(data))


def _within(content: bytes, most: int, work: int) -> tuple[bytes, int]:
    work += len(content)
    if len(content) > most:
        raise BlockError(work)
    return content, work
