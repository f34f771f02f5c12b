"""Pieces of files, written one over the other."""

import random

import pytest

from drivers.storage.generations import MOST, Piece, generations, overwritten


def piece(start: int, end: int, age: int) -> Piece:
    return Piece(start, end, age, age)


def test_pieces_that_touch_are_written_together_the_oldest_first() -> None:
    pieces = [piece(10, 20, 1), piece(0, 10, 2), piece(30, 40, 3)]
    assert list(generations(pieces, 100)) == [[piece(10, 20, 1), piece(0, 10, 2)], [piece(30, 40, 3)]]


def test_what_was_written_over_comes_after_the_newest() -> None:
    pieces = [piece(0, 10, 1), piece(10, 20, 2), piece(0, 10, 3), piece(10, 20, 4)]
    assert list(generations(pieces, 100)) == [pieces, pieces[:2]]


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
