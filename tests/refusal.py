"""A test that refuses something says what to edit, and nothing else."""

from collections.abc import Iterable

import pytest


def refuse(messages: Iterable[str]) -> None:
    """Fail with these messages, one below the other, if there are any."""
    if lines := list(messages):
        pytest.fail("\n".join(lines), pytrace=False)
