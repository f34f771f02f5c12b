"""Secrets in what is compressed, in every stream that firmware is made of, and in bombs."""

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drivers.data import table
from drivers.forms import compiled
from drivers.storage import bounds, unpack
from drivers.storage.search import SearchTerm
from tests.drivers.storage.compressed import CANARY, CONTENT, FILLER, found_in, legacy_lz4, lzop


def alone(content: bytes) -> bytes:
    """LZMA as kernels and bootloaders have it: with its size."""
    packed = lzma.compress(content, lzma.FORMAT_ALONE)
    return packed[:5] + len(content).to_bytes(8, "little") + packed[13:]


def streamed(content: bytes) -> bytes:
    """Zstandard as a program in a pipe writes it: without the size of the content."""
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(content) + stream.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zlib, fastest": lambda content: zlib.compress(content, 1),
    "zlib, smallest": lambda content: zlib.compress(content, 9),
    "xz": lzma.compress,
    "LZMA": alone,
    "LZMA without a size": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "Zstandard": zstandard.compress,
    "Zstandard in a pipe": streamed,
    "LZ4": lz4.frame.compress,
    "LZ4 of small blocks with sums": lambda content: lz4.frame.compress(
        content, block_size=lz4.frame.BLOCKSIZE_MAX64KB, block_linked=False, block_checksum=True, content_checksum=True
    ),
    "LZ4 in the old format": legacy_lz4,
    "lzop": lzop,
    "lzop with sums": lambda content: lzop(content, flags=0x303),
    "lzop with an extra field": lambda content: lzop(content, flags=0x41, name=b""),
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_text_in_a_compressed_stream_is_found_at_its_place(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    places, unpacking = found_in(FILLER + pack(CONTENT) + FILLER, tmp_path)
    assert [str(place) for place in places if place.within] == [
        f"it at octet {5120:#x} of what is compressed at octet {5120:#x}"
    ]
    assert (unpacking.streams, unpacking.octets, unpacking.stopped) == (1, len(CONTENT), False)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_follows_a_stream_is_searched_as_well(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    places, _ = found_in(pack(FILLER) + b"\0" * 99 + pack(CONTENT), tmp_path)
    assert [place.offset for place in places if place.within] == [CONTENT.index(CANARY)]


def test_a_stream_in_a_stream_is_opened(tmp_path: Path) -> None:
    kernel = FILLER + lzma.compress(FILLER + gzip.compress(CONTENT))
    places, unpacking = found_in(FILLER + gzip.compress(kernel), tmp_path)
    assert str(places[0]).count("of what is compressed at octet") == 3
    assert unpacking.streams == 3


def test_streams_deeper_than_any_firmware_has_them_are_left(tmp_path: Path) -> None:
    octets = CONTENT
    for _ in range(unpack.DEEPEST + 1):
        octets = FILLER + zlib.compress(octets)
    assert found_in(octets, tmp_path)[0] == ()


@pytest.mark.parametrize("pack", [zlib.compress, lzma.compress, zstandard.compress])
def test_a_text_across_two_blocks_of_a_file_system_is_found(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """A squashfs writes a file as blocks of 128 KiB, each a stream, without a gap."""
    at = CONTENT.index(CANARY) + 5
    places, unpacking = found_in(FILLER + pack(CONTENT[:at]) + pack(CONTENT[at:]) + FILLER, tmp_path)
    assert len(places) == 1
    assert unpacking.streams == 2


def test_a_stream_that_was_cut_off_is_searched_as_far_as_it_goes(tmp_path: Path) -> None:
    packed = zlib.compress(CONTENT * 3)
    places, _ = found_in(packed[: len(packed) - 8], tmp_path)
    assert places


SHORT = b"host=10.0.0.1\n" * 160 + b"password=" + CANARY + b"\n"
CUT: dict[str, tuple[bytes, int]] = {
    "gzip": (gzip.compress(SHORT), 8),
    "xz": (lzma.compress(SHORT), 28),
    "LZMA": (alone(SHORT), 1),
    "Zstandard": (zstandard.ZstdCompressor(write_checksum=True).compress(SHORT), 4),
    "LZ4": (lz4.frame.compress(SHORT), 4),
    "lzop": (lzop(SHORT), 4),
}
"""Streams of a short file, and the octets at the end of each that hold nothing of it."""
WITH_SUMS = "gzip", "xz", "Zstandard"
"""Those whose last octets nothing else replaces."""


BEHIND = {"nothing": b"", "zeros": bytes(900), "ones": b"\xff" * 900, "octets": FILLER}
# The library for LZ4 keeps the content of its last block to itself until it is given a further octet
CUT_OFF = [(kind, behind) for kind in CUT for behind in BEHIND if (kind, behind) != ("LZ4", "nothing")]


@pytest.mark.parametrize(("kind", "behind"), CUT_OFF)
def test_a_short_stream_that_was_cut_off_is_searched_and_named(kind: str, behind: str, tmp_path: Path) -> None:
    octets, end = CUT[kind]
    places, unpacking = found_in(FILLER + octets[:-end] + BEHIND[behind], tmp_path)
    assert [place.offset for place in places if place.within] == [SHORT.index(CANARY)]
    if kind in WITH_SUMS:
        assert unpacking.closed == {"the end of streams that break off"}


def test_random_octets_that_begin_like_a_stream_are_none(tmp_path: Path) -> None:
    places, unpacking = found_in(b"\x78\x9c\xff\xff" * 50 + b"\x1f\x8b\x08\0" * 50 + b"\x28\xb5\x2f\xfd" * 50, tmp_path)
    assert not places
    assert (unpacking.streams, unpacking.octets) == (0, 0)


def test_a_bomb_ends_the_search_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 20)
    _, unpacking = found_in(zlib.compress(b"\0" * (8 << 20)) + zlib.compress(CONTENT), tmp_path)
    assert unpacking.stopped
    assert unpacking.octets < 2 << 20
    assert "until a bound of the harness was reached" in str(unpacking)


def test_one_stream_takes_no_more_of_the_disk_than_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_OF_A_RUN", 1 << 16)
    _, unpacking = found_in(zlib.compress(b"\0" * (8 << 20)), tmp_path)
    assert unpacking.stopped
    assert unpacking.octets < 1 << 20


def test_no_file_is_left(tmp_path: Path) -> None:
    found_in(gzip.compress(CONTENT) + FILLER + gzip.compress(CONTENT), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_an_empty_image_has_no_streams(tmp_path: Path) -> None:
    assert found_in(b"", tmp_path)[0] == ()


LARGE = lzop(b"")[:-4] + struct.pack(">2I", (1 << 20) + 1, 100) + bytes(200)
HEAD = b"\x28\xb5\x2f\xfd"
CLOSED = {
    "LZ4 with a dictionary": b"\x04\x22\x4d\x18\x65\x40",
    # RFC 8878, 3.1.1.1: the descriptor, the window, and the number of the dictionary
    "Zstandard with a dictionary": HEAD + b"\x01\x58\x07" + bytes(30),
    "Zstandard with a window of more than 128 MiB": HEAD + b"\x00\x90" + bytes(30),
    "lzop with blocks of more than 1 MiB": LARGE,
}


@pytest.mark.parametrize("closed", CLOSED)
def test_a_compression_that_nothing_here_opens_is_named(closed: str, tmp_path: Path) -> None:
    assert found_in(FILLER + CLOSED[closed] + FILLER, tmp_path)[1].closed == {closed}


def test_zstandard_that_is_only_broken_is_no_closed_one(tmp_path: Path) -> None:
    octets = zstandard.compress(CONTENT)
    assert not found_in(octets[:9] + b"\xff" * 99, tmp_path)[1].closed


STARTS = [
    b"\x78\x9c",
    b"\x04\x22\x4d\x18\x64\x40",
    b"\x02\x21\x4c\x18\xff\xff\x7f\0",
    b"\x89LZO\0\r\n\x1a\n",
]


@pytest.mark.parametrize("start", STARTS, ids=repr)
def test_an_image_full_of_starts_of_streams_ends_the_search(
    start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "_WORK_BASE", 1 << 20)
    _, unpacking = found_in((start + bytes(64)) * 4000, tmp_path)
    assert unpacking.stopped
    assert unpacking.streams == 0


def key() -> bytes:
    pem = ec.generate_private_key(ec.SECP256R1())
    return pem.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


KEYS = SearchTerm("keys", {}, compiled(table("storage_patterns")["private_keys"]))


def test_a_private_key_in_a_compressed_file_system_is_found(tmp_path: Path) -> None:
    places, _ = found_in(FILLER + lzma.compress(FILLER + key()), tmp_path, KEYS)
    assert [place.what for place in places] == ["PEM private key"]


PUBLISHED = b"""-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIPEqEyB2AnCoPL/9U/YDHvdqXYbIogTywwyp6/UfDw6noAoGCCqGSM49
AwEHoUQDQgAEN8xW2XYJHlpyPsdZLf8gbu58+QaRdNCtFLX3aCJZYpJO5QDYIxH/
6i/SNF1dFr2KiMJrdw1VzYoqDvoByLTt/w==
-----END EC PRIVATE KEY-----
"""
"""Of tests/data_files/server5.key of Mbed TLS."""


@pytest.mark.parametrize(
    "written", [PUBLISHED, PUBLISHED.replace(b"\n", b"\r\n"), PUBLISHED.replace(b"\n", b"\\n")], ids=repr
)
def test_a_key_that_a_library_publishes_with_its_tests_is_nobodys_secret(written: bytes, tmp_path: Path) -> None:
    assert found_in(written, tmp_path, KEYS)[0] == ()


def test_a_secret_key_beside_a_published_one_is_found(tmp_path: Path) -> None:
    places, _ = found_in(PUBLISHED + key(), tmp_path, KEYS)
    assert [(place.what, place.offset) for place in places] == [("PEM private key", len(PUBLISHED))]
