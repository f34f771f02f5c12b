"""Unpacks what is compressed in a storage image: gzip, zlib, xz, LZMA, bzip2 and Zstandard.

Streams are found by the octets that they begin with, wherever they lie: a kernel with its initial file system, an
archive, an update that was left over, and the blocks of a squashfs, each of which is a stream of its own. No format
of a file system is read, and no program is run. All that comes out is bounded, for an image may be a bomb.
"""

import bz2
import lzma
import mmap
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import zstandard

from drivers.storage.dump import Image

DEEPEST = 4
"""Streams within streams that are opened: update, kernel, initial file system, archive."""
MOST_OF_A_RUN = 1 << 29
"""Octets that one run of streams may unpack to: so much space a search takes on the bench at each depth."""
SHORTEST = 64
"""Octets of content; less is what random octets decode to."""
LEAST_OF_A_BROKEN = 4096
"""Octets that a stream without an end must have given before it is taken for one."""
_WORK_BASE, _WORK_SHARE = 1 << 32, 16
_MEMORY = 1 << 28
"""Octets that a decoder may take."""
_WINDOW = 1 << 27
"""The largest window of Zstandard that is opened; mksquashfs and the kernel stay below it."""
_PIECE = 512
"""Octets given to a decoder at a time, so that a bomb shows before it fills the memory."""
_BROKEN = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError)


class _Decoder(Protocol):
    """What zlib, bz2, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What was given and lies behind the end of the stream."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the content of the next octets."""


@dataclass(frozen=True)
class _Kind:
    """A kind of stream: its name, the octets that it begins with, and its decoder."""

    name: str
    start: bytes
    decoder: Callable[[], _Decoder]


_KINDS = (
    _Kind("gzip", rb"\x1f\x8b\x08[\x00-\x1f]", lambda: zlib.decompressobj(31)),  # RFC 1952, 2.3
    _Kind("zlib", rb"\x78[\x01\x5e\x9c\xda]", zlib.decompressobj),  # RFC 1950, 2.2: a window of 32 KiB
    _Kind("xz", rb"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY)),
    # The properties that everybody uses, a dictionary of 64 KiB to 128 MiB, and a size, or none
    _Kind(
        "LZMA",
        rb"\x5d\x00\x00(?:[\x01\x02\x04\x08\x10\x20\x40\x80]\x00|\x00[\x01-\x08])(?:\xff{8}|[\x00-\xff]{4}\x00{4})",
        lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _MEMORY),
    ),
    _Kind("bzip2", rb"BZh[1-9]1AY&SY", bz2.BZ2Decompressor),
    # RFC 8878, 3.1.1
    _Kind(
        "Zstandard", rb"\x28\xb5\x2f\xfd", lambda: zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    ),
)
_START = re.compile(b"|".join(b"(%s)" % kind.start for kind in _KINDS))
# The superblock's compression (offset 20) of squashfs, the start of a frame of LZ4, the nodes of UBIFS and of JFFS2
_CLOSED = {
    "a squashfs of LZO": re.compile(rb"hsqs(?=[\x00-\xff]{16}\x03\x00[\x00-\xff]{6}\x04\x00)"),
    "a squashfs of LZ4": re.compile(rb"hsqs(?=[\x00-\xff]{16}\x05\x00[\x00-\xff]{6}\x04\x00)"),
    "LZ4": re.compile(rb"\x04\x22\x4d\x18[\x40-\x7f]|\x02\x21\x4c\x18"),
    "UBIFS": re.compile(rb"\x31\x18\x10\x06(?=[\x00-\xff]{16}[\x00-\x0c][\x00-\x02]\x00\x00)"),
}


@dataclass
class Unpacking:
    """What was unpacked of one image, and the work that is left: octets that may be read and written."""

    work: int
    streams: int = 0
    octets: int = 0
    stopped: bool = False
    """Whether a bound was reached, so that something was not unpacked."""
    closed: set[str] = field(default_factory=set)
    """Compressions that were recognised and that nothing here opens."""

    @classmethod
    def of(cls, image: Image) -> "Unpacking":
        """Begin, with work in proportion to the image."""
        return cls(_WORK_BASE + _WORK_SHARE * image.searched)

    def spend(self, octets: int) -> None:
        """Count work that was done."""
        self.work -= octets
        self.stopped = self.stopped or self.work <= 0

    def __str__(self) -> str:
        """Say it, ready to print."""
        words = f"{self.streams} compressed streams of {self.octets} octets were unpacked"
        bound = ", until a bound of the harness was reached" if self.stopped else ""
        return words + bound + (f"; not opened: {', '.join(sorted(self.closed))}" if self.closed else "")


def unpack(image: Image, unpacking: Unpacking) -> Iterator[Image]:
    """Give the content of the streams of an image: those that follow each other without a gap as one.

    Each lies in a file next to the image, which is removed before the next one is given.
    """
    if not image.searched:
        return
    with image.path.open("rb") as file, mmap.mmap(file.fileno(), image.searched, access=mmap.ACCESS_READ) as octets:
        unpacking.closed |= {name for name, pattern in _CLOSED.items() if pattern.search(octets)}
        at = 0
        while not unpacking.stopped and (start := _START.search(octets, at)):
            with tempfile.NamedTemporaryFile(dir=image.path.parent, prefix="unpacked-") as content:
                end, streams = _run(octets, start, cast(BinaryIO, content), unpacking)
                content.flush()
                size = content.tell()
                if streams:
                    unpacking.streams += streams
                    unpacking.octets += size
                    yield Image(Path(content.name), size, size, _place(start.start(), image))
            at = max(end, start.start() + 1)


def _place(at: int, image: Image) -> str:
    return f"what is compressed at octet {at:#x}" + (f" of {image.within}" if image.within else "")


def _run(octets: mmap.mmap, start: re.Match[bytes], content: BinaryIO, unpacking: Unpacking) -> tuple[int, int]:
    """Unpack streams from here on as long as one begins where another ends; where they end, and their number."""
    at, number = start.start(), 0
    found: re.Match[bytes] | None = start
    while found:
        kind = _KINDS[(found.lastindex or 1) - 1]
        before = content.tell()
        end = _unpack_one(octets, at, kind, content, unpacking)
        if end is None:
            if content.tell() - before < LEAST_OF_A_BROKEN:
                content.truncate(before)
                content.seek(before)
                return at, number
            return at + 1, number + 1
        at, number = end, number + 1
        if unpacking.stopped or content.tell() >= MOST_OF_A_RUN:
            break
        found = _START.match(octets, at)
    return at, number if content.tell() >= SHORTEST else 0


def _unpack_one(octets: mmap.mmap, at: int, kind: _Kind, content: BinaryIO, unpacking: Unpacking) -> int | None:
    """Write the content of the stream that begins here; the place behind its end, or None where it has none."""
    decoder, place = kind.decoder(), at
    try:
        while not decoder.eof:
            piece = octets[place : place + _PIECE]
            if not piece or unpacking.stopped:
                return None
            if content.tell() > MOST_OF_A_RUN:
                unpacking.stopped = True
                return None
            place += len(piece)
            unpacking.spend(len(piece) + content.write(decoder.decompress(piece)))
    except _BROKEN:
        return None
    return place - len(decoder.unused_data)
