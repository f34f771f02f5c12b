"""Volumes of UBI that hold something other than UBIFS."""

import struct
from pathlib import Path

import pytest

from drivers.storage import bounds, ubi
from tests.drivers.storage.compressed import (
    CANARY,
    FILLER,
    found_in,
    lzop,
    made_by_the_real_tools,
    places_in,
    ubifs_node,
)

SIZE, HEADER, DATA = 4096, 512, 1024
ROOM = SIZE - DATA


def block(volume: int, number: int, content: bytes, age: int = 1, device: int = 7, padding: int = 0) -> bytes:
    """Make an erase block (struct ubi_ec_hdr and struct ubi_vid_hdr); nothing here looks at their sums."""
    erase = b"UBI#\x01\0\0\0" + struct.pack(">Q3I", 1, HEADER, DATA, device)
    head = b"UBI!\x01\x01\0\0" + struct.pack(">2I12xI8xQ", volume, number, padding, age)
    return erase.ljust(HEADER, b"\0") + head.ljust(DATA - HEADER, b"\0") + content.ljust(ROOM, b"\xff")


def parts(content: bytes, room: int = ROOM) -> list[bytes]:
    return [content[at : at + room] for at in range(0, len(content), room)]


STORED = bytes(value for at in range(2500) for value in (at % 251, at * 7 % 256))
"""Content that does not become smaller: a stream of it is longer than a block."""
STREAM = lzop(STORED + CANARY + STORED)


def test_a_stream_across_the_blocks_of_a_volume_is_opened_whatever_their_order(tmp_path: Path) -> None:
    blocks = [block(3, number, part) for number, part in enumerate(parts(STREAM))]
    assert len(blocks) > 1
    found = places_in(FILLER + b"".join(reversed(blocks)), tmp_path)
    assert [one for one in found if "of volume 3 of UBI, which has a block at octet" in one and "compressed" in one]


def test_a_squashfs_across_the_blocks_of_a_volume_is_opened_and_nothing_of_it_is_named(tmp_path: Path) -> None:
    content = bytes(ROOM - 100) + made_by_the_real_tools()["squashfs of LZO"]
    octets = b"".join(block(3, number, part) for number, part in enumerate(parts(content)))
    places, unpacking = found_in(octets, tmp_path)
    assert [place.within.partition(",")[0] for place in places] == [
        "inode 1 of the squashfs of LZO at octet 0xb9c of volume 3 of UBI"
    ]
    assert not unpacking.closed


def test_the_newest_of_two_copies_of_a_block_counts(tmp_path: Path) -> None:
    blocks = [block(3, number, part) for number, part in enumerate(parts(STREAM))]
    old = block(3, 1, b"old", age=0)
    assert [one for one in places_in(old + b"".join(blocks) + old, tmp_path) if "compressed" in one]


@pytest.mark.parametrize("other", [(4, 7), (3, 8)], ids=["volume", "device"])
def test_volumes_are_kept_apart(other: tuple[int, int], tmp_path: Path) -> None:
    volume, device = other
    mixed = b"".join(
        block(3, number, part) + block(volume, number, b"other" * 9, age=9, device=device)
        for number, part in enumerate(parts(STREAM))
    )
    assert [one for one in places_in(mixed, tmp_path) if "of volume 3 of UBI" in one and "compressed" in one]


@pytest.mark.parametrize("devices", [(0, 7), (7, 0), (0, 0), (0, 0, 7), (7, 7, 0)], ids=repr)
def test_blocks_without_a_number_of_the_device_belong_to_the_others(devices: tuple[int, ...], tmp_path: Path) -> None:
    blocks = [
        block(3, number, part, device=devices[number % len(devices)]) for number, part in enumerate(parts(STREAM))
    ]
    found = places_in(b"".join(blocks), tmp_path)
    assert [one for one in found if "of volume 3 of UBI" in one and "compressed" in one]


@pytest.mark.parametrize("padding", [1, 512, 1024, ROOM - 100])
def test_a_volume_with_an_alignment_is_put_together_without_the_padding(padding: int, tmp_path: Path) -> None:
    blocks = [block(3, number, part, padding=padding) for number, part in enumerate(parts(STREAM, ROOM - padding))]
    found = places_in(b"".join(blocks), tmp_path)
    assert [one for one in found if "of volume 3 of UBI" in one and "compressed" in one]


@pytest.mark.parametrize("padding", [ROOM, SIZE, 0xFFFFFFFF])
def test_a_block_that_is_only_padding_gives_no_volume(padding: int, tmp_path: Path) -> None:
    octets = b"".join(block(3, number, FILLER[:100], padding=padding) for number in range(3))
    assert not places_in(octets, tmp_path)


def test_a_volume_of_ubifs_is_not_read_twice(tmp_path: Path) -> None:
    node = ubifs_node(CANARY * 5, 70, compression=0)
    assert len(places_in(block(0, 0, node) + block(0, 1, b""), tmp_path)) == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"UBI#\x01\0\0\0" + bytes(60),
        block(3, 0, FILLER)[:30],
        (b"UBI#\x01\0\0\0" + b"\xff" * 4088) * 3,
        block(3, 0xFFFFFFFF, FILLER) * 3,
    ],
)
def test_headers_that_lie_give_no_volume(octets: bytes, tmp_path: Path) -> None:
    places, unpacking = found_in(octets, tmp_path)
    assert (places, unpacking.stopped) == ((), False)


def test_a_hostile_flash_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 16)
    monkeypatch.setattr(bounds, "_WORK_SHARE", 0)
    _, unpacking = found_in(b"".join(block(number, number, FILLER) for number in range(200)), tmp_path)
    assert unpacking.stopped


def test_a_hole_of_a_volume_counts_as_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 18)
    monkeypatch.setattr(bounds, "_WORK_SHARE", 0)
    _, unpacking = found_in(b"".join(block(number, 199, b"") for number in range(200)), tmp_path)
    assert unpacking.stopped


def test_erase_blocks_that_are_too_many_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ubi, "MOST_BLOCKS", 3)
    _, unpacking = found_in(b"".join(block(1, number, b"") for number in range(5)), tmp_path)
    assert unpacking.closed == {"what follows 3 erase blocks of UBI"}
