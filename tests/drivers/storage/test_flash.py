"""Files of UBIFS and JFFS2, as the real tools write them, as a long life leaves them, and as nobody should."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from drivers.storage import bounds, flash
from tests.drivers.storage.compressed import (
    CANARY,
    found_in,
    jffs2_node,
    lzo,
    made_by_the_real_tools,
    places_in,
    ubifs_node,
)

MADE = {name: octets for name, octets in made_by_the_real_tools().items() if "FS2" in name or "UBI" in name}
TEXT = (b"option proto static\n" * 300)[:5000]
ACROSS = TEXT[:4090] + CANARY + TEXT[:900]
"""A file with the text across the border of its two blocks."""
BLOCKS = ACROSS[:4096], ACROSS[4096:]


def raw(content: bytes) -> bytes:
    """Deflate without a header, as UBIFS has it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def as_is(content: bytes) -> bytes:
    return content


UBIFS: dict[int, Callable[[bytes], bytes]] = {0: as_is, 1: lzo, 2: raw, 3: zstandard.compress}
JFFS2: dict[int, Callable[[bytes], bytes]] = {0: as_is, 4: as_is, 6: zlib.compress, 7: lzo}


@pytest.mark.parametrize("octets", MADE.values(), ids=MADE)
def test_a_text_across_two_blocks_of_a_real_image_is_found_at_its_offset_in_the_file(
    octets: bytes, tmp_path: Path
) -> None:
    places, unpacking = found_in(b"\xff" * 777 + octets, tmp_path)
    assert [place.offset for place in places] == [4089]
    assert "inode" in places[0].within
    assert not unpacking.closed


def test_the_volume_of_ubi_is_named(tmp_path: Path) -> None:
    assert "UBIFS in volume 5 of UBI" in places_in(MADE["UBI and UBIFS of LZO"], tmp_path)[0]


@pytest.mark.parametrize("compression", UBIFS)
def test_nodes_of_ubifs_are_put_together_in_the_order_of_their_blocks(compression: int, tmp_path: Path) -> None:
    pack = UBIFS[compression]
    second = ubifs_node(pack(BLOCKS[1]), len(BLOCKS[1]), 1, compression=compression)
    first = ubifs_node(pack(BLOCKS[0]), 4096, 0, compression=compression)
    other = ubifs_node(lzo(TEXT[:100]), 100, 0, inode=66)
    assert places_in(second + other + first, tmp_path) == [
        "it at octet 0xffa of inode 65 of UBIFS, which has a node at octet 0x0"
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", JFFS2)
def test_nodes_of_jffs2_are_put_together_by_their_offset(compression: int, order: str, tmp_path: Path) -> None:
    parts = {0: ACROSS[:4093], 4093: ACROSS[4093:]}
    nodes = [
        jffs2_node(JFFS2[compression](part), len(part), at, version=at, compression=compression, order=order)
        for at, part in reversed(parts.items())
    ]
    found = places_in(b"\0" * 3 + b"".join(nodes), tmp_path)
    assert [one for one in found if "inode 5 of JFFS2" in one and "at octet 0xffa of" in one]


def test_an_obsolete_node_of_jffs2_is_opened(tmp_path: Path) -> None:
    node = bytearray(jffs2_node(lzo(ACROSS), len(ACROSS)))
    node[3] &= ~0x20
    assert places_in(bytes(node), tmp_path)


def test_a_text_that_was_written_over_is_found_where_it_still_lies(tmp_path: Path) -> None:
    old = [ubifs_node(lzo(part), len(part), at, number=1 + at) for at, part in enumerate(BLOCKS)]
    new = [ubifs_node(lzo(TEXT[: len(part)]), len(part), at, number=9 + at) for at, part in enumerate(BLOCKS)]
    assert len(places_in(b"".join([new[0], old[1], new[1], old[0]]), tmp_path)) == 1


def test_the_newest_of_two_nodes_is_put_together_with_its_neighbours(tmp_path: Path) -> None:
    """Half of the text lies in a block that was written again."""
    old = jffs2_node(lzo(TEXT[:4096]), 4096, 0, version=1)
    second = jffs2_node(lzo(BLOCKS[1]), len(BLOCKS[1]), 4096, version=2)
    change = jffs2_node(lzo(CANARY[:6]), 6, 4090, version=3)
    assert len(places_in(change + second + old, tmp_path)) == 1


def test_files_with_the_same_inode_in_two_volumes_are_kept_apart(tmp_path: Path) -> None:
    """The newest of both would be half of one and half of the other."""
    first = [ubifs_node(lzo(part), len(part), at, number=3 - at * 2) for at, part in enumerate(BLOCKS)]
    second = [ubifs_node(lzo(TEXT[: len(part)]), len(part), at, number=2) for at, part in enumerate(BLOCKS)]
    erased = b"UBI#\x01" + bytes(59)
    volumes = [b"UBI!\x01\x01\0\5" + number.to_bytes(4, "big") + bytes(52) for number in (1, 2)]
    octets = b"".join([erased, volumes[0], *first, erased, volumes[1], *second])
    assert [one.split(",")[0] for one in places_in(octets, tmp_path)] == [
        "it at octet 0xffa of inode 65 of UBIFS in volume 1 of UBI"
    ]


@pytest.mark.parametrize("devices", [(0, 7), (7, 0)], ids=repr)
def test_a_file_in_blocks_without_a_number_of_the_device_is_put_together(
    devices: tuple[int, int], tmp_path: Path
) -> None:
    nodes = [ubifs_node(lzo(part), len(part), at) for at, part in enumerate(BLOCKS)]
    erased = [b"UBI#\x01".ljust(24, b"\0") + device.to_bytes(4, "big") + bytes(36) for device in devices]
    volume = b"UBI!\x01\x01\0\5" + (1).to_bytes(4, "big") + bytes(52)
    octets = b"".join(part for pair in zip(erased, nodes, strict=True) for part in (pair[0], volume, pair[1]))
    assert [one.split(",")[0] for one in places_in(octets, tmp_path)] == [
        "it at octet 0xffa of inode 65 of UBIFS in volume 1 of UBI"
    ]


def test_two_files_that_lie_next_to_each_other_make_no_text_together(tmp_path: Path) -> None:
    octets = ubifs_node(lzo(CANARY[:6]), 6, inode=1) + ubifs_node(lzo(CANARY[6:]), 8, inode=2)
    assert places_in(octets, tmp_path) == []


def test_a_hole_is_not_filled(tmp_path: Path) -> None:
    octets = ubifs_node(lzo(CANARY), 14, 0) + ubifs_node(lzo(CANARY), 14, (1 << 29) - 1)
    places, unpacking = found_in(octets, tmp_path)
    assert places
    assert unpacking.octets < 1000


@pytest.mark.parametrize(
    ("octets", "closed"),
    [
        (ubifs_node(b"x" * 100, 4096), "broken nodes of UBIFS"),
        (ubifs_node(lzo(TEXT[:99]), 100), "broken nodes of UBIFS"),
        (ubifs_node(lzo(TEXT[:101]), 100), "broken nodes of UBIFS"),
        (ubifs_node(zstandard.compress(bytes(1 << 20)), 4096, compression=3), "broken nodes of UBIFS"),
        (ubifs_node(lzo(TEXT), 4096, compression=9), "nodes of UBIFS with compression 9"),
        (ubifs_node(b"x" * 100, 4096)[:46] + b"\x40\0" + b"x" * 102, "encrypted nodes of UBIFS"),
        (jffs2_node(b"xyz", 100), "broken nodes of JFFS2"),
        (jffs2_node(b"xyz", 100, compression=5), "nodes of JFFS2 with dynrubin"),
        (jffs2_node(b"xyz", 100, compression=8), "nodes of JFFS2 with LZMA"),
        (jffs2_node(b"x\xff" * 500, 100, compression=2), "broken nodes of JFFS2"),
    ],
)
def test_a_node_that_cannot_be_opened_is_named(octets: bytes, closed: str, tmp_path: Path) -> None:
    assert found_in(octets, tmp_path)[1].closed == {closed}


@pytest.mark.parametrize(
    "octets",
    [
        ubifs_node(b"", 100),
        ubifs_node(b"x" * 9000, 4096),
        ubifs_node(lzo(TEXT), 5000),
        ubifs_node(lzo(TEXT[:9]), 9)[:-20],
        jffs2_node(lzo(TEXT), 1 << 20),
        jffs2_node(lzo(TEXT), 5000)[:60],
        struct.pack("<2HI", 0x1985, 0xE002, 0xFFFFFFFF) + bytes(99),
    ],
)
def test_what_only_begins_like_a_node_is_none(octets: bytes, tmp_path: Path) -> None:
    places, unpacking = found_in(octets, tmp_path)
    assert (places, unpacking.streams, unpacking.stopped) == ((), 0, False)


def test_more_nodes_than_the_memory_is_for_are_put_together_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flash, "MOST_NODES", 3)
    octets = b"".join(ubifs_node(lzo(TEXT[:50]), 50, inode=one) for one in range(7))
    assert len(places_in(octets + ubifs_node(lzo(CANARY), 14, inode=9), tmp_path)) == 1


HOSTILE = {
    "a node of each inode": b"".join(ubifs_node(b"x", 1, 0, inode=one, compression=0) for one in range(3000)),
    "versions of one block": b"".join(ubifs_node(b"x", 1, 0, number=one, compression=0) for one in range(3000)),
    "nodes within nodes": b"".join(
        ubifs_node(b"", 4096, one)[:16] + struct.pack("<I", 4144) + ubifs_node(b"", 4096, one)[20:]
        for one in range(3000)
    ),
    "bombs": b"".join(ubifs_node(lzo(bytes(1 << 20)), 4096, inode=one) for one in range(50)),
    "sizes that lie": b"".join(
        jffs2_node(b"x\x9c\xff\xff", 65536, one * 65536, version=one, compression=6) for one in range(3000)
    ),
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_image_ends_the_search(octets: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 20)
    _, unpacking = found_in(octets, tmp_path)
    assert unpacking.stopped
    assert unpacking.octets < 1 << 25
