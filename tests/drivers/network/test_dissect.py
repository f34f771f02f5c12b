import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from drivers.network.dissect import LIMIT, dissect


@pytest.mark.parametrize("raised", [struct.error, IndexError, RecursionError, AssertionError, TypeError])
def test_whatever_scapy_raises_is_no_packet(raised: type[Exception]) -> None:
    class Falls(Packet):
        def dissect(self, s: bytes) -> None:
            raise raised

    assert dissect(Falls, b"x") is None


@given(st.binary(max_size=400))
def test_octets_of_any_kind_are_a_packet_or_none(octets: bytes) -> None:
    for layer in (Ether, BOOTP):
        packet = dissect(layer, octets)
        assert packet is None or isinstance(packet, layer)


def test_a_frame_with_a_length_in_place_of_its_type_is_none() -> None:
    assert dissect(Ether, bytes(60)) is None


def test_a_frame_that_is_cut_before_its_type_is_none() -> None:
    assert dissect(Ether, b"\x02" * 13) is None


def test_octets_beyond_the_limit_are_not_parsed() -> None:
    packet = dissect(Raw, bytes(LIMIT + 1))
    assert packet is not None
    assert len(packet.load) == LIMIT
