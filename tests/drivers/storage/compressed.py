"""Images for the tests of what is compressed: a text to look for, the real tools' images, and nodes and streams."""

import base64
import lzma
import struct
from pathlib import Path

import lz4.block
import yaml
from lzallright import LZOCompressor

from drivers.storage.bounds import Unpacking
from drivers.storage.dump import Image
from drivers.storage.search import SearchTerm, StoragePlace, search_unpacked

CANARY = b"hunter2-canary"
TERM = SearchTerm("it", {"it": CANARY})
FILLER = bytes(range(256)) * 20
CONTENT = FILLER + CANARY + FILLER[::-1]


def made_by_the_real_tools() -> dict[str, bytes]:
    """Return the images by what they are."""
    texts: dict[str, str] = yaml.safe_load(Path(__file__).with_name("images.yaml").read_text("utf-8"))
    return {name: lzma.decompress(base64.b64decode(text.replace(" ", ""))) for name, text in texts.items()}


def image_of(octets: bytes, folder: Path) -> Image:
    """Write an image."""
    path = folder / "image"
    path.write_bytes(octets)
    return Image(path, len(octets), len(octets))


def found_in(octets: bytes, folder: Path, term: SearchTerm = TERM) -> tuple[tuple[StoragePlace, ...], Unpacking]:
    """Search an image and what is compressed in it."""
    found, unpacking = search_unpacked(image_of(octets, folder), [term])
    return found[term.about], unpacking


def places_in(octets: bytes, folder: Path) -> list[str]:
    """Say where the text lies in what is compressed."""
    return [str(place) for place in found_in(octets, folder)[0] if place.within]


def lzo(content: bytes) -> bytes:
    """Compress a block."""
    return LZOCompressor().compress(content)


def lz4_block(content: bytes) -> bytes:
    """Compress a block."""
    return bytes(lz4.block.compress(content, store_size=False))


def legacy_lz4(content: bytes) -> bytes:
    """Compress as `lz4 -l` does: blocks of 8 MiB."""
    packed = [lz4_block(content[at : at + (1 << 23)]) for at in range(0, len(content), 1 << 23)]
    return b"\x02\x21\x4c\x18" + b"".join(len(one).to_bytes(4, "little") + one for one in packed)


def lzop(content: bytes, flags: int = 0, name: bytes = b"vmlinux") -> bytes:
    """Compress as lzop does: blocks of 256 KiB, and those that do not become smaller as they are."""
    head = struct.pack(">3H2BI3IB", 0x1040, 0x20A0, 0x0940, 1, 5, flags, 0o100644, 0, 0, len(name)) + name + bytes(4)
    extra = (struct.pack(">I", 6) + b"abcdef" + bytes(4)) if flags & 0x40 else b""
    blocks = b""
    for at in range(0, len(content), 1 << 18):
        block = content[at : at + (1 << 18)]
        packed = min(lzo(block), block, key=len)
        sums = 4 * (bool(flags & 1) + bool(flags & 0x100))
        sums += 4 * (bool(flags & 2) + bool(flags & 0x200)) if len(packed) < len(block) else 0
        blocks += struct.pack(">2I", len(block), len(packed)) + bytes(sums) + packed
    return b"\x89LZO\0\r\n\x1a\n" + head + extra + blocks + bytes(4)


def ubifs_node(
    packed: bytes, size: int, block: int = 0, inode: int = 65, number: int = 1, compression: int = 1
) -> bytes:
    """Make a data node of UBIFS (struct ubifs_data_node); nothing here looks at its sum."""
    head = struct.pack("<4sIQI4B", b"\x31\x18\x10\x06", 0, number, 48 + len(packed), 1, 0, 0, 0)
    node = head + struct.pack("<2I8xI2H", inode, 1 << 29 | block, size, compression, 0) + packed
    return node + bytes(-len(node) % 8)


def jffs2_node(
    packed: bytes, size: int, offset: int = 0, inode: int = 5, version: int = 1, compression: int = 7, order: str = "<"
) -> bytes:
    """Make an inode node of JFFS2 (struct jffs2_raw_inode)."""
    head = struct.pack(order + "2HI4x2I24x", 0x1985, 0xE002, 68 + len(packed), inode, version)
    node = head + struct.pack(order + "3I2B10x", offset, len(packed), size, compression, compression) + packed
    return node + b"\xff" * (-len(node) % 4)
