"""Streams of blocks with sizes: what the real tools write, and sizes that lie."""

import random
import struct
from pathlib import Path

import pytest

from tests.drivers.storage.compressed import (
    CANARY,
    CONTENT,
    FILLER,
    found_in,
    legacy_lz4,
    lz4_block,
    lzo,
    lzop,
    made_by_the_real_tools,
    places_in,
)

MADE = {name: octets for name, octets in made_by_the_real_tools().items() if name in ("lzop", "LZ4 in the old format")}


@pytest.mark.parametrize("octets", MADE.values(), ids=MADE)
def test_a_text_in_what_a_real_tool_wrote_is_found(octets: bytes, tmp_path: Path) -> None:
    assert places_in(FILLER + octets + FILLER, tmp_path) == [
        f"it at octet {4089:#x} of what is compressed at octet {len(FILLER):#x}"
    ]


@pytest.mark.parametrize(("low", "within"), [(0, 1 << 8), (1, 1 << 8), (0, 1 << 16), (256, 1 << 16)])
def test_the_old_format_of_lz4_is_opened_whatever_the_size_of_its_first_block(
    low: int, within: int, tmp_path: Path
) -> None:
    noise = CANARY + random.Random(4).randbytes(2 * within)
    sizes = range(len(CANARY), len(noise))
    octets = next(packed for size in sizes if _first_size(packed := legacy_lz4(noise[:size])) % within == low)
    assert places_in(FILLER + octets, tmp_path)


def _first_size(packed: bytes) -> int:
    return int.from_bytes(packed[4:8], "little")


@pytest.mark.parametrize("pack", [legacy_lz4, lzop])
def test_a_text_across_two_blocks_is_found(pack: type, tmp_path: Path) -> None:
    block = 1 << (23 if pack is legacy_lz4 else 18)
    places, unpacking = found_in(pack(bytes(block - 5) + CANARY + FILLER), tmp_path)
    assert [place.offset for place in places if place.within] == [block - 5]
    assert unpacking.streams == 1


def test_a_kernel_with_its_size_behind_it_is_opened(tmp_path: Path) -> None:
    """Linux appends it to lzop and to the old format of LZ4."""
    size = len(CONTENT).to_bytes(4, "little")
    for packed in (legacy_lz4(CONTENT) + size, lzop(CONTENT) + size):
        assert places_in(packed, tmp_path)


def test_a_block_of_lzop_that_is_not_compressed_is_read(tmp_path: Path) -> None:
    octets = lzop(CANARY * 5 + bytes(range(100)))
    broken = octets.replace(CANARY, b"?" * len(CANARY))
    assert places_in(octets, tmp_path)
    assert not places_in(broken, tmp_path)


HEAD = lzop(b"")[:-4]


@pytest.mark.parametrize(
    "octets",
    [
        HEAD + struct.pack(">2I", 1 << 30, 1 << 29),
        HEAD + struct.pack(">2I", 1 << 20, 1 << 20) + bytes(9),
        HEAD + struct.pack(">2I", 10, 20) + bytes(30),
        HEAD[:20],
        HEAD[:9] + b"\xff" * 30,
        b"\x02\x21\x4c\x18" + struct.pack("<I", 100) + bytes(50),
        b"\x02\x21\x4c\x18" + struct.pack("<I", 100) + b"\xff" * 150,
        b"\x02\x21\x4c\x18" + struct.pack("<I", len(lz4_block(bytes((1 << 23) + 1)))) + lz4_block(bytes((1 << 23) + 1)),
    ],
)
def test_sizes_that_lie_are_not_believed(octets: bytes, tmp_path: Path) -> None:
    assert found_in(octets, tmp_path)[1].streams == 0


def test_the_sums_of_lzop_are_skipped_whichever_there_are(tmp_path: Path) -> None:
    for flags in (0, 1, 2, 0x100, 0x200, 0x303):
        assert places_in(lzop(CONTENT + lzo(CONTENT), flags), tmp_path)
