import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from drivers.documents.file import MalformedError
from drivers.network.traffic.mud import draft, peers
from drivers.network.traffic.peer import TrafficPeer

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
    found = {(peer.host, peer.transport, peer.ports) for peer in peers(drafted())}
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
        ({"port": 7}, ((7, 7),)),
    ],
)
def test_port_matches_of_rfc_8519_are_understood(match: dict[str, Any], ports: tuple[tuple[int, int], ...]) -> None:
    document = drafted()
    first_ace(document)["matches"]["tcp"]["destination-port"] = match
    assert peers(document)[0].ports == ports


def test_the_local_networks_and_the_dns_controller_are_understood() -> None:
    document = drafted()
    first_ace(document)["matches"] = {"ietf-mud:mud": {"local-networks": [None]}, "tcp": {}}
    assert "192.168.0.0/16" in {peer.host for peer in peers(document)}
    first_ace(document)["matches"] = {"ietf-mud:mud": {"controller": "urn:ietf:params:mud:dns"}}
    assert {(peer.transport, peer.ports) for peer in peers(document) if peer.host == "::/0"} == {
        ("tcp", ((53, 53),)),
        ("udp", ((53, 53),)),
    }


def test_what_is_dropped_is_not_declared() -> None:
    document = drafted()
    first_ace(document)["actions"]["forwarding"] = "drop"
    assert len(peers(document)) == len(peers(drafted())) - 1


@pytest.mark.parametrize(
    "matches",
    [
        {"eth": {}},
        {"ipv4": {"dscp": 3}},
        {"ipv4": {"protocol": 47}},
        {"ipv4": {"destination-ipv4-network": "nowhere"}},
        {"ietf-mud:mud": {"same-manufacturer": [None]}},
        {"ietf-mud:mud": {"controller": "https://example.com/controller"}},
        {"tcp": {"destination-port": {"operator": "odd", "port": 1}}},
    ],
)
def test_a_match_that_is_not_understood_is_refused_by_name(matches: dict[str, Any]) -> None:
    document = drafted()
    first_ace(document)["matches"] = matches
    with pytest.raises(MalformedError, match="from-0-tcp-443"):
        peers(document)


def test_a_policy_that_names_a_list_which_is_not_there_is_refused() -> None:
    document = copy.deepcopy(drafted())
    document["ietf-access-control-list:acls"]["acl"].pop()
    with pytest.raises(MalformedError, match="from-ipv6"):
        peers(document)


@pytest.mark.parametrize("document", [{}, {"ietf-mud:mud": []}, {"ietf-mud:mud": {"from-device-policy": None}}])
def test_what_is_no_mud_file_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="not a MUD file"):
        peers(document)
