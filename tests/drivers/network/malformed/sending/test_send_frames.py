from typing import Any

import pytest

from drivers.network.malformed.messages.frames import Ends
from drivers.network.malformed.messages.segments import within
from drivers.network.malformed.sending.send_frames import octets_of
from tests.drivers.network.malformed.sending.frames_lab import SEGMENTS, Blocking
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


def test_a_service_that_serves_one_connection_at_a_time_withstands_segments_in_connections_that_are_left_open() -> None:
    seen = said_by("malformed.sending.frames_lab", Blocking.OPEN)["observation"]
    assert {fact["answer"] for fact in seen["facts"]} == {"refused"}, seen
    assert seen["witness"]["holds"], seen["witness"]


def test_a_service_that_any_half_sent_request_blocks_is_not_damaged_by_segments_and_the_question_stays_open() -> None:
    said = said_by("malformed.sending.frames_lab", Blocking.HALF_SENT)
    seen = said["observation"]
    assert "seen" not in {fact["answer"] for fact in seen["facts"]}, said
    assert not seen["witness"]["holds"]
    assert "the service blocks after any half-sent request" in seen["witness"]["what"]


def test_a_service_that_only_urgent_data_blocks_is_damaged_by_it() -> None:
    said = said_by("malformed.sending.frames_lab", Blocking.URGENT)
    assert {fact["about"] for fact in said["observation"]["facts"] if fact["answer"] == "seen"} == {"urgent_zero"}, said
    assert any(line.startswith("control, a healthy connection with the same octets") for line in said["lines"])


@pytest.mark.parametrize(
    ("name", "count"),
    [("overlap", 102), ("overlap_by_one", 1_001), ("backwards", 0), ("urgent_beyond", 1), ("syn_within", 0)],
)
def test_a_healthy_connection_has_as_many_octets_as_the_segments_carry_without_a_gap(name: str, count: int) -> None:
    ends = Ends(bytes(6), bytes(6), "192.0.2.1", "192.0.2.10", 80, 40_000)
    assert len(octets_of(next(train for train in within(ends) if train.name == name))) == count
