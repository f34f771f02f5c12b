"""Puts the files of UBIFS and JFFS2 together, which lie in a flash as nodes: each a compressed piece of a file.

Nodes are found by the octets that they begin with, so that it does not matter where the partition begins, whether UBI
lies below UBIFS, and whether the file system still knows a node: the old content of a file is there until it is erased.
The formats are those of ubifs-media.h, ubi-media.h and jffs2.h of Linux.
"""

import mmap
import re
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import NamedTuple

from drivers.storage.blocks import Codec, deflate, lzo, rtime, stored, zstd
from drivers.storage.bounds import Unpacking
from drivers.storage.contents import LONGEST, Contents, images
from drivers.storage.dump import Image
from drivers.storage.generations import Piece, generations
from drivers.storage.ubi import with_a_number

MOST_NODES = 1 << 18
"""Nodes that are put together at once; those that follow in the image are put together next."""
_WORK_OF_A_NODE = 2048
"""Octets that a library unpacks in the time that the rest of the work at a node takes."""
_PAGE = 1 << 16
"""The largest page of a processor with Linux: no node of JFFS2 holds more."""
_MOST_HEADERS = 1 << 18
"""Headers of UBI that are looked at: as many as a flash of 32 GiB has erase blocks."""
_BLOCK = 4096
"""UBIFS_BLOCK_SIZE."""


class _Node(NamedTuple):
    """The head of a node: whose piece it is, which, and how it is packed."""

    inode: int
    piece: Piece
    data: int
    """Offset of the data in the image, in octets."""
    length: int
    compression: int
    closed: str = ""
    """Why it cannot be opened, if that shows in its head."""


@dataclass(frozen=True)
class _System:
    """A file system made of nodes."""

    name: str
    start: re.Pattern[bytes]
    node: Callable[[mmap.mmap, int], "_Node | None"]
    codecs: dict[int, Codec]
    names: dict[int, str] = field(default_factory=dict)
    """Compressions that are not opened."""


_UBIFS = struct.Struct("<4xIQI4x2I8xI2H")
_COMPRESSED_OF_UBIFS = 48
_DATA_KEY = 1


def _ubifs(octets: mmap.mmap, at: int) -> _Node | None:
    head = octets[at : at + _UBIFS.size]
    if len(head) < _UBIFS.size:
        return None
    _, number, length, inode, key, size, compression, plain = _UBIFS.unpack(head)
    length -= _COMPRESSED_OF_UBIFS
    if key >> 29 != _DATA_KEY or not 0 < size <= _BLOCK or not 0 < length <= 2 * _BLOCK:
        return None
    start = (key & 0x1FFFFFFF) * _BLOCK
    piece = Piece(start, start + size, number << 64 | at, at)
    return _Node(inode, piece, at + _UBIFS.size, length, compression, "encrypted nodes of UBIFS" if plain else "")


def _jffs2(head: struct.Struct) -> Callable[[mmap.mmap, int], _Node | None]:
    def node(octets: mmap.mmap, at: int) -> _Node | None:
        words = octets[at : at + head.size]
        if len(words) < head.size:
            return None
        total, inode, version, start, length, size, compression = head.unpack(words)
        # An obsolete node is still there; the octets after the data fill up to a multiple of four
        if not 0 <= total - head.size - length < 4 or not 0 < size <= _PAGE or not 0 < length <= 2 * _PAGE:
            return None
        return _Node(inode, Piece(start, start + size, version << 64 | at, at), at + head.size, length, compression)

    return node


_OF_JFFS2: dict[int, Codec] = {0: stored, 2: rtime, 4: stored, 6: deflate, 7: lzo}
_CLOSED_OF_JFFS2 = {
    3: "rubinmips",
    5: "dynrubin",
    8: "LZMA",
}
_HEAD_OF_JFFS2 = "4xI4x2I24x3IB11x"
# JFFS2_NODETYPE_INODE, with the bit that it is not obsolete, or without
_SYSTEMS = (
    _System(
        "UBIFS",
        re.compile(rb"\x31\x18\x10\x06[\x00-\xff]{16}\x01[\x00-\x02]\x00\x00"),
        _ubifs,
        {0: stored, 1: lzo, 2: deflate, 3: zstd},
    ),
    *(
        _System(name, pattern, _jffs2(struct.Struct(order + _HEAD_OF_JFFS2)), _OF_JFFS2, _CLOSED_OF_JFFS2)
        for name, order, pattern in (
            ("JFFS2", "<", re.compile(rb"\x85\x19\x02[\xc0\xe0]")),
            ("JFFS2 (big endian)", ">", re.compile(rb"\x19\x85[\xc0\xe0]\x02")),
        )
    ),
)


def files(image: Image, octets: mmap.mmap, unpacking: Unpacking) -> Iterator[Image]:
    """Give the content of the files whose nodes lie in the image, many files in one."""
    for system in _SYSTEMS:
        contents = Contents()
        yield from images(image, _Walk(system, octets, image, contents, unpacking).run(), contents, unpacking)


@dataclass
class _Walk:
    """One walk over an image for the nodes of one file system."""

    system: _System
    octets: mmap.mmap
    image: Image
    contents: Contents
    unpacking: Unpacking

    def run(self) -> Iterator[bool]:
        """Write the files, as many nodes at once as the memory is for."""
        volumes: Volumes | None = None
        nodes: list[int] = []
        for found in self.system.start.finditer(self.octets):
            at = found.start()
            self.unpacking.spend(_WORK_OF_A_NODE)
            if self.unpacking.stopped:
                return
            if node := self.system.node(self.octets, at):
                volumes = volumes or Volumes.of(self.octets)
                nodes.append(volumes.index(at) << 96 | node.inode << 64 | at)
                if len(nodes) >= MOST_NODES:
                    yield from self._inodes(nodes, volumes)
                    nodes = []
        if volumes:
            yield from self._inodes(nodes, volumes)

    def _inodes(self, nodes: list[int], volumes: "Volumes") -> Iterator[bool]:
        nodes.sort()
        for key, group in groupby(nodes, lambda one: one >> 64):
            places = [one & 0xFFFFFFFFFFFFFFFF for one in group]
            within = self._within(places[0], volumes.name(key >> 32))
            pieces = [node.piece for place in places if (node := self.system.node(self.octets, place))]
            for one in generations(pieces, LONGEST):
                self.contents.part(key & 0xFFFFFFFF, within, min(piece.start for piece in one))
                self._write(one)
                if self.unpacking.stopped:
                    return
                yield False
            yield True

    def _within(self, at: int, volume: str) -> str:
        offset, within = self.image.at(at)
        words = f"{self.system.name}{volume}, which has a node at octet {offset:#x}"
        return words + (f" of {within}" if within else "")

    def _write(self, pieces: Sequence[Piece]) -> None:
        base, first = self.contents.size, min(piece.start for piece in pieces)
        for piece in pieces:
            self.unpacking.spend(_WORK_OF_A_NODE)
            if content := self._content(piece):
                self.contents.paint(base + piece.start - first, content)

    def _content(self, piece: Piece) -> bytes | None:
        node, size = self.system.node(self.octets, piece.place), piece.end - piece.start
        assert node is not None, "it was one before"
        codec = self.system.codecs.get(node.compression)
        closed = node.closed
        if codec is None:
            name = self.system.names.get(node.compression, f"compression {node.compression}")
            closed = closed or f"nodes of {self.system.name} with {name}"
        if closed or codec is None:
            self.unpacking.closed.add(closed)
            return None
        content = self.unpacking.open(codec, self.octets[node.data : node.data + node.length], size)
        if content is None or len(content) != size:
            self.unpacking.closed.add(f"broken nodes of {self.system.name}")
            return None
        return content


_ERASE_BLOCK = re.compile(rb"UBI#\x01\x00\x00\x00(?=[\x00-\xff]{56})")
_VOLUME_BLOCK = re.compile(rb"UBI!\x01[\x01\x02][\x00\x01][\x00-\x05](?=[\x00-\xff]{56})")


@dataclass(frozen=True)
class Volumes:
    """Which volume of which UBI an octet belongs to: several file systems lie in one flash, with the same inodes."""

    starts: Sequence[int]
    indexes: Sequence[int]
    """Of the volume in `keys`, one for each start."""
    keys: Sequence[int]

    @classmethod
    def of(cls, octets: mmap.mmap) -> "Volumes":
        """Find the headers of UBI: image_seq of the one for the erase block, vol_id of the one for the volume."""
        begun, devices, starts, indexes = array("Q"), array("Q"), array("Q"), array("Q")
        for one in islice(_ERASE_BLOCK.finditer(octets), _MOST_HEADERS):
            begun.append(one.start())
            devices.append(_word(octets, one.start() + 24))
        devices = array("Q", with_a_number(devices))
        numbers: dict[int, int] = {}
        for one in islice(_VOLUME_BLOCK.finditer(octets), _MOST_HEADERS):
            block = bisect_right(begun, one.start()) - 1
            key = (devices[block] if block >= 0 else 0) << 32 | _word(octets, one.start() + 8)
            starts.append(one.start())
            indexes.append(numbers.setdefault(key, len(numbers) + 1))
        return cls(starts, indexes, array("Q", numbers))

    def index(self, at: int) -> int:
        """Return the number of the volume; 0 where there is no UBI."""
        before = bisect_right(self.starts, at)
        return self.indexes[before - 1] if before else 0

    def name(self, index: int) -> str:
        """Say the volume."""
        return f" in volume {self.keys[index - 1] & 0xFFFFFFFF} of UBI" if index else ""


def _word(octets: mmap.mmap, at: int) -> int:
    return int.from_bytes(octets[at : at + 4], "big")
