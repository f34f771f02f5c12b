from typing import Any

import pytest

from tests.drivers.network.malformed.sending.frames_lab import SEGMENTS
from tests.drivers.network.namespaces import said_by


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return said_by("malformed.sending.frames_lab")


def test_a_kernel_tolerates_the_segments_and_answers_a_good_one_before_and_after(said: dict[str, Any]) -> None:
    facts, witness = said["observation"]["facts"], said["observation"]["witness"]
    assert {fact["answer"] for fact in facts} == {"refused"}, "refused: a healthy request was answered after it"
    assert all("frames sent" in fact["detail"] for fact in facts)
    assert len(facts) == SEGMENTS
    assert witness["holds"], witness


def test_a_kernel_ignores_a_segment_with_a_wrong_sum(said: dict[str, Any]) -> None:
    assert any("the device ignored a segment with a bad checksum" in line for line in said["lines"])


@pytest.mark.parametrize(
    "octets", ["A" * 8 + "B" * 4 + "C" * 90, "A" + "B" * 1_000], ids=["three that overlap", "two that overlap by one"]
)
def test_segments_for_an_open_connection_reach_the_program_that_has_it(said: dict[str, Any], octets: str) -> None:
    assert octets in said["heard"]
