"""Files of a squashfs of LZO and LZ4, as mksquashfs writes it, and as nobody should."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.storage import bounds
from drivers.storage.squashfs import UbiHeaders
from tests.drivers.storage.compressed import CANARY, FILLER, found_in, lz4_block, lzo, made_by_the_real_tools

MADE = {name: octets for name, octets in made_by_the_real_tools().items() if "squashfs" in name}
PACK = {3: lzo, 5: lz4_block}
HEAD = 96
BLOCK = 4096
CONTENT = (b"option proto static\n" * 900)[: 2 * BLOCK - 7] + CANARY + b"lan\n" * 100
HELD = 1 << 15, 1 << 24
"""The bits of what is not compressed: of metadata, and of a block."""
OTHERS = {
    "a folder": struct.pack("<4HII4I", 1, 0, 0, 0, 0, 1, 0, 0, 0, 0)[:32],
    "a long folder": struct.pack("<4HII4I2HI", 8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0)
    + struct.pack("<3I", 0, 0, 3)
    + b"name",
    "a link": struct.pack("<4HII2I", 3, 0, 0, 0, 0, 1, 1, 5) + b"where",
    "a long link": struct.pack("<4HII2I", 10, 0, 0, 0, 0, 1, 1, 5) + b"where" + bytes(4),
    "a device": struct.pack("<4HII2I", 4, 0, 0, 0, 0, 1, 1, 5),
    "a pipe": struct.pack("<4HIII", 6, 0, 0, 0, 0, 1, 1),
    "a long device": struct.pack("<4HII3I", 12, 0, 0, 0, 0, 1, 1, 5, 0),
    "a long socket": struct.pack("<4HII2I", 14, 0, 0, 0, 0, 1, 1, 0),
}


def metadata(content: bytes) -> bytes:
    return struct.pack("<H", HELD[0] | len(content)) + content


def superblock(compression: int, inodes: int, folders: int, fragments: int, behind: int) -> bytes:
    no = 0xFFFFFFFFFFFFFFFF
    words = (compression, 12, 0, 1, 4, 0), (0, behind + 8, behind, no, inodes, folders, fragments, no)
    return b"hsqs" + struct.pack("<4I6H8Q", 2, 0, BLOCK, 1, *words[0], *words[1])


def squashfs(compression: int = 3, *, before: bytes = b"", long: bool = False, stored: bool = False) -> bytes:
    """Make one with a file of two blocks and a tail in a fragment, behind the inodes given."""
    blocks = [CONTENT[:BLOCK], CONTENT[BLOCK : 2 * BLOCK], FILLER[:100] + CONTENT[2 * BLOCK :]]
    packed = [one if stored else PACK[compression](one) for one in blocks]
    words = [len(one) | (HELD[1] if stored else 0) for one in packed]
    data = b"".join(packed)
    if long:
        inode = struct.pack("<4HII3Q4I", 9, 0, 0, 0, 0, 7, HEAD, len(CONTENT), 0, 1, 0, 100, 0)
    else:
        inode = struct.pack("<4HII4I", 2, 0, 0, 0, 0, 7, HEAD, 0, 100, len(CONTENT))
    table = metadata(before + inode + struct.pack("<2I", *words[:2]))
    folders, inodes = metadata(b"config"), HEAD + len(data)
    fragment = metadata(struct.pack("<Q2I", HEAD + len(data) - len(packed[2]), words[2], 0))
    at = inodes + len(table) + len(folders)
    index = at + len(fragment)
    head = superblock(compression, inodes, inodes + len(table), index, index + 8)
    return head + data + table + folders + fragment + struct.pack("<Q", at)


@pytest.mark.parametrize("octets", MADE.values(), ids=MADE)
def test_a_text_across_two_blocks_of_a_real_image_is_found_at_its_offset_in_the_file(
    octets: bytes, tmp_path: Path
) -> None:
    places, unpacking = found_in(b"\xff" * 777 + octets, tmp_path)
    assert [place.offset for place in places] == [4089]
    assert "inode 1 of the squashfs of LZ" in places[0].within
    assert not unpacking.closed


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize(("compression", "name"), [(3, "LZO"), (5, "LZ4")])
def test_a_text_across_the_last_block_and_the_tail_is_found(
    compression: int, name: str, long: bool, stored: bool, tmp_path: Path
) -> None:
    places, unpacking = found_in(FILLER + squashfs(compression, long=long, stored=stored), tmp_path)
    assert [str(place) for place in places] == [
        f"it at octet {2 * BLOCK - 7:#x} of inode 7 of the squashfs of {name} at octet {len(FILLER):#x}"
    ]
    assert not unpacking.closed


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_file_behind_an_inode_of_another_kind_is_found(other: bytes, tmp_path: Path) -> None:
    places, unpacking = found_in(squashfs(before=other), tmp_path)
    assert places
    assert not unpacking.closed


def broken(what: str) -> bytes:
    octets = bytearray(squashfs())
    inodes = struct.unpack_from("<Q", octets, 64)[0]
    if what == "a block":
        octets[HEAD : HEAD + 4] = b"\xff" * 4
    elif what == "an inode":
        octets[inodes + 2] = 99
    elif what == "a file that is too long":
        struct.pack_into("<I", octets, inodes + 2 + 28, 0xFFFFFFFF)
    elif what == "a table":
        octets[inodes : inodes + 2] = b"\0\0"
    elif what == "a block of a table":
        octets[inodes + 1] &= 0x7F
    elif what == "the index of fragments":
        octets[-8:] = b"\xff" * 8
    return bytes(octets)


@pytest.mark.parametrize(
    ("what", "closed"),
    [
        ("a block", "blocks of a squashfs of LZO"),
        ("an inode", "files of a squashfs of LZO"),
        ("a file that is too long", "files of a squashfs of LZO"),
        ("a table", "a table of a squashfs of LZO"),
        ("a block of a table", "a table of a squashfs of LZO"),
        ("the index of fragments", "fragments of a squashfs of LZO"),
    ],
)
def test_what_cannot_be_opened_is_named(what: str, closed: str, tmp_path: Path) -> None:
    assert found_in(broken(what), tmp_path)[1].closed == {closed}


def with_a_block(word: int) -> bytes:
    """Make one whose file has a first block of this word; nothing lies behind the inodes but their folders."""
    octets = bytearray(with_holes(1))
    at = octets.rindex(struct.pack("<I", HELD[1] | BLOCK))
    struct.pack_into("<I", octets, at, word)
    return bytes(octets)


@pytest.mark.parametrize(
    "word", [BLOCK + 1, HELD[1] | BLOCK + 1, HELD[1] - 1], ids=["longer", "longer and stored", "as long as can be"]
)
def test_a_block_that_is_longer_than_a_block_is_named(word: int, tmp_path: Path) -> None:
    assert found_in(with_a_block(word), tmp_path)[1].closed == {"blocks of a squashfs of LZO"}


def test_a_stored_block_that_is_cut_off_is_named(tmp_path: Path) -> None:
    octets = bytearray(squashfs(stored=True))
    inodes = struct.unpack_from("<Q", octets, 64)[0]
    struct.pack_into("<I", octets, inodes + 2 + 16, len(octets) - 1000)
    assert "blocks of a squashfs of LZO" in found_in(bytes(octets), tmp_path)[1].closed


def test_a_superblock_that_is_cut_off_is_tolerated(tmp_path: Path) -> None:
    assert not found_in(squashfs()[:40], tmp_path)[0]


@pytest.mark.parametrize("at", range(16, HEAD, 8))
@pytest.mark.parametrize("number", [0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 1 << 40])
def test_a_superblock_with_numbers_that_lie_ends_the_search_without_an_error(
    at: int, number: int, tmp_path: Path
) -> None:
    octets = bytearray(squashfs())
    struct.pack_into("<Q", octets, at, number)
    assert not found_in(bytes(octets), tmp_path)[1].stopped


def test_files_that_share_their_blocks_end_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 20)
    inode = struct.pack("<4HII4I", 2, 0, 0, 0, 0, 7, 0, 0xFFFFFFFF, 0, BLOCK) + struct.pack("<I", HELD[1] | BLOCK)
    table = metadata(inode * (8192 // len(inode)))
    octets = superblock(5, HEAD, HEAD + len(table), HEAD, HEAD) + table
    octets = octets.replace(table, table * 40, 1)
    start = octets[:72] + struct.pack("<Q", HEAD + 40 * len(table)) + octets[80:]
    _, unpacking = found_in(start, tmp_path)
    assert unpacking.stopped
    assert unpacking.octets < 1 << 24


class Octets(bytes):
    """Octets that count how many of them were searched."""

    searched = 0

    def find(self, *args: object) -> int:
        start = args[1]
        assert isinstance(start, int)
        found = super().find(*args)  # type: ignore[arg-type]
        self.searched += (found if found >= 0 else len(self)) - start
        return found


@pytest.mark.parametrize("headers", [(), (0,), (5000,), (40, 90_000), (99_990,), range(0, 100_000, 4096)], ids=repr)
def test_the_headers_of_ubi_in_many_file_systems_are_searched_for_once(headers: Sequence[int]) -> None:
    plain = bytearray(100_000)
    for at in headers:
        plain[at : at + 8] = b"UBI#\x01\0\0\0"
    octets = Octets(plain)
    ubi = UbiHeaders(octets)  # type: ignore[arg-type]
    for start in range(0, 100_000, 96):
        for end in (start + 96, start + 5000, 1 << 60):
            held = plain.find(b"UBI#\x01\0\0\0", start, min(end, len(plain))) >= 0
            assert ubi.between(start, end) is held
    assert octets.searched <= len(octets)


@pytest.mark.parametrize("compression", PACK)
def test_an_image_full_of_superblocks_ends_the_search(
    compression: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 20)
    assert found_in(superblock(compression, 0, 0, 0, 0) * 4000, tmp_path)[1].stopped


def with_holes(holes: int, files: int = 1) -> bytes:
    """Make a squashfs of files that each have so many holes before a block with the text."""
    block = CANARY.ljust(BLOCK, b".")
    table = b"".join(
        struct.pack("<4HII3Q4I", 9, 0, 0, 0, 0, 7, HEAD, (holes + 1) * BLOCK, 0, 1, 0xFFFFFFFF, 0, 0)
        + bytes(4 * holes)
        + struct.pack("<I", HELD[1] | BLOCK)
        for _ in range(files)
    )
    packed = b"".join(metadata(table[at : at + 8192]) for at in range(0, len(table), 8192))
    inodes = HEAD + BLOCK
    folders = inodes + len(packed)
    names = metadata(b"config")
    behind = folders + len(names)
    return superblock(3, inodes, folders, behind, behind) + block + packed + names


@pytest.mark.parametrize("holes", [0, 1, 2, 9, 5000])
def test_a_text_behind_holes_is_found_at_its_offset_and_the_holes_take_no_room(holes: int, tmp_path: Path) -> None:
    places, unpacking = found_in(with_holes(holes), tmp_path)
    assert holes * BLOCK in [place.offset for place in places if "inode 7" in place.within]
    assert unpacking.octets < 2 * BLOCK


@pytest.mark.parametrize(("holes", "files"), [(20_000, 1), (200, 100)])
def test_holes_count_as_work(holes: int, files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 22)
    assert found_in(with_holes(holes, files), tmp_path)[1].stopped
