"""Blocks of file systems, and what a hostile one can cost."""

import zlib

import pytest
import zstandard

from drivers.storage.blocks import MOST_OF_LZO, BlockError, Codec, deflate, lz4_block, lzo, rtime, stored, zstd
from tests.drivers.storage import compressed

CONTENT = b"option proto static\n" * 99
PACKED: dict[str, tuple[Codec, bytes]] = {
    "stored": (stored, CONTENT),
    "LZO": (lzo, compressed.lzo(CONTENT)),
    "LZ4": (lz4_block, compressed.lz4_block(CONTENT)),
    "zlib": (deflate, zlib.compress(CONTENT)),
    "deflate": (deflate, zlib.compress(CONTENT)[2:-4]),
    "Zstandard": (zstd, zstandard.compress(CONTENT)),
}


@pytest.mark.parametrize(("codec", "packed"), PACKED.values(), ids=PACKED)
def test_a_block_is_opened(codec: Codec, packed: bytes) -> None:
    content, work = codec(packed, len(CONTENT))
    assert content == CONTENT
    assert work >= len(packed)


@pytest.mark.parametrize("name", [name for name in PACKED if name != "stored"])
def test_a_block_that_becomes_more_than_it_may_is_broken(name: str) -> None:
    codec, packed = PACKED[name]
    with pytest.raises(BlockError):
        codec(packed, len(CONTENT) - 1)


@pytest.mark.parametrize("octets", [b"", b"\xff" * 50, b"\0" * 50], ids=repr)
@pytest.mark.parametrize("codec", [lzo, lz4_block], ids=["LZO", "LZ4"])
def test_what_is_no_block_is_broken(codec: Codec, octets: bytes) -> None:
    with pytest.raises(BlockError):
        codec(octets, 10)


@pytest.mark.parametrize(
    ("packed", "content"),
    [
        (b"a\0b\0", b"ab"),
        (b"a\3", b"aaaa"),  # what never came before is taken from the beginning
        (b"a\0b\0c\0a\2d\0", b"abcabcd"),
        (b"a\0b\0a\5", b"ababababab"[:8]),  # over what is being written
    ],
)
def test_rtime_repeats_what_followed_the_same_octet(packed: bytes, content: bytes) -> None:
    assert rtime(packed, len(content))[0] == content


def test_a_bomb_of_lzo_is_not_opened() -> None:
    bomb = b"\x15ABCD\x20" + bytes(MOST_OF_LZO // 255) + b"\1\0\0\x11\0\0"
    with pytest.raises(BlockError) as error:
        lzo(bomb, 1 << 20)
    assert error.value.work == len(bomb)


def test_zstandard_that_states_a_size_which_no_memory_has_is_not_believed() -> None:
    frame = zstandard.compress(CONTENT * 40)
    assert frame[4] == 0xA0, "one segment, with a size of four octets"
    lying = frame[:4] + b"\xc0\x58" + (1 << 60).to_bytes(8, "little") + frame[9:]  # a window of 2 MiB
    with pytest.raises(BlockError):
        zstd(bytes(lying), 1000)


@pytest.mark.parametrize("data", [bytes(600_000), b"x" * 3_000_000], ids=["zeros", "others"])
def test_a_block_of_lzo_that_may_become_too_large_is_closed_and_not_broken(data: bytes) -> None:
    with pytest.raises(BlockError) as raised:
        lzo(data, 1 << 20)
    assert raised.value.closed == "large blocks of LZO"
