"""How a device comes back: what reads the id of its start, where something does."""

from collections.abc import Iterator
from itertools import count

from drivers.network.malformed.sending.revival import Revival, Starts


def counted() -> Starts:
    """Each reading gives the next id."""
    numbers: Iterator[int] = count(1)
    return Starts(lambda: str(next(numbers)))


def test_a_start_that_is_known_is_read_again_only_after_it_was_forgotten() -> None:
    revival = Revival(1.0, starts=counted())
    assert [revival.known_start(), revival.known_start()] == ["1", "1"]
    revival.forget_start()
    assert revival.known_start() == "2"
    assert revival.current_start() == "3"


def test_without_a_way_to_read_the_start_no_id_is_known() -> None:
    revival = Revival(1.0)
    revival.forget_start()
    assert (revival.known_start(), revival.current_start()) == (None, None)
