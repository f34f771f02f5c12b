from typing import Any

import pytest

from tests.drivers.network.malformed.sending.group_lab import LENGTHS
from tests.drivers.network.namespaces import said_by


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return said_by("malformed.sending.group_lab")


def test_malformed_messages_reach_a_service_that_listens_at_its_group_only(said: dict[str, Any]) -> None:
    assert set(LENGTHS) <= set(said["heard"])
    assert {fact["answer"] for fact in said["observation"]["facts"]} == {"refused"}


def test_the_witness_is_a_healthy_request_by_the_same_way(said: dict[str, Any]) -> None:
    witness = said["observation"]["witness"]
    assert witness["holds"]
    assert "a healthy request to the group in our own frames was answered before and after" in witness["what"]


def test_malformed_messages_do_not_reach_others_of_the_group(said: dict[str, Any]) -> None:
    assert not set(LENGTHS) & set(said["overheard"])
