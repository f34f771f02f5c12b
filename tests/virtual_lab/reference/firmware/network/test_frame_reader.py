"""The stand-in for a flawed network stack: each flaw falls over its own layer's frames, and over no good one."""

from functools import cache
from random import Random

import pytest

from drivers.network.malformed.messages.frames import ACK
from drivers.network.malformed.messages.message import bounded
from drivers.network.malformed.messages.segments import MSS, SACK_OK, TIMES
from drivers.network.malformed.sending.send_frames import FRAME_LAYERS
from tests.drivers.network.malformed.messages.test_frames import ENDS
from virtual_lab.reference.firmware.network.frame_reader import FLAWS

LAYERS = {
    "arp_crash_on_length": "arp",
    "ip_crash_on_long_fragments": "ipv4",
    "icmp_crash_on_quote": "icmp",
    "tcp_crash_on_option_length": "tcp",
    "ipv6_crash_on_chain": "ipv6",
    "nd_crash_on_option_length": "icmpv6",
}


@cache
def frames(layer: str) -> list[bytes]:
    kind, random = FRAME_LAYERS[layer], Random(f"1/{layer}")
    ends = ENDS[kind.version]
    return [
        frame for train in bounded(kind.named(ends, random), kind.more(ends, random), 100) for frame in train.frames
    ]


@pytest.mark.parametrize("flaw", sorted(FLAWS))
def test_a_flaw_falls_over_frames_of_its_own_layer_and_no_other(flaw: str) -> None:
    assert {layer for layer in FRAME_LAYERS if any(FLAWS[flaw](frame) for frame in frames(layer))} == {LAYERS[flaw]}


def test_no_flaw_falls_over_good_traffic() -> None:
    syns = [ends.ip() / ends.segment(options=MSS + SACK_OK + TIMES) for ends in ENDS.values()]
    asks = ENDS[4].ip() / ENDS[4].segment(ACK, payload=b"GET / HTTP/1.1\r\n")
    good = [bytes(packet) for packet in (*syns, asks, ENDS[4].ip(1) / (b"\x08" + bytes(63)))]
    assert not any(flaw(frame) for flaw in FLAWS.values() for frame in good)
