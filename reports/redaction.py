"""Removes secrets from files: the values of a bench's secrets, in every notation that a writer may have used.

Works on any file in bounded memory, and replaces a file only as a whole. The caller states the secrets.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from ahocorasick_rs import BytesAhoCorasick

from reports.notations import (
    FREE_OF_CASE,
    SpelledNumbers,
    escaped,
    free_of_case,
    is_folded,
    numbers,
    plain,
    readings,
    squeezed,
    unfolded,
    unfolded_places,
    whole,
)
from trustprobe.probe import Frozen

_Span = tuple[int, int, bytes]
"""Where a secret begins and ends, and what replaces it."""
_Piece = tuple[bytes, bytes | None]
"""Octets, and what replaces them if they are a secret."""
SPREAD = 48
"""The longest notation of one octet of a secret, in octets: an escape of an escape of an escape."""
CHUNK = 1 << 20
"""Bytes of a file that are in memory at once."""
SHORTEST = 4
"""Characters. A shorter value occurs in ordinary text everywhere, and is not removed."""


class Scrubbed(Frozen):
    """The replaced secrets and their places, and the secrets that were not removed."""

    files: tuple[str, ...] = ()
    """Relative paths of the files that contained a secret."""
    left: tuple[str, ...] = ()
    """Names of secrets that are too short to be distinguished from ordinary text (SHORTEST)."""


class _Texts:
    """Texts that are looked for together, each with its label."""

    def __init__(self, labels: Mapping[bytes, bytes]) -> None:
        self._labels = tuple(labels.values())
        self._automaton = BytesAhoCorasick(list(labels))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._labels

    def places(self, data: bytes) -> Iterator[_Span]:
        """Find each of these texts, also where they overlap."""
        for index, begin, end in self._automaton.find_matches_as_indexes(data, overlapping=True):
            yield begin, end, self._labels[index]


class Redactor:
    """Replaces the values of secrets by `[secret NAME]`. In binary files, uses as many `*` to keep offsets."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.left = tuple(sorted(name for name, value in secrets.items() if 0 < len(value) < SHORTEST))
        exact: dict[bytes, bytes] = {}
        folded: dict[bytes, bytes] = {}
        any_case: dict[bytes, bytes] = {}
        self._numbers: list[tuple[SpelledNumbers, bytes]] = []
        kept = {name: value for name, value in secrets.items() if len(value) >= SHORTEST}
        for name, value in sorted(kept.items(), key=lambda item: len(item[1])):
            label = f"[secret {re.sub(r'[^A-Za-z0-9_.-]', '_', name)}]".encode()
            if len(value) >= FREE_OF_CASE:
                any_case |= {text.lower(): label for text in plain(value)}
            any_case |= dict.fromkeys(free_of_case(value), label)
            folded |= dict.fromkeys(whole(value), label)
            exact |= dict.fromkeys(plain(value), label)
            self._numbers += [(written, label) for written in numbers(value)]
        self._exact, self._folded, self._any_case = _Texts(exact | folded), _Texts(folded), _Texts(any_case)
        self._beginnings = _Texts({begin: begin for written, _ in self._numbers for begin in written.beginnings})
        self._escaped = escaped(kept.values())
        longest = max((len(value.encode("utf-8", "surrogatepass")) for value in kept.values()), default=0)
        self._overlap = longest * SPREAD

    def data(self, data: bytes) -> bytes:
        """Return the bytes with every notation of every secret replaced."""
        return b"".join(label if label is not None else piece for piece, label in _cut(data, self._spans(data)))

    def _spans(self, data: bytes) -> list[_Span]:
        """Return the places of secrets, in order, that do not overlap. The first wins, and of those the longest."""
        if self._exact.empty:
            return []
        spans = [*self._found(data), *self._over_lines(data)]
        for begin, end in self._windows(data):
            for reading in readings(data[begin:end]):
                found = self._found(reading.data)
                spans += [(begin + reading.origin(at), begin + reading.origin(to), label) for at, to, label in found]
        spans.sort(key=lambda span: (span[0], -span[1]))
        kept: list[_Span] = []
        for begin, end, label in spans:
            if kept and begin < kept[-1][1]:
                if end > kept[-1][1]:
                    kept[-1] = (kept[-1][0], end, kept[-1][2])
            elif end > begin:
                kept.append((begin, end, label))
        return kept

    def _found(self, data: bytes) -> Iterator[_Span]:
        small = data.lower()
        yield from self._exact.places(data)
        yield from self._any_case.places(small)
        begun = {begin for _, _, begin in self._beginnings.places(squeezed(small))}
        for written, label in self._numbers if begun else ():
            if not begun.isdisjoint(written.beginnings):
                yield from ((match.start(), match.end(), label) for match in written.pattern.finditer(small))

    def _over_lines(self, data: bytes) -> Iterator[_Span]:
        """Find base64 that goes over several lines."""
        if not is_folded(data) or not any(self._folded.places(unfolded(data))):
            return
        text = unfolded_places(data)
        for begin, end, label in self._folded.places(text.data):
            yield text.origin(begin), text.origin(end - 1) + 1, label

    def _windows(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where escapes may hide a secret: the surroundings of each, joined where they touch."""
        begin = end = 0
        for match in self._escaped.finditer(data) if self._escaped is not None else ():
            if match.start() - self._overlap > end:
                if end:
                    yield begin, end
                begin = match.start() - self._overlap
            end = match.end() + self._overlap
        if end:
            yield max(0, begin), end

    def text(self, text: str) -> str:
        """Return the text with every notation of every secret replaced."""
        return self.data(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def folder(self, root: Path) -> Scrubbed:
        """Redact every regular file under a folder. Symbolic links are not followed."""
        if self._exact.empty:
            return Scrubbed(left=self.left)
        changed = [path for path in _regular_files(root) if self.file(path)]
        return Scrubbed(files=tuple(str(path.relative_to(root)) for path in changed), left=self.left)

    def file(self, path: Path) -> bool:
        """Redact one file, and return whether it contained a secret. It is replaced as a whole, or not at all."""
        with path.open("rb") as source:
            found, binary = False, False
            for piece, label in self._pieces(source):
                found |= label is not None
                binary |= label is None and b"\0" in piece
            if not found:
                return False
            source.seek(0)
            self._rewrite(path, source, binary)
        return True

    def _rewrite(self, path: Path, source: BinaryIO, binary: bool) -> None:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".scrub-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                for piece, label in self._pieces(source):
                    target.write(piece if label is None else b"*" * len(piece) if binary else label)
            Path(name).chmod(path.stat().st_mode & 0o777)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _pieces(self, source: BinaryIO) -> Iterator[_Piece]:
        """Yield a file's bytes in order, cut so that each secret is a piece of its own, with its label."""
        held = b""
        while True:
            chunk = source.read(CHUNK)
            held += chunk
            if chunk and len(held) < 2 * self._overlap:
                continue
            # A secret may only start where its longest notation would still fit into the held bytes.
            safe = len(held) - self._overlap if chunk else len(held)
            spans = [span for span in self._spans(held) if span[0] < safe]
            rest = max(safe, spans[-1][1]) if spans else safe
            yield from _cut(held[:rest], spans)
            held = held[rest:]
            if not chunk:
                return


def _cut(data: bytes, spans: Sequence[_Span]) -> Iterator[_Piece]:
    done = 0
    for begin, end, label in spans:
        yield data[done:begin], None
        yield data[begin:end], label
        done = end
    yield data[done:], None


def _regular_files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
