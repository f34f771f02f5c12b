"""Frames of a capture, with scapy as the peer that builds them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.packet import Packet, Raw

from drivers.network.traffic.packets import Frame, read

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
"""Without addresses scapy would ask the network for them."""
PORTS = st.integers(0, 0xFFFF)
OLD, NEW = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
TAGS = st.sampled_from([LINK, LINK / Dot1Q(vlan=7)])
OPTIONS = st.sampled_from([[], [IPOption_NOP()], [IPOption_Router_Alert()]])
EXTENSIONS = st.lists(
    st.sampled_from(
        [IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 12)]), IPv6ExtHdrDestOpt(), IPv6ExtHdrRouting(addresses=[])]
    ),
    max_size=4,
)


def carried(transport: Packet, source: str, to: str) -> Frame:
    """Return what a frame with this transport is to be read as."""
    if isinstance(transport, UDP):
        return Frame(source, to, "udp", transport.sport, transport.dport, payload=bytes(transport.payload))
    if isinstance(transport, TCP):
        return Frame(source, to, "tcp", transport.sport, transport.dport, str(transport.flags) == "S")
    return Frame(source, to, "icmp")


TRANSPORTS = st.one_of(
    st.builds(lambda source, port, data: UDP(sport=source, dport=port) / Raw(data), PORTS, PORTS, st.binary()),
    st.builds(lambda port, flags: TCP(sport=1, dport=port, flags=flags), PORTS, st.sampled_from(["S", "SA", "A", "R"])),
)


@settings(deadline=None, max_examples=60)
@given(TAGS, OLD, OLD, OPTIONS, st.one_of(TRANSPORTS, st.just(ICMP())))
def test_a_packet_of_ipv4_that_scapy_built_is_read(
    tag: Packet, source: str, to: str, options: list[Packet], transport: Packet
) -> None:
    frame = bytes(tag / IP(src=source, dst=to, options=options) / transport)
    assert read(frame) == carried(transport, source, to)


@settings(deadline=None, max_examples=60)
@given(TAGS, NEW, NEW, EXTENSIONS, st.one_of(TRANSPORTS, st.just(ICMPv6EchoRequest())))
def test_a_packet_of_ipv6_that_scapy_built_is_read_behind_its_extensions(
    tag: Packet, source: str, to: str, extensions: list[Packet], transport: Packet
) -> None:
    packet = tag / IPv6(src=source, dst=to)
    for extension in extensions:
        packet /= extension
    assert read(bytes(packet / transport)) == carried(transport, source, to)


def test_fragments_behind_the_first_and_what_is_no_ip_are_none() -> None:
    data = UDP(sport=1, dport=2) / Raw(b"x" * 8)
    old, new = IP(src="192.0.2.1", dst="192.0.2.2"), IPv6(src="fd00::1", dst="fd00::2")
    later = bytes(old.__class__(src=old.src, dst=old.dst, frag=2, proto=17) / Raw(b"x" * 16))
    assert read(bytes(Ether(src=LINK.src, dst=LINK.dst, type=0x0800)) + later) is None
    assert read(bytes(LINK / new / IPv6ExtHdrFragment(nh=17, offset=2, id=1) / Raw(b"x" * 16))) is None
    assert read(bytes(LINK / ARP(hwsrc=LINK.src, psrc="192.0.2.1"))) is None
    first = LINK / new / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=1) / data
    assert read(bytes(first)) == Frame("fd00::1", "fd00::2", "udp", 1, 2, payload=b"x" * 8)


def test_a_tunnel_is_named_by_the_number_of_its_protocol() -> None:
    inner = IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    frame = bytes(LINK / IP(src="192.0.2.1", dst="192.0.2.2") / GRE() / inner)
    assert read(frame) == Frame("192.0.2.1", "192.0.2.2", "ip-47")


@pytest.mark.parametrize(
    ("options", "by_scapy"), [(b"\x08\x00\x00\x00", True), (b"\x1e\xff\xf0\x00", True), (b"\x1d\x03\x00\x01", False)]
)
def test_a_request_whose_options_are_malformed_is_a_request(options: bytes, by_scapy: bool) -> None:
    """A capture that scapy read would lack the last one. This is why frames are parsed here."""
    frame = bytes(LINK / IP(src="192.0.2.1", dst="192.0.2.2") / TCP(dport=443, flags="S", dataofs=6) / Raw(options))
    assert read(frame) == Frame("192.0.2.1", "192.0.2.2", "tcp", 20, 443, opens=True)
    assert (TCP in Ether(frame)) is by_scapy


def test_a_chain_of_headers_is_read_at_once_or_left() -> None:
    """scapy takes 50 ms for this frame, and a capture holds 20,000 of them."""
    chain = IPv6(src="fd00::1", dst="fd00::2", nh=60) / Raw(bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 100)
    frame = read(bytes(LINK / chain))
    assert frame is not None and frame.protocol == "ip-60"
