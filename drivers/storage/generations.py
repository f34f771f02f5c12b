"""Puts the pieces of a file together that a file system for flash wrote one by one, each over older ones.

The newest piece counts, as it does for the file system. The older ones lie in the flash all the same until it is
erased. They are put together too, after the newest, as far as they fit together.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST = 8
"""Generations of one file that are put together; what is older is given piece by piece."""

NEAR = 8192
"""Octets of what was not written again that are put together with what was, on each side of it."""


class Piece(NamedTuple):
    """A piece of a file: from where to where in the file, in octets, and where it lies in the image."""

    start: int
    end: int
    age: int
    """Which of two is newer: a higher number."""
    place: int


def generations(pieces: Sequence[Piece], longest: int) -> Iterator[list[Piece]]:
    """Give what is to be written one over the other: pieces that touch or overlap, the oldest first.

    The newest of a file come first. No group spans more than `longest` octets of the file.
    """
    given = left = sorted(pieces)
    for _ in range(MOST):
        yield from _groups(given, longest)
        left = overwritten(left)
        given = _with_neighbours(left, given)
    for piece in left:
        yield [piece]


def overwritten(pieces: Sequence[Piece]) -> list[Piece]:
    """Return those that a newer one covers, wholly or in part; they are sorted by their start, and so is the result."""
    over: set[int] = set()
    newest: list[tuple[int, int]] = []  # of those that began: age, negative, and end
    still: list[tuple[int, int]] = []  # of those that nothing newer covers yet: age and index
    for index, piece in enumerate(pieces):
        while newest and newest[0][1] <= piece.start:
            heapq.heappop(newest)
        if newest and -newest[0][0] > piece.age:
            over.add(index)
        while still and still[0][0] < piece.age:
            older = heapq.heappop(still)[1]
            if pieces[older].end > piece.start:
                over.add(older)
        heapq.heappush(newest, (-piece.age, piece.end))
        if index not in over:
            heapq.heappush(still, (piece.age, index))
    return [pieces[index] for index in sorted(over)]


def _with_neighbours(older: Sequence[Piece], pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces that are older, and those next to them that cover none of them: these were not written again.

    Both are sorted by their start, and so is the result.
    """
    kept, starts, ends = set(older), list[int](), list[int]()
    for one in older:
        if ends and one.start <= ends[-1]:
            ends[-1] = max(ends[-1], one.end)
        else:
            starts.append(one.start)
            ends.append(one.end)

    def meets(start: int, end: int) -> bool:
        index = bisect_right(ends, start)
        return index < len(starts) and starts[index] < end

    return [
        one
        for one in pieces
        if one in kept or (meets(one.start - NEAR, one.end + NEAR) and not meets(one.start, one.end))
    ]


def _groups(pieces: Sequence[Piece], longest: int) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    end = 0
    for piece in pieces:
        if group and (piece.start > end or piece.end - group[0].start > longest):
            yield sorted(group, key=lambda one: one.age)
            group = []
        end = max(end, piece.end) if group else piece.end
        group.append(piece)
    if group:
        yield sorted(group, key=lambda one: one.age)
