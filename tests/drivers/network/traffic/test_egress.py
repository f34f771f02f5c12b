import ipaddress
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from drivers.network.traffic.capture import Captured, Recording
from drivers.network.traffic.egress import Egress, EgressSeen
from drivers.network.traffic.flows import Traffic
from drivers.network.traffic.mud_draft import draft
from drivers.network.traffic.packets import read
from drivers.network.traffic.peer import TrafficPeer
from tests.drivers.network.traffic.test_mud import with_entries
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
    hosts, broadcasts = {"cloud.example": BENCH}, frozenset({"192.0.2.255"})
    probe = Egress(lambda: recording, peers, hosts, services, mud, datagrams, broadcasts=broadcasts)
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


def announced(address: str, port: int = 21027) -> Captured:
    return of_device((IPv6 if ":" in address else IP)(dst=address) / UDP(sport=40000, dport=port) / Raw(b"x"))


@pytest.mark.parametrize("address", ["255.255.255.255", "192.0.2.255", "239.1.2.3", "ff12::8384"])
def test_what_all_or_a_group_get_at_the_port_of_a_declared_service_is_its_announcement(address: str) -> None:
    found = seen(heartbeat(), announced(address), datagrams=frozenset({21027}))
    assert found.undeclared == ()
    (about,) = (one.about for one in found.facts if "21027" in one.about)
    assert found.detail(about).startswith("announcement of the declared service udp/21027: ")


@pytest.mark.parametrize(
    "sent",
    [
        announced("192.0.2.77"),  # one station
        announced("203.0.113.255"),  # of another subnet, this may be one station
        announced("2001:db8::9"),
        announced("255.255.255.255", 21028),
        of_device(IP(src=OWN, dst="192.0.2.255") / TCP(dport=21027, flags="S")),
    ],
)
def test_what_goes_to_one_station_or_to_another_port_is_no_announcement(sent: Captured) -> None:
    assert len(seen(heartbeat(), sent, datagrams=frozenset({21027})).undeclared) == 1


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
    path = tmp_path / "mud.json"
    path.write_text(
        draft("thing", "https://example.com/mud", [TrafficPeer("203.0.113.9", "udp", ((123, 123),), "time")])
    )
    request = of_device(IP(src=OWN, dst=OTHER) / UDP(dport=123) / Raw(b"x"))
    assert seen(heartbeat(), request, mud=path).undeclared == ()


def mud_file(folder: Path, *aces: dict[str, Any]) -> Path:
    path = folder / "mud.json"
    path.write_text(json.dumps(with_entries(*aces)))
    return path


def test_what_an_unresolved_entry_of_a_mud_file_may_accept_is_left_open(tmp_path: Path) -> None:
    entry = {"matches": {"ietf-mud:mud": {"my-controller": [None]}, "tcp": {"destination-port": {"port": 8883}}}}
    path = mud_file(tmp_path, entry)
    lookup = of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / DNS(qd=DNSQR(qname="hub.example")))
    found = seen(heartbeat(), lookup, of_device(IP(src=OWN, dst=OTHER) / TCP(dport=8883, flags="S")), mud=path)
    assert found.undeclared == ()
    assert set(found.left_open) == {"tcp/203.0.113.9:8883", "dns/hub.example"}
    assert "MUD entry e0" in found.left_open["tcp/203.0.113.9:8883"]
    assert not found.conclusive
    other = seen(heartbeat(), of_device(IP(src=OWN, dst=OTHER) / TCP(dport=8125, flags="S")), mud=path)
    assert other.undeclared == ("tcp/203.0.113.9:8125",)


def test_the_name_of_an_entry_that_cannot_be_resolved_is_left_open_and_no_other(tmp_path: Path) -> None:
    path = mud_file(tmp_path, {"matches": {"ipv4": {"dscp": 3, "ietf-acldns:dst-dnsname": "hub.example"}}})
    names = ("hub.example", "tracker.example")
    lookups = [of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=4444, dport=53) / DNS(qd=DNSQR(qname=n))) for n in names]
    found = seen(heartbeat(), *lookups, mud=path)
    assert set(found.left_open) == {"dns/hub.example"}
    assert found.undeclared == ("dns/tracker.example",)


def test_an_unresolved_entry_that_nothing_was_sent_for_is_named_and_changes_nothing(tmp_path: Path) -> None:
    path = mud_file(tmp_path, {"matches": {"ietf-mud:mud": {"same-manufacturer": [None]}}}, {"matches": {"eth": {}}})
    found = seen(heartbeat(), mud=path)
    assert found.conclusive
    assert "MUD entry e0" in found.detail("mud")
    assert "MUD entry e1" in found.detail("mud")


def test_what_a_mud_file_drops_is_not_declared_by_a_later_entry(tmp_path: Path) -> None:
    network = {"ipv4": {"destination-ipv4-network": "203.0.113.0/24"}}
    path = mud_file(tmp_path, {"matches": network, "actions": {"forwarding": "drop"}}, {"matches": {}})
    frames = [of_device(IP(src=OWN, dst=where) / TCP(dport=9, flags="S")) for where in (OTHER, "198.51.100.1")]
    assert seen(heartbeat(), *frames, mud=path).undeclared == ("tcp/203.0.113.9:9",)


def test_a_mud_entry_for_one_port_of_the_device_declares_no_other(tmp_path: Path) -> None:
    path = mud_file(tmp_path, {"matches": {"udp": {"source-port": {"operator": "eq", "port": 5683}}}})
    right, wrong = (of_device(IP(src=OWN, dst=OTHER) / UDP(sport=port, dport=9) / Raw(b"x")) for port in (5683, 5684))
    assert seen(heartbeat(), right, mud=path).undeclared == ()
    assert seen(heartbeat(), right, wrong, mud=path).undeclared == ("udp/203.0.113.9:9",)


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


@pytest.mark.parametrize("peers", [(), (CLOUD,)])
def test_a_device_that_sends_nothing_passes_where_the_capture_hears_its_answers(peers: tuple[TrafficPeer, ...]) -> None:
    for answers, hears, holds in (
        (3, None, True),
        (3, True, True),
        (3, False, False),
        (0, None, False),
        (0, False, False),
    ):
        recording = Recording((), 9.0, 0, False, answers=answers)
        probe = Egress(lambda: recording, peers, {}, frozenset(), hears=lambda: hears)  # noqa: B023 - called at once
        found = probe.run(MemoryRecorder())
        assert found.undeclared == ()
        assert found.silent == {"unsolicited traffic"}
        assert found.conclusive is holds, found.witness


def reverse(address: str, *, kind: int = 12, name: str = "", sport: int = 4444) -> Captured:
    name = name or ipaddress.ip_address(address).reverse_pointer
    return of_device(IP(src=OWN, dst=RESOLVER) / UDP(sport=sport, dport=53) / DNS(qd=DNSQR(qname=name, qtype=kind)))


def with_ours(*frames: Captured) -> EgressSeen:
    probe = Egress(
        lambda: Recording(frames, 9.0, 0, False), (), {}, frozenset(), ours=frozenset({BENCH, "fe80::1%lab0"})
    )
    return probe.run(MemoryRecorder())


def test_a_lookup_of_who_connects_is_no_telemetry() -> None:
    answer = DNS(
        qr=1,
        qd=DNSQR(qname="1.2.0.192.in-addr.arpa", qtype="PTR"),
        an=DNSRR(rrname="1.2.0.192.in-addr.arpa", type="PTR", rdata="bench.lab"),
    )
    reply = to_device(IP(src=RESOLVER, dst=OWN) / UDP(sport=53, dport=4444) / answer)
    back = reverse(BENCH, kind=1, name="bench.lab", sport=4445)
    by_tcp = of_device(IP(src=OWN, dst=RESOLVER) / TCP(dport=53, flags="S"))
    ident = of_device(IP(src=OWN, dst=BENCH) / TCP(dport=113, flags="S"))
    netbios = of_device(IP(src=OWN, dst=BENCH) / UDP(sport=137, dport=137) / Raw(b"x"))
    found = with_ours(reverse(BENCH), reverse("fe80::1"), reply, back, by_tcp, ident, netbios)
    assert found.undeclared == ()
    assert {one.role for one in found.sent} == {"reverse lookups of this machine", "asks this machine who connects"}


def test_other_lookups_and_other_addresses_are_telemetry() -> None:
    assert "dns/9.113.0.203.in-addr.arpa" in with_ours(reverse(OTHER)).undeclared
    both = with_ours(reverse(BENCH), reverse(BENCH, kind=1, name="tracker.example")).undeclared
    assert both == ("udp/192.0.2.53:53", "dns/tracker.example")
    assert with_ours(reverse(BENCH, kind=1, name="bench.lab")).undeclared == ("udp/192.0.2.53:53", "dns/bench.lab")
    ident = of_device(IP(src=OWN, dst=OTHER) / TCP(dport=113, flags="S"))
    assert with_ours(ident).undeclared == ("tcp/203.0.113.9:113",)


def of_device_to_group(packet: Packet, mac: str = "01:00:5e:00:00:fb") -> Captured:
    data = bytes(Ether(src="02:00:00:00:00:10", dst=mac) / packet)
    return Captured(1.0, True, data, len(data))


@pytest.mark.parametrize(
    ("port", "group", "mac"),
    [
        (5353, "224.0.0.251", "01:00:5e:00:00:fb"),
        (47808, "192.0.2.255", "ff:ff:ff:ff:ff:ff"),
        (3671, "224.0.23.12", "01:00:5e:00:17:0c"),
    ],
)
def test_a_reply_to_all_to_our_own_discovery_is_no_telemetry(port: int, group: str, mac: str) -> None:
    answer = of_device_to_group(IP(src=OWN, dst=group) / UDP(sport=port, dport=port) / Raw(b"x"), mac)
    asked = question_from(40_000, port), to_all(IP(src=BENCH, dst=group) / UDP(sport=40_000, dport=port) / Raw(b"x"))
    for question in asked:
        assert seen(heartbeat(), question, answer).undeclared == ()
        late = replace(answer, when=30.0)
        assert seen(heartbeat(), question, late).undeclared == (f"udp/{group}:{port}",)
    assert seen(heartbeat(), answer).undeclared == (f"udp/{group}:{port}",)


def test_a_reply_to_a_port_that_the_question_names_is_no_telemetry() -> None:
    question = question_from(40_000, 5060)
    for where, undeclared in ((BENCH, ()), (OTHER, ("udp/203.0.113.9:5070",))):
        answer = of_device(IP(src=OWN, dst=where) / UDP(sport=5060, dport=5070) / Raw(b"x"))
        assert seen(heartbeat(), question, answer).undeclared == undeclared
