"""A draft of a Manufacturer Usage Description (RFC 8520) from peers, for the manufacturer to review."""

import ipaddress
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from drivers.network.traffic.mud import PROTOCOLS
from drivers.network.traffic.peer import TrafficPeer


def draft(name: str, url: str, peers: Iterable[TrafficPeer], now: datetime | None = None) -> str:
    """Return a MUD file, as JSON, whose from-device policy accepts these peers, for the manufacturer to review."""
    lists: dict[str, list[dict[str, Any]]] = {"ipv4": [], "ipv6": []}
    for number, peer in enumerate(dict.fromkeys(peers)):
        for family in _families(peer.host):
            for low, high in peer.ports:
                entry = f"from-{number}-{peer.transport}-{low}"
                lists[family].append(_ace(entry, family, peer, low, high))
    acls = [
        {"name": f"from-{family}", "type": f"{family}-acl-type", "aces": {"ace": aces}}
        for family, aces in lists.items()
        if aces
    ]
    described = {
        "mud-version": 1,
        "mud-url": url,
        "last-update": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "cache-validity": 48,
        "is-supported": True,
        "systeminfo": name[:60],
        "from-device-policy": {"access-lists": {"access-list": [{"name": acl["name"]} for acl in acls]}},
        "to-device-policy": {"access-lists": {"access-list": []}},
    }
    return json.dumps({"ietf-mud:mud": described, "ietf-access-control-list:acls": {"acl": acls}}, indent=2) + "\n"


def _families(host: str) -> tuple[str, ...]:
    try:
        return (f"ipv{ipaddress.ip_network(host).version}",)
    except ValueError:
        return "ipv4", "ipv6"


def _ace(name: str, family: str, peer: TrafficPeer, low: int, high: int) -> dict[str, Any]:
    try:
        to = {f"destination-{family}-network": str(ipaddress.ip_network(peer.host))}
    except ValueError:
        to = {"ietf-acldns:dst-dnsname": peer.host}
    number = next(number for number, kind in PROTOCOLS.items() if kind == peer.transport)
    port = {"operator": "eq", "port": low} if low == high else {"lower-port": low, "upper-port": high}
    transport: dict[str, Any] = {"destination-port": port}
    if peer.transport == "tcp":
        transport = {"ietf-mud:direction-initiated": "from-device", **transport}
    matches = {family: {"protocol": number, **to}, peer.transport: transport}
    return {"name": name, "matches": matches, "actions": {"forwarding": "accept"}}
