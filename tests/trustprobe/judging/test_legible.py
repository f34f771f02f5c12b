"""Exceptions that quote a hostile device, escaped in place."""

from trustprobe.errors import BenchError
from trustprobe.judging.legible import legible, make_legible

ESCAPE, SHOWN = "\x1b[2J", "\\x1b[2J"


def test_text_is_escaped_line_by_line() -> None:
    assert legible(f"one {ESCAPE}\ntwo\u202e") == f"one {SHOWN}\ntwo\\u202e"


def test_long_text_is_kept() -> None:
    assert legible("x" * 5_000) == "x" * 5_000


def test_only_the_text_of_an_exception_is_changed() -> None:
    error = ValueError(ESCAPE, 3, None)
    make_legible(error)
    assert error.args == (SHOWN, 3, None)


def test_an_error_of_ours_is_escaped_in_both_of_its_sentences() -> None:
    error = BenchError(f"it said {ESCAPE}.", f"Ask {ESCAPE}.")
    make_legible(error)
    assert str(error) == f"bench: it said {SHOWN}. Ask {SHOWN}."


def test_what_caused_an_exception_and_what_came_before_it_are_escaped_too() -> None:
    cause, before, error = ValueError(ESCAPE), KeyError(ESCAPE), OSError(ESCAPE)
    error.__cause__, cause.__context__ = cause, before
    make_legible(error)
    assert [one.args for one in (error, cause, before)] == [(SHOWN,)] * 3


class CircularError(Exception):
    """An exception that is its own cause."""

    reads = 0

    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]
        self.reads += 1
        assert self.reads < 10, "it never ends"
        return self


def test_a_circle_of_exceptions_ends() -> None:
    error = CircularError(ESCAPE)
    make_legible(error)
    assert error.args == (SHOWN,)
