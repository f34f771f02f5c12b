import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.documents.file import MalformedError
from drivers.network.traffic.mud import MudPolicy, policy
from drivers.network.traffic.mud_draft import draft
from drivers.network.traffic.peer import TrafficPeer

FILES = Path(__file__).parent / "mud"
"""MUD files as other tools write them; control.json is what the others have to mean."""
NAMES = some.sampled_from(["protocol", "port", "operator", "destination-port", "dst-dnsname", "forwarding", "x"])


def nested(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    return some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner, max_size=3)


PEERS = (
    TrafficPeer("cloud.example", "tcp", ((443, 443),), ""),
    TrafficPeer("203.0.113.0/24", "udp", ((5000, 5010),), ""),
    TrafficPeer("2001:db8::9", "tcp", ((8883, 8883),), ""),
)


def drafted() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        draft("thing", "https://example.com/mud", PEERS, datetime(2026, 1, 2, tzinfo=UTC))
    )
    return document


def first_ace(document: dict[str, Any]) -> dict[str, Any]:
    ace: dict[str, Any] = document["ietf-access-control-list:acls"]["acl"][0]["aces"]["ace"][0]
    return ace


def test_a_draft_reads_back_as_the_peers_it_was_made_of() -> None:
    found = {(peer.host, peer.transport, peer.ports) for peer in policy(drafted()).peers}
    assert found == {
        ("cloud.example", "tcp", ((443, 443),)),
        ("203.0.113.0/24", "udp", ((5000, 5010),)),
        ("2001:db8::9/128", "tcp", ((8883, 8883),)),
    }


def test_a_draft_has_what_rfc_8520_asks_of_the_mud_container() -> None:
    mud = drafted()["ietf-mud:mud"]
    assert (mud["mud-version"], mud["is-supported"]) == (1, True)
    assert mud["last-update"] == "2026-01-02T00:00:00+00:00"
    assert 1 <= mud["cache-validity"] <= 168


@pytest.mark.parametrize(
    ("match", "ports"),
    [
        ({"operator": "gte", "port": 1024}, ((1024, 65535),)),
        ({"operator": "lte", "port": 1024}, ((0, 1024),)),
        ({"operator": "neq", "port": 80}, ((0, 79), (81, 65535))),
        ({"lower-port": 5, "upper-port": 9}, ((5, 9),)),
        ({"operator": "lt", "port": 1024}, ((0, 1023),)),
        ({"operator": "gt", "port": 1024}, ((1025, 65535),)),
        ({"operator": "neq", "port": 0}, ((1, 65535),)),
        ({"operator": "neq", "port": 65535}, ((0, 65534),)),
        ({"operator": "range", "lower-port": 5, "upper-port": 9}, ((5, 9),)),
        ({"lower-port": 5}, ((5, 5),)),
        ({"operator": "eq", "port": "443"}, ((443, 443),)),
        ({"operator": "ietf-packet-fields:eq", "port": 443}, ((443, 443),)),
        ({"port": 7}, ((7, 7),)),
    ],
)
def test_port_matches_of_rfc_8519_are_understood(match: dict[str, Any], ports: tuple[tuple[int, int], ...]) -> None:
    document = drafted()
    first_ace(document)["matches"]["tcp"]["destination-port"] = match
    assert policy(document).peers[0].ports == ports


def test_the_local_networks_and_the_dns_controller_are_understood() -> None:
    document = drafted()
    first_ace(document)["matches"] = {"ietf-mud:mud": {"local-networks": [None]}, "tcp": {}}
    assert "192.168.0.0/16" in {peer.host for peer in policy(document).peers}
    first_ace(document)["matches"] = {"ietf-mud:mud": {"controller": "urn:ietf:params:mud:dns"}}
    assert {(peer.transport, peer.ports) for peer in policy(document).peers if peer.host == "::/0"} == {
        ("tcp", ((53, 53),)),
        ("udp", ((53, 53),)),
    }


def test_what_is_dropped_is_not_declared() -> None:
    document = drafted()
    first_ace(document)["actions"]["forwarding"] = "drop"
    assert len(policy(document).peers) == len(policy(drafted()).peers) - 1


LOCAL = "192.168.1.1"
CLOUD = "203.0.113.9"


def allowed(document: dict[str, Any], transport: str, address: str, port: int, *own: int) -> bool:
    """Whether the policy accepts a flow; the cloud is the only host with a name."""
    known = {"cloud.example": frozenset({CLOUD}), "cloud.ardea.example": frozenset({CLOUD})}
    return policy(document).accepted(transport, address, port, known, own) is not None


def with_entries(*aces: dict[str, Any], kind: str = "ipv4-acl-type") -> dict[str, Any]:
    """A MUD file whose only list has these entries; an entry without actions accepts."""
    filled = [{"name": f"e{at}", "actions": {"forwarding": "accept"}, **ace} for at, ace in enumerate(aces)]
    return {
        "ietf-mud:mud": {"from-device-policy": {"access-lists": {"access-list": [{"name": "a"}]}}},
        "ietf-access-control-list:acls": {"acl": [{"name": "a", "type": kind, "aces": {"ace": filled}}]},
    }


@pytest.mark.parametrize("name", ["control", "identity_prefix", "ethernet", "prefixed_members", "draft_container"])
def test_files_that_say_the_same_in_other_forms_declare_the_same(name: str) -> None:
    document = json.loads((FILES / f"{name}.json").read_text("utf-8"))
    control = json.loads((FILES / "control.json").read_text("utf-8"))
    assert policy(document).rules == policy(control).rules
    assert len(policy(document).peers) == 2
    assert allowed(document, "tcp", CLOUD, 443)
    assert not allowed(document, "tcp", CLOUD, 8125)


def test_entries_for_ethernet_types_declare_no_peer_and_are_named() -> None:
    found = policy(json.loads((FILES / "ethernet.json").read_text("utf-8")))
    assert len(found.without_peer) == 2
    assert "from-ethernet-plug-0" in found.without_peer[0]
    assert not found.doubts


@pytest.mark.parametrize(
    ("matches", "why"),
    [
        ({"eth": {"ethertype": "arp"}}, "Ethernet"),
        ({"eth": {"ethertype": 34958, "destination-mac-address": "01:80:c2:00:00:03"}}, "Ethernet"),
        ({"eth": {"ethertype": "0x0800"}}, "Ethernet"),
        ({"eth": {"ethertype": "0x888e"}, "ipv4": {"protocol": 17}}, "carry no IP"),
        ({"ipv4": {"protocol": 1}, "icmp": {"type": 8, "code": 0}}, "ICMP"),
        ({"ipv6": {"protocol": 58}}, "ICMP"),
        ({"icmp": {"type": 8}}, "ICMP"),
        ({"ipv4": {"protocol": 6}, "udp": {"destination-port": {"operator": "eq", "port": 53}}}, "matches nothing"),
        ({"tcp": {"ietf-mud:direction-initiated": "to-device"}}, "connections to the device"),
    ],
)
def test_an_entry_that_is_about_no_peer_is_named_and_does_no_harm(matches: dict[str, Any], why: str) -> None:
    document = with_entries({"matches": matches}, {"matches": {"ipv4": {"ietf-acldns:dst-dnsname": "cloud.example"}}})
    found = policy(document)
    assert why in found.without_peer[0]
    assert {peer.host for peer in found.peers} == {"cloud.example"}


@pytest.mark.parametrize(
    ("matches", "flow", "accepts"),
    [
        ({"ipv4": {"protocol": "6"}}, ("tcp", CLOUD, 1), True),
        ({"ipv4": {"protocol": 47}}, ("ip-47", CLOUD, 0), True),
        ({"ipv4": {"protocol": 47}}, ("tcp", CLOUD, 1), False),
        ({"ipv4": {"protocol": 17}}, ("udp", "2001:db8::1", 53), False),
        ({"ipv6": {"protocol": 17}}, ("udp", "2001:db8::1", 53), True),
        ({"ipv6": {"destination-ipv6-network": "2001:db8::/32"}}, ("tcp", "2001:db8::1", 443), True),
        ({"ipv4": {"destination-ipv4-network": "203.0.113.9/24"}}, ("tcp", CLOUD, 443), True),
        ({"ietf-mud:mud": {"local-networks": [None]}}, ("udp", LOCAL, 7), True),
        ({"ietf-mud:mud": {"local-networks": [None]}}, ("udp", CLOUD, 7), False),
        ({"mud": {"local-networks": [None]}, "ipv6": {}}, ("udp", LOCAL, 7), False),
        ({"ietf-mud:mud": {"controller": "urn:ietf:params:mud:ntp"}}, ("udp", CLOUD, 123), True),
        ({"ietf-mud:mud": {"controller": "urn:ietf:params:mud:ntp"}}, ("udp", CLOUD, 124), False),
        ({"udp": {"source-port": {"operator": "eq", "port": 68}}}, ("udp", CLOUD, 67, 68), True),
        ({"udp": {"source-port": {"operator": "eq", "port": 68}}}, ("udp", CLOUD, 67, 68, 40_000), False),
        ({"eth": {"ethertype": "0x0800"}, "ipv4": {"protocol": 17}}, ("udp", CLOUD, 7), True),
        ({"ipv4": {"ietf-acldns:dst-dnsname": "Cloud.Example."}, "tcp": {}}, ("tcp", CLOUD, 443), True),
        ({}, ("tcp", CLOUD, 443), True),
    ],
)
def test_matches_of_rfc_8519_and_8520_are_understood(
    matches: dict[str, Any], flow: tuple[str, str, int], accepts: bool
) -> None:
    document = with_entries({"matches": matches})
    assert not policy(document).doubts
    assert allowed(document, *flow) is accepts


def test_the_first_entry_that_matches_decides() -> None:
    refused = {"matches": {"ipv4": {"destination-ipv4-network": "203.0.113.0/24"}}, "actions": {"forwarding": "drop"}}
    everything: dict[str, Any] = {"matches": {}}
    assert not allowed(with_entries(refused, everything), "tcp", CLOUD, 443)
    assert allowed(with_entries(everything, refused), "tcp", CLOUD, 443)
    prefixed = {**refused, "actions": {"forwarding": "ietf-access-control-list:reject"}}
    assert not allowed(with_entries(prefixed, everything), "tcp", CLOUD, 443)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"matches": {"ipv4": {"dscp": 3}}}, "'dscp'"),
        ({"matches": {"ipv4": {"ietf-acldns:src-dnsname": "cloud.example"}}}, "'src-dnsname'"),
        ({"matches": {"ipv4": {"destination-ipv4-network": "nowhere"}}}, "'nowhere'"),
        ({"matches": {"ipv4": {"protocol": "tcp"}}}, "protocol"),
        ({"matches": {"ietf-mud:mud": {"same-manufacturer": [None]}}}, "'same-manufacturer'"),
        ({"matches": {"ietf-mud:mud": {"manufacturer": "other.example"}}}, "'other.example'"),
        ({"matches": {"ietf-mud:mud": {"my-controller": [None]}}}, "'my-controller'"),
        ({"matches": {"ietf-mud:mud": {"controller": "https://example.com/controller"}}}, "https://example.com"),
        ({"matches": {"ietf-mud:mud": {"model": "https://example.com/model"}}}, "'model'"),
        ({"matches": {"tcp": {"destination-port": {"operator": "odd", "port": 1}}}}, "'odd'"),
        ({"matches": {"tcp": {"destination-port": {"operator": "eq", "port": 70_000}}}}, "compares ports"),
        ({"matches": {"tcp": {"destination-port": 443}}}, "compares ports"),
        ({"matches": {"tcp": {"flags": "syn"}}}, "'flags'"),
        ({"matches": {"tcp": {"direction-initiated": "sideways"}}}, "'sideways'"),
        ({"matches": {"acme:wifi": {"ssid": "x"}}}, "'acme:wifi'"),
        ({"matches": {}, "actions": {"forwarding": "acme:mirror"}}, "'acme:mirror'"),
        ({"matches": {}, "actions": {}}, "its action"),
        ({"matches": {"ipv4": {"dst-dnsname": "a.example"}, "mud": {"same-manufacturer": [None]}}}, "several ways"),
    ],
)
def test_an_entry_that_cannot_be_resolved_is_named_and_decides_nothing(entry: dict[str, Any], named: str) -> None:
    found = policy(with_entries(entry))
    assert not found.peers
    assert len(found.doubts) == 1
    assert found.doubts[0].startswith("MUD entry e0: ")
    assert named in found.doubts[0]


def test_an_access_list_that_no_policy_names_is_named() -> None:
    document = with_entries({"matches": {}})
    document["ietf-mud:mud"]["from-device-policy"] = {}
    assert policy(document) == MudPolicy((), ("MUD access list a: no policy names it",))
    document["ietf-mud:mud"]["to-device-policy"] = {"access-lists": {"access-list": [{"name": "a"}]}}
    assert policy(document) == MudPolicy(())


def test_a_policy_that_names_a_list_which_is_not_there_is_refused() -> None:
    document = copy.deepcopy(drafted())
    document["ietf-access-control-list:acls"]["acl"].pop()
    with pytest.raises(MalformedError, match="from-ipv6"):
        policy(document)


@pytest.mark.parametrize(
    "policy_of_device",
    [{}, {"from-device-policy": {}}, {"from-device-policy": {"access-lists": {}}}],
)
def test_a_file_without_a_policy_declares_nothing(policy_of_device: dict[str, Any]) -> None:
    assert policy({"ietf-mud:mud": policy_of_device}) == MudPolicy(())


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"ietf-mud:mud": []},
        {"ietf-mud:mud": {"from-device-policy": None}},
        {"ietf-mud:mud": {"from-device-policy": {"access-lists": {"access-list": {}}}}},
        {"ietf-mud:mud": {}, "ietf-access-control-list:acls": []},
        {"ietf-mud:mud": {}, "ietf-access-control-list:acls": {"acl": [1]}},
        {"ietf-mud:mud": {}, "mud": {}},
        with_entries({"matches": []}),
        with_entries({"matches": {"ipv4": [6]}}),
        with_entries({"actions": "accept"}),
    ],
)
def test_what_is_no_mud_file_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="not a MUD file"):
        policy(document)


@given(some.recursive(some.none() | some.booleans() | some.integers() | some.text(max_size=5), nested, max_leaves=12))
def test_any_json_in_the_place_of_an_entry_is_named_or_refused(value: Any) -> None:
    for entry in ({"name": value}, {"matches": value}, {"matches": {"tcp": value, "ipv4": value}}, {"actions": value}):
        try:
            policy(with_entries(entry))
        except MalformedError as error:
            assert "not a MUD file" in str(error)
