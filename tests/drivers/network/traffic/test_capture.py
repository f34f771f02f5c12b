from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapReader

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


def test_scapy_reads_a_capture_file_with_times_and_true_lengths(tmp_path: Path) -> None:
    frames = (Captured(1000.5, True, b"\x01" * 20, 1500), Captured(1001.25, False, b"\x02" * 60, 60))
    file = tmp_path / "egress.pcap"
    file.write_bytes(Recording(frames, 1.0, 0, False).pcap())
    with RawPcapReader(str(file)) as reader:
        said = [(octets, one.sec + one.usec / 1e9, one.caplen, one.wirelen) for octets, one in reader]
        assert (reader.linktype, reader.nano) == (1, True)
    assert said == [(b"\x01" * 20, 1000.5, 20, 1500), (b"\x02" * 60, 1001.25, 60, 60)]
