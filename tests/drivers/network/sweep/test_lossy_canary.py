"""Packet loss is no protection of the device against sweeps."""

import pytest

from drivers.network.sweep.answers import SweepCanary


@pytest.mark.parametrize(
    ("asked", "repeated", "lossy"), [(0, 0, False), (10, 3, False), (10, 4, True), (40, 4, True), (100, 4, False)]
)
def test_questions_that_are_answered_only_when_repeated_show_loss(asked: int, repeated: int, lossy: bool) -> None:
    canary = SweepCanary(443)
    for number in range(asked):
        canary.count(True, number < repeated)
    assert canary.lossy is lossy
