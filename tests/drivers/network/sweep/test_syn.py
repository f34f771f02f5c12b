"""The frames of a sweep, with scapy as the peer that parses them and answers."""

import ipaddress
import socket

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from drivers.network.sweep.link import EthernetLink
from drivers.network.sweep.link6 import Link6
from drivers.network.sweep.syn import SynTemplate, TcpAnswer, parse
from drivers.network.sweep.syn6 import Syn6Template, parse6

OWN, MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
OWN_OCTETS, MAC_OCTETS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
PORTS, NUMBERS = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
OLD, NEW = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)


def same(frame: bytes, built: Packet) -> bool:
    """Whether a frame is the one that scapy built, to the last octet of its sums."""
    return frame == bytes(built)


def syn(source: int, port: int, isn: int, mss: int) -> TCP:
    return TCP(sport=source, dport=port, seq=isn, window=64_240, flags="S", options=[("MSS", mss)])


@settings(deadline=None, max_examples=40)
@given(OLD, OLD, PORTS, PORTS, NUMBERS)
def test_a_question_over_ipv4_is_the_syn_that_scapy_builds(own: str, to: str, source: int, port: int, isn: int) -> None:
    frame = SynTemplate(EthernetLink("eth9", OWN_OCTETS, own, to), MAC_OCTETS, source, isn).to(port)
    head = Ether(src=OWN, dst=MAC) / IP(src=own, dst=to, id=0, flags="DF", ttl=64)
    assert same(frame, head / syn(source, port, isn, 1_460))


@settings(deadline=None, max_examples=40)
@given(NEW, NEW, PORTS, PORTS, NUMBERS)
def test_a_question_over_ipv6_is_the_syn_that_scapy_builds(own: str, to: str, source: int, port: int, isn: int) -> None:
    frame = Syn6Template(Link6("eth9", OWN_OCTETS, own, to), MAC_OCTETS, source, isn).to(port)
    head = Ether(src=OWN, dst=MAC) / IPv6(src=own, dst=to, hlim=64)
    assert same(frame, head / syn(source, port, isn, 1_440))


@settings(deadline=None, max_examples=40)
@given(st.one_of(st.tuples(OLD, OLD), st.tuples(NEW, NEW)), PORTS, PORTS, NUMBERS, st.sampled_from(["SA", "RA", "R"]))
def test_an_answer_that_scapy_built_is_parsed(
    ends: tuple[str, str], source: int, port: int, number: int, flags: str
) -> None:
    by_6 = ":" in ends[0]
    head = IPv6(src=ends[0], dst=ends[1]) if by_6 else IP(src=ends[0], dst=ends[1])
    segment = TCP(sport=source, dport=port, ack=number, flags=flags, options=[("MSS", 1_460), ("NOP", None)])
    frame = bytes(Ether(src=MAC, dst=OWN) / head / segment)
    family = socket.AF_INET6 if by_6 else socket.AF_INET
    addresses = [socket.inet_pton(family, str(ipaddress.ip_address(one))) for one in ends]
    expected = TcpAnswer(addresses[0], addresses[1], source, port, number, int(segment.flags))
    assert (parse6 if by_6 else parse)(frame) == expected
