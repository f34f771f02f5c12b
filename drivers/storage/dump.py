"""Takes and writes images of the sample's storage with the bench's programs, as a lab does with a clip or rpiboot.

    storage:
      dump: [flashrom, -p, "ch341a_spi", -r, "{file}"]
      write: [flashrom, -p, "ch341a_spi", -w, "{file}"]
      seconds: 300

The image lives in a folder that goes away with the block: it holds secrets of the sample, and is no evidence to keep.
"""

import hashlib
import shlex
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.command import run
from lab_config.bench import StorageBench
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Recorder, printable

PIECE = 1 << 20
_TAIL = 300


@dataclass(frozen=True)
class Sections:
    """The parts of a file that holds the content of several, sorted by where they begin, in octets."""

    starts: Sequence[int]
    origins: Sequence[int]
    """Offset of each in the file that it is a part of."""
    numbers: Sequence[int]
    """Inode of that file."""
    within: Sequence[str]
    """The file system, in words."""

    def at(self, offset: int) -> tuple[int, str]:
        """Return the offset in the file that lies here, and which file that is."""
        index = max(0, bisect_right(self.starts, offset) - 1)
        at = offset - self.starts[index] + self.origins[index]
        return at, f"inode {self.numbers[index]} of {self.within[index]}"


@dataclass(frozen=True)
class Image:
    """A storage image: the file, its size in octets, and how many of them are searched."""

    path: Path
    octets: int
    searched: int
    within: str = ""
    """Where it lies, in words, if it was unpacked from another image."""
    sections: Sections | None = None
    """The files of a file system, if it was unpacked from one."""

    @property
    def whole(self) -> bool:
        """Whether all of it is searched."""
        return 0 < self.octets == self.searched

    def at(self, offset: int) -> tuple[int, str]:
        """Return where an octet lies: its offset within what was unpacked, and what that is, in words."""
        return self.sections.at(offset) if self.sections and self.sections.starts else (offset, self.within)

    def pieces(self, overlap: int) -> Iterator[tuple[int, bytes]]:
        """Read what is searched: offset and octets of pieces that overlap, so that nothing is cut in two."""
        with self.path.open("rb") as file:
            start, tail = 0, b""
            while start + len(tail) < self.searched:
                more = file.read(min(PIECE, self.searched - start - len(tail)))
                if not more:
                    return
                piece = tail + more
                yield start, piece
                tail = piece[max(0, len(piece) - overlap) :]
                start += len(piece) - len(tail)


@contextmanager
def image_of(bench: StorageBench, record: Recorder) -> Iterator[Image]:
    """Run the bench's program and give the image; it is removed at the end of the block.

    Raises BenchError when the program fails, takes longer than `seconds`, or writes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="trustprobe-storage-") as folder:
        path = Path(folder) / "image"
        _run("dump", bench.dump, path, bench.seconds, record)
        if not path.is_file() or not path.stat().st_size:
            raise BenchError(
                "the storage dump left no image.", "Make the command of `storage.dump` write its image to {file}."
            )
        octets = path.stat().st_size
        image = Image(path, octets, min(octets, bench.most_octets))
        record.note(f"image: {octets} octets, {image.searched} searched, SHA-256 {_digest(image)}")
        yield image


def write_image(bench: StorageBench, image: Image, record: Recorder) -> None:
    """Run the bench's program that writes the image to the storage; the device has no power then.

    Raises BenchError when the program fails or takes longer than `seconds`.
    """
    assert bench.write is not None, "the caller checks that the bench can write"
    _run("write", bench.write, image.path, bench.seconds, record)


def _run(what: str, command: str | tuple[str, ...], path: Path, seconds: float, record: Recorder) -> None:
    words = _words(what, command, path)
    record.note(f"{what}: {shlex.join(words)}")
    finished = run(words, seconds)
    if finished.code != 0:
        took = f"did not end within {seconds:g} s" if finished.code is None else f"ended with exit code {finished.code}"
        raise BenchError(
            f"the storage {what} {took}: {printable(finished.output.strip()[-_TAIL:])}",
            f"Run the command of `storage.{what}` by hand, and correct it in the bench file.",
        )


def _words(what: str, command: str | tuple[str, ...], path: Path) -> list[str]:
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise ConfigurationError(
            f"`storage.{what}` is not a command line: {error}.", f"Correct `storage.{what}` in the bench file."
        ) from error
    return [word.replace("{file}", str(path)) for word in words]


def _digest(image: Image) -> str:
    digest = hashlib.sha256()
    for _, piece in image.pieces(0):
        digest.update(piece)
    return digest.hexdigest()
