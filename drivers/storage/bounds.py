"""What the search of a storage image may unpack: an image may be a bomb, and nothing of it is believed."""

from dataclasses import dataclass, field

from drivers.storage.blocks import BlockError, Codec
from drivers.storage.dump import Image

_WORK_BASE, _WORK_SHARE = 1 << 32, 16


@dataclass
class Unpacking:
    """What was unpacked of one image, and the work that is left: octets that may be read and written."""

    work: int
    streams: int = 0
    octets: int = 0
    stopped: bool = False
    """Whether a bound was reached, so that something was not unpacked."""
    closed: set[str] = field(default_factory=set)
    """What was recognised, and could not be opened."""

    @classmethod
    def of(cls, image: Image) -> "Unpacking":
        """Begin, with work in proportion to the image."""
        return cls(_WORK_BASE + _WORK_SHARE * image.searched)

    def spend(self, octets: int) -> None:
        """Count work that was done."""
        self.work -= octets
        self.stopped = self.stopped or self.work <= 0

    def open(self, codec: Codec, data: bytes, most: int) -> bytes | None:
        """Return the content of a block, at most so many octets; None where it is broken, or no work is left."""
        if self.stopped:
            return None
        try:
            content, work = codec(data, most)
        except BlockError as error:
            self.broken(error)
            return None
        self.spend(work)
        self.streams += 1
        return content

    def broken(self, error: BlockError) -> None:
        """Count the work at a block that was not opened, and keep what it is."""
        self.spend(error.work)
        if error.closed:
            self.closed.add(error.closed)

    def __str__(self) -> str:
        """Say it, ready to print."""
        words = f"{self.streams} compressed streams and blocks of {self.octets} octets were unpacked"
        bound = ", until a bound of the harness was reached" if self.stopped else ""
        return words + bound + (f"; not opened: {', '.join(sorted(self.closed))}" if self.closed else "")
