from typing import Any

import pytest

from tests.drivers.network.namespaces import said_by
from tests.drivers.network.servers.dhcp_lab import GIVEN, WRONG

OFFER, ACK = 2, 5


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return said_by("servers.dhcp_lab")


def test_the_device_gets_the_address_of_the_bench_file_for_the_lease_there(said: dict[str, Any]) -> None:
    assert said["offer"] == [[OFFER, GIVEN, 600, True]]
    assert said["ack"] == [[ACK, GIVEN, 600, True]]


def test_another_hardware_address_is_counted_and_gets_no_answer(said: dict[str, Any]) -> None:
    assert (said["strangers"], said["count"]) == (1, 4)


def test_wrong_answers_go_before_the_good_one_as_what_was_asked_for_and_once(said: dict[str, Any]) -> None:
    *wrong, good = said["behind wrong ones"]
    assert len(wrong) == WRONG
    assert all((kind, mine) == (ACK, True) for kind, _, _, mine in wrong)
    assert good == said["once"][0] == [ACK, GIVEN, 600, True]


def test_a_link_that_is_not_there_is_the_benchs_fault(said: dict[str, Any]) -> None:
    assert said["without a link"].startswith("bench: the DHCP server cannot listen on udp/67 of none0")
