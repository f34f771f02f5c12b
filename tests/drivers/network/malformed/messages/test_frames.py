"""Frames of our own: they go to the device alone, they lie as was meant, and a seed gives the same ones."""

import ipaddress
import socket
import struct
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import RawPcapReader

from drivers.network.malformed.messages.frames import (
    ACK,
    FRAME_LIMIT,
    IPV4,
    IPV6,
    Ends,
    Train,
    capture_file,
    train_of,
    with_sum,
)
from drivers.network.malformed.messages.message import bounded
from drivers.network.malformed.messages.segments import CONTROL, ignored, within
from drivers.network.malformed.sending.send_frames import FRAME_LAYERS
from drivers.network.sweep.syn import checksum

OWN, MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ENDS = {
    4: Ends(OWN, MAC, "192.0.2.1", "192.0.2.10", 443, 40_000),
    6: Ends(OWN, MAC, "fd00::1", "fd00::2", 443, 40_000),
}


def trains(layer: str, seed: int, count: int) -> tuple[Train, ...]:
    kind, random = FRAME_LAYERS[layer], Random(f"{seed}/{layer}")
    return bounded(kind.named(ENDS[kind.version], random), kind.more(ENDS[kind.version], random), count)


@given(st.sampled_from(sorted(FRAME_LAYERS)), st.integers(0, 2**63 - 1), st.integers(1, 130))
@settings(max_examples=25, deadline=None)
def test_each_frame_goes_to_the_device_and_a_seed_gives_the_same_ones(layer: str, seed: int, count: int) -> None:
    made = trains(layer, seed, count)
    assert made == trains(layer, seed, count)
    assert len({train.name for train in made}) == len(made) == count
    for train in made:
        assert train.origin
        assert train.message.name == train.name
        for frame in train.frames:
            assert frame[:12] == MAC + OWN, "no other station gets it, and it says that it is ours"
            assert 14 <= len(frame) <= FRAME_LIMIT


def test_no_arp_tells_the_device_a_wrong_address_of_ours() -> None:
    for train in trains("arp", 1, 200):
        for frame in train.frames:
            if len(frame) >= 32 and frame[18:20] == b"\x06\x04" and frame[28:32] == socket.inet_aton(ENDS[4].own):
                assert frame[22:28] == OWN, train.name


def test_no_router_advertisement_makes_the_bench_a_router() -> None:
    for train in trains("icmpv6", 1, 300):
        for frame in train.frames:
            if frame[20] == socket.IPPROTO_ICMPV6 and frame[54:55] == b"\x86" and len(frame) >= 62:
                assert frame[60:62] == b"\0\0", f"{train.name} has a lifetime"


def summed(octets: bytes) -> int:
    return checksum(octets + bytes(len(octets) % 2))


@pytest.mark.parametrize("version", [4, 6])
def test_a_good_segment_has_a_right_sum_and_the_control_a_wrong_one(version: int) -> None:
    ends = ENDS[version]
    addresses = b"".join(ipaddress.ip_address(one).packed for one in (ends.own, ends.theirs))
    for packet, right in ((ends.ip() / ends.segment(ACK, payload=b"odd"), True), (ignored(ends), False)):
        octets = bytes(packet)[34 if version == 4 else 54 :]
        total = summed(addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(octets)) + octets)
        assert (total == 0) is right


def test_headers_claim_what_they_are_told_to_claim() -> None:
    frame = bytes(ENDS[4].ip(1, options=b"\x07\x00", ihl=15, len=7) / b"abcd")
    assert struct.unpack_from("!HB", frame, 12) == (IPV4, 0x4F)
    assert struct.unpack_from("!H", frame, 16) == (7,)
    assert summed(frame[14:38]) == 0, "the sum of the header that is there is right"
    frame = bytes(ENDS[6].ip(58, plen=9) / b"abcd")
    assert struct.unpack_from("!H4xHB", frame, 12) == (IPV6, 9, 58)


@pytest.mark.parametrize("octets", [b"", b"\x08", b"odd"])
def test_what_is_too_short_for_a_sum_stays_as_it_is(octets: bytes) -> None:
    assert with_sum(octets, 2) == octets


@given(st.binary(min_size=4, max_size=200))
def test_a_sum_is_written_where_there_is_room_for_it(octets: bytes) -> None:
    assert summed(with_sum(octets, 2)) == 0
    assert summed(with_sum(octets, 2, wrong=True)) != 0


def test_a_frame_that_no_ethernet_carries_is_an_error() -> None:
    with pytest.raises(ValueError, match="1515 octets"):
        train_of("too long", "a test", ENDS[4].ip(1) / bytes(1_481))


def test_a_train_for_an_open_connection_has_its_ports_and_counts_from_its_numbers() -> None:
    ends = replace(ENDS[4], source=50_000, number=0xFFFFFFFE, acknowledged=0xFFFFFFFF)
    overlap = next(train for train in within(ends) if train.name == "overlap_by_one")
    said = [struct.unpack_from("!HHII", frame, 34) for frame in overlap.frames]
    assert said == [(50_000, 443, number, 0xFFFFFFFF) for number in (0xFFFFFFFF, 997, 0xFFFFFFFE)]


def test_the_options_that_stacks_trip_over_are_among_the_segments() -> None:
    named = {train.name: train for train in trains("tcp", 1, 100)}
    options = named["option_length_0"].frames[0][54:]
    assert options[:2] == b"\x08\x00"
    assert CONTROL in named
    assert named["urgent_zero"].within


def test_frames_are_kept_as_a_file_that_other_programs_read(tmp_path: Path) -> None:
    file = tmp_path / "frames.pcap"
    file.write_bytes(capture_file([b"\xaa" * 60, b"\xbb" * 1_500]))
    with RawPcapReader(str(file)) as reader:
        assert [octets for octets, _ in reader] == [b"\xaa" * 60, b"\xbb" * 1_500]
