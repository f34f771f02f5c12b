"""Puts the files of a squashfs of LZO or LZ4 together: its blocks do not show where they begin, its inodes do.

A squashfs of another compression needs none of this: each of its blocks is a stream that begins with octets of its own.
The format is that of squashfs_fs.h of Linux, version 4.0.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from drivers.storage.blocks import Codec, lz4_block, lzo
from drivers.storage.bounds import Unpacking
from drivers.storage.contents import Contents, images
from drivers.storage.dump import Image

_SUPERBLOCK = struct.Struct("<4x3I I 6H 8Q")
_START = re.compile(rb"hsqs(?=[\x00-\xff]{16}[\x03\x05]\x00[\x0c-\x14]\x00[\x00-\xff]{4}\x04\x00\x00\x00)")
_CODECS: dict[int, tuple[str, Codec]] = {3: ("LZO", lzo), 5: ("LZ4", lz4_block)}
_METADATA = 8192
_UBI = b"UBI#\x01\x00\x00\x00"
"""The header of an erase block of UBI."""
MOST_OF_A_TABLE = 1 << 26
"""Octets of a table of inodes: a million files."""
_PLAIN_METADATA, _PLAIN_BLOCK = 1 << 15, 1 << 24
_NO_FRAGMENT, _NO_TABLE = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_KEPT = 4
"""Fragments that are kept unpacked; the files next to each other lie in the same."""
_FRAGMENTS_PER_BLOCK = _METADATA // 16
_WORK_OF_AN_INODE = 4096
"""Octets that a library unpacks in the time that the rest of the work at a file takes."""

_WORK_OF_A_HOLE = 512


class _BrokenError(Exception):
    """A table that ends where an inode does not."""


@dataclass(frozen=True)
class _File:
    """A file: its number, where its blocks begin and how long each is, and its tail in a fragment."""

    number: int
    size: int
    start: int
    fragment: int
    offset: int
    blocks: bytes
    """A word of 32 bits for each."""


def files(image: Image, octets: mmap.mmap, unpacking: Unpacking) -> Iterator[Image]:
    """Give the content of the files of each squashfs of LZO or LZ4 in the image, many files in one."""
    headers = UbiHeaders(octets)
    for found in _START.finditer(octets):
        unpacking.spend(_WORK_OF_AN_INODE)
        if unpacking.stopped:
            return
        contents = Contents()
        offset, within = image.at(found.start())
        system = _Squashfs(octets, found.start(), headers, contents, unpacking)
        words = f"the squashfs of {system.name} at octet {offset:#x}" + (f" of {within}" if within else "")
        yield from images(image, system.run(words), contents, unpacking)


@dataclass
class UbiHeaders:
    """Where the next header of an erase block of UBI lies, for starts that ascend: each octet is searched once."""

    octets: mmap.mmap
    next: int = 0

    def between(self, start: int, end: int) -> bool:
        """Whether one lies here."""
        if 0 <= self.next <= start:
            self.next = self.octets.find(_UBI, start)
        return 0 <= self.next <= end - len(_UBI)


@dataclass
class _Squashfs:
    """One squashfs in an image."""

    octets: mmap.mmap
    at: int
    headers: UbiHeaders
    contents: Contents
    unpacking: Unpacking
    fragments: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Parse the superblock, which the pattern says is there."""
        words = _SUPERBLOCK.unpack(self.octets[self.at : self.at + _SUPERBLOCK.size].ljust(_SUPERBLOCK.size, b"\0"))
        _, _, self.block, self.count, compression, log, *_ = words
        self.block = 1 << log
        _, used, ids, _, self.inodes, self.folders, self.fragment_table, lookup = words[-8:]
        later = (one for one in (ids, self.fragment_table, lookup) if self.folders < one < _NO_TABLE)
        self.end_of_folders = min(later, default=self.folders)
        self.name, self.codec = _CODECS[compression]
        # Then it is opened where the volume is put together, and what cannot be opened here is not missing
        self.interrupted = self.headers.between(self.at, self.at + used)

    def run(self, words: str) -> Iterator[bool]:
        """Write the files, in the order of the table of inodes."""
        table = self._table(self.inodes, self.folders)
        self.contents.part(0, words, 0)
        self.contents.append(self._table(self.folders, self.end_of_folders))
        try:
            for one in _files(table, self.block):
                self.unpacking.spend(_WORK_OF_AN_INODE)
                self.contents.part(one.number, words, 0)
                for content in self._content(one, words):
                    self.contents.append(content)
                    yield False
                    if self.unpacking.stopped:
                        return
                yield True
        except _BrokenError:
            self._not_opened("files")

    def _not_opened(self, what: str) -> None:
        if not self.interrupted:
            self.unpacking.closed.add(f"{what} of a squashfs of {self.name}")

    def _table(self, start: int, end: int) -> bytes:
        """Unpack the blocks of metadata from here to there, as many as a table may have."""
        table, at = bytearray(), start
        while at < end and len(table) < MOST_OF_A_TABLE and not self.unpacking.stopped:
            block, following = self._metadata(at)
            if block is None:
                break
            table += block
            at = following
        if at < end:
            self._not_opened("a table")
        return bytes(table)

    def _metadata(self, at: int) -> tuple[bytes | None, int]:
        word = int.from_bytes(self.octets[self.at + at : self.at + at + 2], "little")
        size = word & ~_PLAIN_METADATA
        end = at + 2 + size
        data = self.octets[self.at + at + 2 : self.at + end]
        self.unpacking.spend(_WORK_OF_AN_INODE)
        if not size or len(data) < size:
            return None, at
        return (data[:_METADATA] if word & _PLAIN_METADATA else self.unpacking.open(self.codec, data, _METADATA)), end

    def _content(self, one: _File, words: str) -> Iterator[bytes]:
        place, hole = one.start, False
        for number, (word,) in enumerate(struct.iter_unpack("<I", one.blocks)):
            size = word & ~_PLAIN_BLOCK
            content = self._block(place, word, min(self.block, one.size - number * self.block))
            place += size
            if not content:
                hole = True
                self.unpacking.spend(_WORK_OF_A_HOLE)
                if self.unpacking.stopped:
                    return
                continue
            if hole:
                self.contents.part(one.number, words, number * self.block)
            hole = False
            yield content
        if one.fragment != _NO_FRAGMENT:
            tail = self._fragment(one.fragment)[one.offset : one.offset + one.size % self.block]
            self.unpacking.spend(len(tail))
            if hole:
                self.contents.part(one.number, words, len(one.blocks) // 4 * self.block)
            yield tail

    def _block(self, at: int, word: int, most: int) -> bytes | None:
        """Unpack a block of data; None where it is a hole, or broken."""
        size = word & (_PLAIN_BLOCK - 1)
        if not size:
            return None
        data = self.octets[self.at + at : self.at + at + size]
        if size > self.block or len(data) < size:
            self._not_opened("blocks")
        if size > self.block:
            return None
        if word & _PLAIN_BLOCK:
            self.unpacking.spend(size)
            return data
        content = self.unpacking.open(self.codec, data, most)
        if content is None:
            self._not_opened("blocks")
        return content

    def _fragment(self, index: int) -> bytes:
        if index not in self.fragments:
            if len(self.fragments) >= _KEPT:
                del self.fragments[next(iter(self.fragments))]
            self.fragments[index] = self._read_fragment(index)
        return self.fragments[index]

    def _read_fragment(self, index: int) -> bytes:
        pointer = self.at + self.fragment_table + index // _FRAGMENTS_PER_BLOCK * 8
        entries, _ = self._metadata(int.from_bytes(self.octets[pointer : pointer + 8], "little"))
        entry = (entries or b"")[index % _FRAGMENTS_PER_BLOCK * 16 :][:16]
        if index >= self.count or len(entry) < 16:
            self._not_opened("fragments")
            return b""
        start, word = struct.unpack("<QI4x", entry)
        return self._block(start, word, self.block) or b""


_HEAD = struct.Struct("<H10xI")
_LONG_FOLDER = struct.Struct("<16xH6x")
_REST = {1: 16, 4: 8, 5: 8, 6: 4, 7: 4, 11: 12, 12: 12, 13: 8, 14: 8}
"""Octets after the head of an inode, by its type: folders, devices, pipes and sockets."""


def _files(table: bytes, block: int) -> Iterator[_File]:
    at = 0
    while at < len(table):
        kind, number = _unpack(_HEAD, table, at)
        at += _HEAD.size
        if kind in (2, 9):
            one, at = _file(table, at, number, block, long=kind == 9)
            yield one
        elif kind in (3, 10):
            at += 8 + _unpack(struct.Struct("<4xI"), table, at)[0] + (4 if kind == 10 else 0)
        elif kind == 8:
            at = _after_long_folder(table, at)
        elif kind in _REST:
            at += _REST[kind]
        else:
            raise _BrokenError


def _file(table: bytes, at: int, number: int, block: int, *, long: bool) -> tuple[_File, int]:
    if long:
        start, size, _, _, fragment, offset, _ = _unpack(struct.Struct("<3Q4I"), table, at)
        at += 40
    else:
        start, fragment, offset, size = _unpack(struct.Struct("<4I"), table, at)
        at += 16
    count = size // block if fragment != _NO_FRAGMENT else -(-size // block)
    if count * 4 > len(table) - at:
        raise _BrokenError
    return _File(number, size, start, fragment, offset, table[at : at + 4 * count]), at + 4 * count


def _after_long_folder(table: bytes, at: int) -> int:
    (count,) = _unpack(_LONG_FOLDER, table, at)
    at += _LONG_FOLDER.size
    for _ in range(count):
        at += 12 + _unpack(struct.Struct("<8xI"), table, at)[0] + 1
    return at


def _unpack(words: struct.Struct, table: bytes, at: int) -> tuple[int, ...]:
    if at + words.size > len(table):
        raise _BrokenError
    return words.unpack_from(table, at)
