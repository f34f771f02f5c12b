"""Puts the volumes of UBI together, whose blocks lie anywhere in a flash, each after two headers.

UBIFS needs none of this, for its nodes are found where they lie. Another content, such as a squashfs or a kernel, is
interrupted by the headers, and its blocks can have any order. The format is that of ubi-media.h of Linux.
"""

import mmap
import re
import struct
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, NamedTuple, cast

from drivers.storage.bounds import Unpacking
from drivers.storage.dump import Image

MOST_BLOCKS = 1 << 18
"""Erase blocks that are looked at: as many as a flash of 32 GiB has."""
MOST_OF_A_VOLUME = 1 << 32
"""Octets of a volume that are put together."""
_SMALLEST, _LARGEST = 1 << 11, 1 << 23
"""Octets of an erase block."""
_ERASE_BLOCK = re.compile(rb"UBI#\x01\x00\x00\x00(?=[\x00-\xff]{56})")
_ERASE_HEADER = struct.Struct(">16x3I")
_VOLUME_HEADER = struct.Struct(">4sB3x2I12xI8xQ")
_INTERNAL = 0x7FFFEFFF
_UBIFS = b"\x31\x18\x10\x06"


class _Block(NamedTuple):
    """A block of a volume: its number in the volume, and where its data lies in the image."""

    device: int
    volume: int
    number: int
    age: int
    start: int
    end: int


def volumes(image: Image, octets: mmap.mmap, unpacking: Unpacking) -> Iterator[Image]:
    """Give each volume without UBIFS, in a file next to the image that is removed before the next one is given."""
    starts = [one.start() for one in islice(_ERASE_BLOCK.finditer(octets), MOST_BLOCKS)]
    if len(starts) == MOST_BLOCKS:
        unpacking.closed.add(f"what follows {MOST_BLOCKS} erase blocks of UBI")
    found: dict[tuple[int, int], dict[int, _Block]] = {}
    for block in _blocks(octets, starts):
        blocks = found.setdefault((block.device, block.volume), {})
        if block.number not in blocks or blocks[block.number].age < block.age:
            blocks[block.number] = block
    for (_, volume), blocks in found.items():
        first = blocks[min(blocks)]
        if unpacking.stopped or octets[first.start : first.start + len(_UBIFS)] == _UBIFS:
            continue
        with tempfile.NamedTemporaryFile(dir=image.path.parent, prefix="unpacked-") as file:
            size = _write(octets, blocks, cast(IO[bytes], file), unpacking)
            file.flush()
            offset, within = image.at(first.start)
            words = f"volume {volume} of UBI, which has a block at octet {offset:#x}"
            yield Image(Path(file.name), size, size, words + (f" of {within}" if within else ""))


def _blocks(octets: mmap.mmap, starts: list[int]) -> Iterator[_Block]:
    """Give the blocks of volumes; the usual distance of two headers is the size of an erase block."""
    gaps = Counter(gap for one, two in pairwise(starts) if _SMALLEST <= (gap := two - one) <= _LARGEST)
    size = gaps.most_common(1)[0][0] if gaps else 0
    headers = [_ERASE_HEADER.unpack(octets[start : start + _ERASE_HEADER.size]) for start in starts if size]
    devices = with_a_number([device for _, _, device in headers])
    for start, (header, data, _), device in zip(starts, headers, devices, strict=False):
        words = octets[start + header : start + header + _VOLUME_HEADER.size]
        if len(words) < _VOLUME_HEADER.size or not header < data < size:
            continue
        magic, version, volume, number, padding, age = _VOLUME_HEADER.unpack(words)
        end = min(start + size, len(octets)) - padding
        if magic == b"UBI!" and version == 1 and volume != _INTERNAL and number < len(starts) and end > start + data:
            yield _Block(device, volume, number, age, start + data, end)


def with_a_number(devices: Sequence[int]) -> list[int]:
    """Give erase blocks without a number the one of the block before them, or the first that there is.

    Linux accepts 0 next to another number: what wrote the block knew none.
    """
    last = next((one for one in devices if one), 0)
    return [last := one or last for one in devices]


def _write(octets: mmap.mmap, blocks: dict[int, _Block], file: IO[bytes], unpacking: Unpacking) -> int:
    """Write the blocks at their places in the volume; a block that is missing is a hole. Return the size in octets."""
    most = max(block.end - block.start for block in blocks.values())
    end = written = 0
    for number, block in sorted(blocks.items()):
        if (number + 1) * most > MOST_OF_A_VOLUME or written > len(octets):
            unpacking.stopped = True
        if unpacking.stopped:
            break
        file.seek(number * most)
        written += file.write(octets[block.start : block.end])
        unpacking.spend(file.tell() - end)  # a hole is searched too
        end = file.tell()
    return end
