"""The hash tree that Linux checks each block of the system image against (dm-verity, format 1, SHA-256, no salt).

Its root lies in the signed initrd. `veritysetup` of cryptsetup makes the same tree; here it takes one page of Python.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

BLOCK: Final = 4096
SECTOR: Final = 512


@dataclass(frozen=True)
class Verity:
    """An image with its tree behind it, and what the kernel has to be told."""

    content: bytes
    """The image, padded to whole blocks, and the levels of the tree from the root down."""
    blocks: int
    """Blocks of the image alone."""
    root: str
    """The digest of the topmost block, in hexadecimal digits."""

    def table(self, device: str) -> str:
        """Return the line of the device mapper; a block that is another restarts the machine."""
        tree = f"{device} {device} {BLOCK} {BLOCK} {self.blocks} {self.blocks} sha256 {self.root} -"
        return f"0 {self.blocks * BLOCK // SECTOR} verity 1 {tree} 1 restart_on_corruption"


def protect(image: bytes) -> Verity:
    """Make the tree of an image, which may not be empty."""
    image = _padded(image)
    levels, below = list[bytes](), image
    while True:
        below = _padded(b"".join(hashlib.sha256(block).digest() for block in _blocks(below)))
        levels.append(below)
        if len(below) == BLOCK:
            break
    tree = b"".join(reversed(levels))
    return Verity(image + tree, len(image) // BLOCK, hashlib.sha256(below).hexdigest())


def _blocks(content: bytes) -> list[bytes]:
    return [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % BLOCK)
