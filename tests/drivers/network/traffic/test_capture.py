from typing import Any

import pytest

from drivers.network.traffic.capture import Captured, Recording
from tests.drivers.network.namespaces import said_by


@pytest.fixture(scope="module")
def heard() -> dict[str, Any]:
    return said_by("traffic.capture_lab")


def test_the_kernel_keeps_what_the_device_sends_unasked_and_what_it_is_asked_by_datagram(heard: dict[str, Any]) -> None:
    own = [name for name, sent in heard["kept"] if sent]
    assert own == [
        "request",
        "request with options in IP",
        "request with ECN",
        "request over IPv6",
        "datagram",
        "datagram over IPv6",
        "tunnel",
        "last",
    ]
    assert [name for name, sent in heard["kept"] if not sent] == ["long answer", "question", "question to all"]


def test_an_answer_that_fills_a_frame_is_kept_whole(heard: dict[str, Any]) -> None:
    assert ["long answer", False] in heard["kept"]


def test_no_frame_of_a_short_capture_is_lost(heard: dict[str, Any]) -> None:
    assert heard["dropped"] == 0


def test_a_capture_knows_that_its_interface_was_deleted_and_made_again(heard: dict[str, Any]) -> None:
    assert heard["deaf"] == {"at first": False, "down and up": False, "deleted": True, "made again": True}


def test_a_capture_file_holds_times_and_true_lengths() -> None:
    written = Recording((Captured(1000.5, True, b"\x01" * 20, 1500),), 1.0, 0, False).pcap()
    assert written[:4] == b"\xd4\xc3\xb2\xa1"
    assert written[24:40] == bytes.fromhex("e8030000 20a10700 14000000 dc050000")
    assert written[40:] == b"\x01" * 20
