from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from drivers.network.traffic.capture import Captured, Recording
from drivers.network.traffic.egress import Egress, EgressSeen, Traffic
from drivers.network.traffic.packets import read
from drivers.network.traffic.peer import TrafficPeer
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import ConfigurationError

OWN, BENCH, OTHER, RESOLVER = "192.0.2.10", "192.0.2.1", "203.0.113.9", "192.0.2.53"
CLOUD = TrafficPeer("cloud.example", "tcp", ((8443, 8443),), "cloud: heartbeat")


def of_device(packet: Packet) -> Captured:
    data = bytes(Ether(src="02:00:00:00:00:10", dst="02:00:00:00:00:01") / packet)
    return Captured(1.0, True, data, len(data))


def to_device(packet: Packet, mac: str = "02:00:00:00:00:10") -> Captured:
    data = bytes(Ether(src="02:00:00:00:00:01", dst=mac) / packet)
    return Captured(0.5, False, data, len(data))


def to_all(packet: Packet) -> Captured:
    return to_device(packet, "01:00:5e:7f:ff:fa" if packet.dst.startswith("239.") else "ff:ff:ff:ff:ff:ff")


def heartbeat() -> Captured:
    return of_device(IP(src=OWN, dst=BENCH) / TCP(dport=8443, flags="S"))


def seen(
    *frames: Captured,
    peers: tuple[TrafficPeer, ...] = (CLOUD,),
    services: frozenset[str] = frozenset(),
    mud: Path | None = None,
    dropped: int = 0,
    full: bool = False,
    datagrams: frozenset[int] = frozenset(),
) -> EgressSeen:
    recording = Recording(frames, 9.0, dropped, full)
    probe = Egress(lambda: recording, peers, {"cloud.example": BENCH}, services, mud, datagrams)
    return probe.run(MemoryRecorder())


def test_traffic_to_declared_peers_is_the_witness() -> None:
    found = seen(heartbeat())
    assert found.undeclared == ()
    assert found.witness is not None
    assert found.witness.holds
    assert "tcp/192.0.2.1:8443" in found.witness.what


def test_another_port_of_a_declared_host_is_not_declared() -> None:
    assert seen(heartbeat(), of_device(IP(src=OWN, dst=BENCH) / TCP(dport=8125, flags="S"))).undeclared == (
        "tcp/192.0.2.1:8125",
    )


def test_a_reply_to_a_question_of_the_bench_is_not_the_devices_own() -> None:
    question = to_device(IP(src=BENCH, dst=OWN) / UDP(sport=40000, dport=161) / Raw(b"x"))
    reply = of_device(IP(src=OWN, dst=BENCH) / UDP(sport=161, dport=40000) / Raw(b"x"))
    assert seen(heartbeat(), question, reply).undeclared == ()
    assert seen(heartbeat(), reply, question).undeclared == ("udp/192.0.2.1:40000",)


def test_the_answer_of_a_resolver_hides_no_later_query_from_the_same_port() -> None:
    declared, hidden = (
        of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / DNS(qd=DNSQR(qname=name)))
        for name in ("cloud.example", "secret.tunnel.example")
    )
    answer = DNS(qr=1, qd=DNSQR(qname="cloud.example"))
    told = to_device(IP(src=RESOLVER, dst=OWN) / UDP(sport=53, dport=4444) / answer)
    assert seen(heartbeat(), declared, told, hidden).undeclared == ("dns/secret.tunnel.example",)
    assert seen(heartbeat(), told, hidden).undeclared == ("dns/secret.tunnel.example",)


def test_what_the_device_goes_on_to_send_after_an_answer_is_its_own() -> None:
    own = of_device(IP(src=OWN, dst=OTHER) / UDP(sport=123, dport=123) / Raw(b"x"))
    answer = to_device(IP(src=OTHER, dst=OWN) / UDP(sport=123, dport=123) / Raw(b"x"))
    assert "2 packets" in seen(own, answer, own).detail("udp/203.0.113.9:123")


def test_the_later_fragments_of_a_reply_are_not_the_devices_own_either() -> None:
    question = to_device(IP(src=BENCH, dst=OWN) / UDP(sport=40000, dport=161) / Raw(b"x"))
    reply = IP(src=OWN, dst=BENCH) / UDP(sport=161, dport=40000) / Raw(b"x" * 2000)
    pieces = [of_device(piece) for piece in fragment(reply, fragsize=1400)]
    assert len(pieces) == 2
    assert seen(heartbeat(), question, *pieces).undeclared == ()


def test_a_reply_to_a_question_to_a_group_is_not_the_devices_own() -> None:
    question = to_all(IP(src=OTHER, dst="239.255.255.250") / UDP(sport=50000, dport=3702) / Raw(b"x"))
    reply = of_device(IP(src=OWN, dst=OTHER) / UDP(sport=3702, dport=50000) / Raw(b"x"))
    assert seen(heartbeat(), question, reply).undeclared == ()


@pytest.mark.parametrize("address", ["192.0.2.255", "255.255.255.255"])
def test_a_reply_to_a_question_to_all_stations_is_not_the_devices_own(address: str) -> None:
    question = to_all(IP(src=BENCH, dst=address) / UDP(sport=137, dport=137) / Raw(b"x"))
    reply = of_device(IP(src=OWN, dst=BENCH) / UDP(sport=137, dport=137) / Raw(b"x"))
    assert seen(heartbeat(), question, reply).undeclared == ()


def question_from(port: int, to: int, address: str = OWN) -> Captured:
    return (to_device if address == OWN else to_all)(IP(src=BENCH, dst=address) / UDP(sport=port, dport=to) / Raw(b"x"))


def answer_to(port: int, when: float = 1.0, sport: int = 49152) -> Captured:
    return replace(of_device(IP(src=OWN, dst=BENCH) / UDP(sport=sport, dport=port) / Raw(b"x")), when=when)


@pytest.mark.parametrize(
    "question",
    [question_from(40000, 1900, "239.255.255.250"), *(question_from(40000, port) for port in (69, 1900, 3702, 5000))],
)
def test_a_service_may_answer_from_a_port_of_its_own(question: Captured) -> None:
    again = answer_to(40000, 60.0)
    assert seen(heartbeat(), question, answer_to(40000), again, datagrams=frozenset({5000})).undeclared == ()


@pytest.mark.parametrize(
    ("question", "sent"),
    [
        (question_from(40000, 161), answer_to(40000)),  # SNMP answers from where it was asked
        (question_from(40000, 1900), answer_to(40001)),
        (question_from(40000, 1900), answer_to(40000, when=11.0)),
        (question_from(123, 123, "239.0.1.1"), answer_to(123)),  # a server that announces its time asks nothing
    ],
)
def test_what_comes_from_another_port_and_is_no_answer_is_the_devices_own(question: Captured, sent: Captured) -> None:
    (about,) = seen(heartbeat(), question, sent).undeclared
    assert about.startswith("udp/192.0.2.1:")


def test_a_resolver_that_talks_to_all_hides_no_query() -> None:
    talk = to_all(IP(src=RESOLVER, dst="255.255.255.255") / UDP(sport=53, dport=1900) / Raw(b"x"))
    query = of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=1900, dport=53) / DNS(qd=DNSQR(qname="tunnel.example")))
    assert seen(heartbeat(), talk, query).undeclared == ("dns/tunnel.example",)


def test_an_announcement_is_declared_by_its_service_alone() -> None:
    announcement = of_device(IP(src=OWN, dst="224.0.0.251") / UDP(sport=5353, dport=5353) / Raw(b"x"))
    assert seen(heartbeat(), announcement, services=frozenset({"mdns"})).undeclared == ()
    assert seen(heartbeat(), announcement).undeclared == ("udp/224.0.0.251:5353",)


def test_icmp_is_housekeeping_and_no_witness() -> None:
    found = seen(of_device(IP(src=OWN, dst=OTHER) / ICMP()))
    assert found.undeclared == ()
    assert found.witness is not None
    assert not found.witness.holds


def test_a_host_is_known_by_the_address_that_dns_gave_it() -> None:
    answer = DNS(qr=1, qd=DNSQR(qname="time.example"), an=DNSRR(rrname="time.example", rdata=OTHER, ttl=60))
    frames = (
        heartbeat(),
        of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / DNS(qd=DNSQR(qname="Time.example"))),
        to_device(IP(src=RESOLVER, dst=OWN) / UDP(sport=53, dport=4444) / answer),
        of_device(IP(src=OWN, dst=OTHER) / UDP(sport=123, dport=123) / Raw(b"x")),
    )
    time_peer = TrafficPeer("time.example", "udp", ((123, 123),), "time")
    assert seen(*frames, peers=(CLOUD, time_peer)).undeclared == ()
    undeclared = seen(*frames)
    assert undeclared.undeclared == ("udp/203.0.113.9:123", "dns/time.example")
    assert "time.example" in undeclared.detail("udp/203.0.113.9:123")


def told(*records: DNSRR) -> Captured:
    message = DNS(qr=1, qd=DNSQR(qname="time.example"), an=list(records))
    return to_device(IP(src=RESOLVER, dst=OWN) / UDP(sport=53, dport=4444) / message)


def test_a_host_has_the_addresses_of_what_its_name_is_an_alias_of() -> None:
    time_peer = TrafficPeer("time.example", "udp", ((123, 123),), "time")
    asks = of_device(IP(src=OWN, dst=OTHER) / UDP(sport=123, dport=123) / Raw(b"x"))
    first = DNSRR(rrname="Time.example", type="CNAME", rdata="pool.example")
    second = DNSRR(rrname="pool.example", type="CNAME", rdata="edge.example")
    address = DNSRR(rrname="edge.example", rdata=OTHER)
    peers = (CLOUD, time_peer)
    assert seen(heartbeat(), told(first, second, address), asks, peers=peers).undeclared == ()
    assert seen(heartbeat(), told(first), told(second), told(address), asks, peers=peers).undeclared == ()
    assert seen(heartbeat(), told(first, address), asks, peers=peers).undeclared == ("udp/203.0.113.9:123",)


def test_aliases_of_one_another_have_no_address() -> None:
    there, back = (DNSRR(rrname=f"{a}.example", type="CNAME", rdata=f"{b}.example") for a, b in ("ab", "ba"))
    asks = of_device(IP(src=OWN, dst=OTHER) / UDP(dport=123) / Raw(b"x"))
    peers = (CLOUD, TrafficPeer("a.example", "udp", ((123, 123),), "time"))
    assert seen(heartbeat(), told(there, back), asks, peers=peers).undeclared == ("udp/203.0.113.9:123",)


def test_an_answer_that_was_cut_tells_the_addresses_before_the_cut() -> None:
    time_peer = TrafficPeer("time.example", "udp", ((123, 123),), "time")
    asks = of_device(IP(src=OWN, dst=OTHER) / UDP(sport=123, dport=123) / Raw(b"x"))
    whole = told(*(DNSRR(rrname="time.example", rdata=at) for at in (OTHER, "203.0.113.10")))
    cut = Captured(whole.when, whole.sent, whole.data[:-3], whole.length)
    assert seen(heartbeat(), cut, asks, peers=(CLOUD, time_peer)).undeclared == ()


def test_ipv6_is_seen_like_ipv4() -> None:
    found = seen(heartbeat(), of_device(IPv6(src="2001:db8::10", dst="2001:db8::9") / TCP(dport=443, flags="S")))
    assert found.undeclared == ("tcp/[2001:db8::9]:443",)


def test_a_network_in_the_declaration_takes_its_addresses() -> None:
    backups = TrafficPeer("203.0.113.0/24", "tcp", ((1000, 2000),), "backups")
    request = of_device(IP(src=OWN, dst=OTHER) / TCP(dport=1500, flags="S"))
    assert seen(heartbeat(), request, peers=(CLOUD, backups)).undeclared == ()


def test_a_connection_to_the_port_of_dns_is_declared_only_where_the_resolver_was_asked_by_datagram() -> None:
    query = of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / DNS(qd=DNSQR(qname="cloud.example")))
    by_tcp = of_device(IP(src=OWN, dst=RESOLVER) / TCP(dport=53, flags="S"))
    assert seen(heartbeat(), query, by_tcp).undeclared == ()
    assert seen(heartbeat(), by_tcp).undeclared == ("tcp/192.0.2.53:53",)


def test_what_is_sent_to_a_resolver_and_asks_for_no_name_is_not_declared() -> None:
    tunnel = of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / Raw(b"exfiltrated data"))
    assert seen(heartbeat(), tunnel).undeclared == ("dns/(no query)",)


def test_more_flows_than_are_kept_prove_no_absence() -> None:
    pieces = [of_device(IP(src=OWN, dst=BENCH) / UDP(dport=port) / Raw(b"x")) for port in range(1, 502)]
    every = TrafficPeer(BENCH, "udp", ((0, 65_535),), "anything")
    witness = seen(*pieces, peers=(every,)).witness
    assert witness is not None
    assert not witness.holds


@pytest.mark.parametrize(("dropped", "full"), [(1, False), (0, True)])
def test_a_capture_that_lost_frames_proves_no_absence(dropped: int, full: bool) -> None:
    found = seen(heartbeat(), dropped=dropped, full=full)
    assert found.witness is not None
    assert not found.witness.holds


def test_a_capture_whose_interface_was_taken_away_proves_no_absence_and_that_is_the_benchs_fault() -> None:
    recording = Recording((heartbeat(),), 9.0, 0, False, deaf=True)
    witness = Egress(lambda: recording, (CLOUD,), {"cloud.example": BENCH}, frozenset()).run(MemoryRecorder()).witness
    assert witness is not None
    assert not witness.holds
    assert "the interface of the bench disappeared" in witness.what


def test_a_product_that_declares_no_peer_is_heard_by_its_replies() -> None:
    question = to_device(IP(src=BENCH, dst=OWN) / UDP(sport=40000, dport=161) / Raw(b"x"))
    reply = of_device(IP(src=OWN, dst=BENCH) / UDP(sport=161, dport=40000) / Raw(b"x"))
    for frames, holds in (((question, reply), True), ((), False)):
        witness = seen(*frames, peers=()).witness
        assert witness is not None
        assert witness.holds is holds


def test_a_mud_file_declares_as_well(tmp_path: Path) -> None:
    from drivers.network.traffic.mud import draft

    path = tmp_path / "mud.json"
    path.write_text(
        draft("thing", "https://example.com/mud", [TrafficPeer("203.0.113.9", "udp", ((123, 123),), "time")])
    )
    request = of_device(IP(src=OWN, dst=OTHER) / UDP(dport=123) / Raw(b"x"))
    assert seen(heartbeat(), request, mud=path).undeclared == ()


def test_a_mud_file_that_is_none_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mud.json"
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="not a MUD file"):
        seen(heartbeat(), mud=path)


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_any_frame_is_read_or_left(data: bytes) -> None:
    read(data)
    Traffic().enter(Captured(0.0, True, data, len(data)))
    Traffic().enter(Captured(0.0, False, data, len(data)))


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_dns_payload_is_read_or_left(payload: bytes) -> None:
    traffic = Traffic()
    traffic.enter(of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / Raw(payload)))
    traffic.enter(to_device(IP(src=RESOLVER, dst=OWN) / UDP(sport=53, dport=4444) / Raw(payload)))
    assert len(traffic.names) <= 64
