"""Unpacks what is compressed in a storage image: streams, and the files of UBIFS, JFFS2 and squashfs.

Streams of gzip, zlib, xz, LZMA, bzip2, Zstandard, LZ4 and lzop are found by the octets that they begin with, wherever
they lie: a kernel with its initial file system, an archive, an update that was left over, and the blocks of a squashfs,
each of which is a stream of its own. Of a file system whose blocks do not show where they begin, the files are put
together. No program is run. All that comes out is bounded, for an image may be a bomb.
"""

import bz2
import lzma
import mmap
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import lz4.frame
import zstandard

from drivers.storage import flash, squashfs, ubi
from drivers.storage.blocks import BlockError
from drivers.storage.bounds import Unpacking
from drivers.storage.dump import Image
from drivers.storage.framed import Walk, legacy_lz4, lzop

DEEPEST = 4
"""Streams within streams that are opened: update, kernel, initial file system, archive."""
MOST_OF_A_RUN = 1 << 29
"""Octets that one run of streams may unpack to: so much space a search takes on the bench at each depth."""
SHORTEST = 64
"""Octets of content; less is what random octets decode to."""
LEAST_OF_A_BROKEN = 4096
"""Octets that a stream of zlib without an end must have given before it is taken for one: two octets begin it."""
_MEMORY = 1 << 28
"""Octets that a decoder may take."""
_WINDOW = 1 << 27
"""The largest window of Zstandard that is opened; mksquashfs and the kernel stay below it."""
_PIECE = 512
"""Octets given to a decoder at a time, so that a bomb shows before it fills the memory."""
_WORK_OF_A_START = 4096
"""Octets that a library unpacks in the time that it takes to find out that no stream begins here."""
_BROKEN = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, RuntimeError, BlockError)
"""What the decoders raise; RuntimeError is the one of lz4.frame."""


class _Decoder(Protocol):
    """What zlib, bz2, lzma, lz4 and zstandard have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes | None:
        """What was given and follows the end of the stream."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the content of the next octets."""


@dataclass(frozen=True)
class _Kind:
    """A kind of stream: its name, the octets that it begins with, and the walk through it."""

    name: str
    start: bytes
    walk: Walk


def _stream(decoder: Callable[[], _Decoder]) -> Walk:
    def walk(octets: mmap.mmap, at: int) -> Iterator[tuple[int, bytes, int]]:
        one, start = decoder(), at
        while not one.eof:
            piece = octets[at : at + _PIECE]
            if not piece:
                raise EOFError
            try:
                content = one.decompress(piece)
            except _BROKEN:
                yield from _to_the_break(decoder(), octets, start, at)
                raise
            at += len(piece)
            yield at - len(one.unused_data or b""), content, len(piece) + len(content)

    return walk


def _to_the_break(one: _Decoder, octets: mmap.mmap, start: int, at: int) -> Iterator[tuple[int, bytes, int]]:
    """Give what the piece at `at` holds before it breaks: a decoder that raises gives nothing of what it was given."""
    for place in range(start, at, _PIECE):
        yield at, b"", _PIECE + len(one.decompress(octets[place : min(place + _PIECE, at)]))
    for place in range(at, at + _PIECE):
        content = one.decompress(octets[place : place + 1])
        yield place + 1, content, 1 + len(content)


# lz4_Frame_format.md: the flags of version 1, and blocks of 64 KiB to 4 MiB
_FRAME_OF_LZ4 = rb"\x04\x22\x4d\x18[%s][\x40\x50\x60\x70]"
_ZSTANDARD = "Zstandard"
_HEAD_OF_ZSTANDARD = 18
"""Octets of the longest head of a frame."""
_LZ4 = _stream(lz4.frame.LZ4FrameDecompressor)
_KINDS = (
    _Kind("gzip", rb"\x1f\x8b\x08[\x00-\x1f]", _stream(lambda: zlib.decompressobj(31))),  # RFC 1952, 2.3
    _Kind("zlib", rb"\x78[\x01\x5e\x9c\xda]", _stream(zlib.decompressobj)),  # RFC 1950, 2.2: a window of 32 KiB
    _Kind("xz", rb"\xfd7zXZ\x00", _stream(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY))),
    # The properties that everybody uses, a dictionary of 64 KiB to 128 MiB, and a size, or none
    _Kind(
        "LZMA",
        rb"\x5d\x00\x00(?:[\x01\x02\x04\x08\x10\x20\x40\x80]\x00|\x00[\x01-\x08])(?:\xff{8}|[\x00-\xff]{4}\x00{4})",
        _stream(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _MEMORY)),
    ),
    _Kind("bzip2", rb"BZh[1-9]1AY&SY", _stream(bz2.BZ2Decompressor)),
    # RFC 8878, 3.1.1
    _Kind(
        _ZSTANDARD,
        rb"\x28\xb5\x2f\xfd",
        _stream(lambda: zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()),
    ),
    _Kind("LZ4", _FRAME_OF_LZ4 % rb"\x40\x44\x48\x4c\x50\x54\x58\x5c\x60\x64\x68\x6c\x70\x74\x78\x7c", _LZ4),
    _Kind("legacy LZ4", rb"\x02\x21\x4c\x18(?!\x00{4})[\x00-\xff]{3}\x00", legacy_lz4),
    _Kind("lzop", rb"\x89LZO\x00\r\n\x1a\n", lzop),
)
_START = re.compile(b"|".join(b"(%s)" % kind.start for kind in _KINDS))
_ANY_START = re.compile(b"|".join(kind.start for kind in _KINDS))
"""The same without groups: `re` then skips octets that nothing begins with, and searches thirty times as fast."""
_DICTIONARY = rb"\x41\x45\x49\x4d\x51\x55\x59\x5d\x61\x65\x69\x6d\x71\x75\x79\x7d"
_CLOSED = {"LZ4 with a dictionary": re.compile(_FRAME_OF_LZ4 % _DICTIONARY)}


def unpack(image: Image, unpacking: Unpacking) -> Iterator[Image]:
    """Give the files of the file systems in an image, and the content of its streams.

    Streams that follow each other without a gap are one. Each lies in a file next to the image, which is removed before
    the next one is given.
    """
    if not image.searched:
        return
    with image.path.open("rb") as file, mmap.mmap(file.fileno(), image.searched, access=mmap.ACCESS_READ) as octets:
        unpacking.closed |= {name for name, pattern in _CLOSED.items() if pattern.search(octets)}
        yield from flash.files(image, octets, unpacking)
        yield from squashfs.files(image, octets, unpacking)
        yield from ubi.volumes(image, octets, unpacking)
        at = 0
        while not unpacking.stopped:
            with tempfile.NamedTemporaryFile(dir=image.path.parent, prefix="unpacked-") as content:
                found = _next_run(octets, at, cast(BinaryIO, content), unpacking)
                if found is None:
                    return
                start, at = found
                content.flush()
                size = content.tell()
                unpacking.octets += size
                yield Image(Path(content.name), size, size, _place(start, image))


def _next_run(octets: mmap.mmap, at: int, content: BinaryIO, unpacking: Unpacking) -> tuple[int, int] | None:
    """Unpack the next streams from here on; where they begin, and where to go on. None where there are none."""
    while not unpacking.stopped and (any_start := _ANY_START.search(octets, at)):
        start = any_start.start()
        unpacking.spend(_WORK_OF_A_START)
        end, streams = _run(octets, start, content, unpacking)
        at = max(end, start + 1)
        if streams:
            unpacking.streams += streams
            return start, at
        content.seek(0)
        content.truncate()
    return None


def _place(at: int, image: Image) -> str:
    offset, within = image.at(at)
    return f"what is compressed at octet {offset:#x}" + (f" of {within}" if within else "")


def _run(octets: mmap.mmap, at: int, content: BinaryIO, unpacking: Unpacking) -> tuple[int, int]:
    """Unpack streams from here on as long as one begins where another ends; where they end, and their number."""
    number = 0
    while found := _START.match(octets, at):
        kind = _KINDS[(found.lastindex or 1) - 1]
        before = content.tell()
        end = _unpack_one(octets, at, kind, content, unpacking)
        if end is None:
            if content.tell() - before < (LEAST_OF_A_BROKEN if kind.name == "zlib" else SHORTEST):
                content.truncate(before)
                content.seek(before)
                return at, number
            if not unpacking.stopped:
                unpacking.closed.add("the end of streams that break off")
            return at + 1, number + 1
        at, number = end, number + 1
        if unpacking.stopped or content.tell() >= MOST_OF_A_RUN:
            break
    return at, number if content.tell() >= SHORTEST else 0


def _unpack_one(octets: mmap.mmap, at: int, kind: _Kind, content: BinaryIO, unpacking: Unpacking) -> int | None:
    """Write the content of the stream that begins here; return the place after its end, or None if it has none."""
    end = at
    try:
        for place, piece, work in kind.walk(octets, at):
            end = place
            content.write(piece)
            unpacking.spend(work)
            if content.tell() > MOST_OF_A_RUN:
                unpacking.stopped = True
            if unpacking.stopped:
                return None
    except BlockError as error:
        unpacking.broken(error)
        return None
    except _BROKEN:
        if kind.name == _ZSTANDARD:
            unpacking.closed |= _closed_zstandard(octets[at : at + _HEAD_OF_ZSTANDARD])
        return None
    return end


def _closed_zstandard(head: bytes) -> set[str]:
    """Say why a frame with this head was not opened, if the head says so."""
    try:
        frame = zstandard.get_frame_parameters(head)
    except zstandard.ZstdError:
        return set()
    closed = {"Zstandard with a dictionary"} if frame.dict_id else set()
    return closed | ({"Zstandard with a window of more than 128 MiB"} if frame.window_size > _WINDOW else set())
