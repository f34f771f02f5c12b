"""Pieces of files, written one over the other."""

import random

import pytest

from drivers.storage.generations import MOST, NEAR, Piece, generations, overwritten


def piece(start: int, end: int, age: int) -> Piece:
    return Piece(start, end, age, age)


def test_pieces_that_touch_are_written_together_the_oldest_first() -> None:
    pieces = [piece(10, 20, 1), piece(0, 10, 2), piece(30, 40, 3)]
    assert list(generations(pieces, 100)) == [[piece(10, 20, 1), piece(0, 10, 2)], [piece(30, 40, 3)]]


def test_what_was_written_over_comes_after_the_newest() -> None:
    pieces = [piece(0, 10, 1), piece(10, 20, 2), piece(0, 10, 3), piece(10, 20, 4)]
    assert list(generations(pieces, 100)) == [pieces, pieces[:2]]


OLD = {
    "the first of two": ([(0, 4096, 1), (4096, 8192, 1), (0, 4096, 5)], [(0, 4096, 1), (4096, 8192, 1)]),
    "the last of two": ([(0, 4096, 1), (4096, 8192, 2), (4096, 8192, 5)], [(0, 4096, 1), (4096, 8192, 2)]),
    "the middle one": (
        [(0, 4096, 1), (4096, 8192, 2), (8192, 9000, 3), (4096, 8192, 5)],
        [(0, 4096, 1), (4096, 8192, 2), (8192, 9000, 3)],
    ),
    "one of many small ones": (
        [*((at, at + 100, at) for at in range(0, 1000, 100)), (500, 600, 9000)],
        [(at, at + 100, at) for at in range(0, 1000, 100)],
    ),
    "the first, several times": (
        [(0, 4096, 1), (4096, 8192, 2), (0, 4096, 3), (0, 4096, 4), (0, 4096, 5)],
        [(0, 4096, 1), (4096, 8192, 2)],
    ),
    "both, in turn": (
        [(0, 4096, 1), (4096, 8192, 4), (0, 4096, 3), (4096, 8192, 6), (0, 4096, 5)],
        [(0, 4096, 1), (4096, 8192, 4)],
    ),
    "a part of one": ([(0, 4096, 1), (4096, 8192, 2), (10, 20, 3)], [(0, 4096, 1), (4096, 8192, 2)]),
}
"""Pieces of a file of which some were written again, by what was, and the file before."""


@pytest.mark.parametrize(("pieces", "old"), OLD.values(), ids=OLD)
def test_an_old_file_is_put_together_with_what_was_not_written_again(
    pieces: list[tuple[int, int, int]], old: list[tuple[int, int, int]]
) -> None:
    groups = list(generations([piece(*one) for one in pieces], 1 << 20))
    assert sorted(piece(*one) for one in old) in [sorted(group) for group in groups[1:]]


def test_what_lies_far_from_what_was_written_again_is_not_given_again() -> None:
    pieces = [piece(at * 4096, (at + 1) * 4096, at) for at in range(1000)]
    given = [one for group in generations([*pieces, piece(0, 4096, 5000)], 1 << 30) for one in group]
    assert len(given) == 1001 + 1 + NEAR // 4096


def test_no_group_is_longer_than_its_bound() -> None:
    pieces = [piece(at, at + 10, at) for at in range(0, 100, 10)]
    assert [len(group) for group in generations(pieces, 30)] == [3, 3, 3, 1]


def test_each_piece_is_given_however_often_it_was_written_over() -> None:
    pieces = [piece(0, 10, age) for age in range(MOST + 30)]
    given = [one for group in generations(pieces, 100) for one in group]
    assert set(given) == set(pieces)
    assert len(given) < len(pieces) * (MOST + 1)


@pytest.mark.parametrize("seed", range(20))
def test_exactly_the_pieces_that_a_newer_one_overlaps_are_written_over(seed: int) -> None:
    chance = random.Random(seed)
    pieces = []
    for age in chance.sample(range(1000), 40):
        start = chance.randrange(200)
        pieces.append(piece(start, start + chance.randrange(1, 30), age))
    pieces.sort()
    slow = [
        one
        for one in pieces
        if any(two.age > one.age and two.start < one.end and one.start < two.end for two in pieces)
    ]
    assert overwritten(pieces) == slow
