"""Notations of a secret: what the search for numbers may leave out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.notations import SpelledNumbers, numbers, squeezed

VALUES = ("hunter2", "pä\"ss/w+o<r>d & '1\\2'", "0000000000", "aaaaaa!", "\x01\x02\x03\x04\x05\x06")
WRITTEN = [pytest.param(one, id=f"{value!a}-{at}") for value in VALUES for at, one in enumerate(numbers(value))]


@pytest.mark.parametrize("written", WRITTEN)
@given(data=st.data())
@settings(deadline=None)
def test_a_beginning_is_in_the_squeezed_text_wherever_numbers_are_found(
    written: SpelledNumbers, data: st.DataObject
) -> None:
    text = data.draw(st.from_regex(written.pattern, fullmatch=False))
    assert written.pattern.search(text)
    assert any(begin in squeezed(text) for begin in written.beginnings)
