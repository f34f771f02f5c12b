"""The content of many small files in few large ones, which are searched one after the other and then removed."""

import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from drivers.storage.bounds import Unpacking
from drivers.storage.dump import Image, Sections

BATCH = 1 << 26
"""Octets of files that are searched at once."""
_MOST_PARTS = 1 << 16
"""Parts of files that are searched at once."""
LONGEST = 1 << 28
"""Octets of one file that are put together; what follows lies in the next."""
_GAP = bytes(64)
"""Between two files and in place of a hole, so that nothing is found that only their order makes."""


class Contents:
    """Where the content of files is put: in one file on the bench, until it is full and the next begins."""

    def __init__(self) -> None:
        """Begin without a file: `into` gives it."""
        self._file: IO[bytes] | None = None
        self._begin()

    def _begin(self) -> None:
        self.size = 0
        self._starts, self._origins, self._numbers, self._names = array("Q"), array("Q"), array("Q"), list[str]()

    def into(self, file: IO[bytes]) -> None:
        """Write into this file from here on. The inode that was being written goes on in it."""
        self._file = file
        if not self._names:
            return
        origin = self._origins[-1] + self.size - self._starts[-1]
        number, within = self._numbers[-1], self._names[-1]
        self._begin()
        self.part(number, within, origin)

    def part(self, number: int, within: str, origin: int) -> None:
        """Begin a part of an inode that lies at this offset of it; what lies before it is a hole, or another inode."""
        if self.size:
            self.append(_GAP)
        self._starts.append(self.size)
        self._origins.append(origin)
        self._numbers.append(number)
        self._names.append(within)

    def append(self, content: bytes) -> None:
        """Write on."""
        self.paint(self.size, content)

    def paint(self, at: int, content: bytes) -> None:
        """Write over what may lie here."""
        assert self._file is not None, "`into` gave it"
        self._file.seek(at)
        self._file.write(content)
        self.size = max(self.size, at + len(content))

    def full(self, octets: int) -> bool:
        """Whether the next part goes into the next file."""
        return self.size >= octets or len(self._starts) >= _MOST_PARTS

    def sections(self) -> Sections:
        """Return what lies where in the file."""
        return Sections(self._starts, self._origins, self._numbers, self._names)


def images(image: Image, walk: Iterator[bool], contents: Contents, unpacking: Unpacking) -> Iterator[Image]:
    """Give what a walk writes, in files next to the image that are removed before the next one is given.

    The walk gives True after each inode, and False where one may be divided because it is long.
    """
    more = True
    while more and not unpacking.stopped:
        with tempfile.NamedTemporaryFile(dir=image.path.parent, prefix="unpacked-") as file:
            contents.into(file)
            more = _fill(walk, contents)
            file.flush()
            if contents.size:
                unpacking.octets += contents.size
                yield Image(Path(file.name), contents.size, contents.size, "", contents.sections())


def _fill(walk: Iterator[bool], contents: Contents) -> bool:
    """Let the walk write until the file is full, and return whether it is; `any` stops there."""
    return any(contents.full(BATCH if ended else LONGEST) for ended in walk)
