"""Manufacturer Usage Descriptions (RFC 8520): what the from-device policy of a MUD file accepts, and a draft of one.

Parsed strictly: an unknown match is refused, so nothing counts as declared that is not. What a MUD
controller would have to resolve (controllers, same manufacturer) is understood for DNS, NTP and the local networks.
"""

import ipaddress
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from drivers.documents.file import MalformedError
from drivers.network.traffic.peer import TrafficPeer

ANY: Final = ((0, 65_535),)
_PROTOCOLS: Final = {6: "tcp", 17: "udp"}
_LOCAL: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
_CONTROLLERS: Final = {"urn:ietf:params:mud:dns": 53, "urn:ietf:params:mud:ntp": 123}
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_UNDERSTOOD: Final = frozenset({"ipv4", "ipv6", "tcp", "udp", "ietf-mud:mud"})
_IP: Final = frozenset({"ietf-acldns:dst-dnsname", "destination-ipv4-network", "destination-ipv6-network", "protocol"})


def peers(document: dict[str, Any]) -> tuple[TrafficPeer, ...]:
    """Return what the from-device policy accepts. Raises MalformedError, naming the entry that is not understood."""
    try:
        wanted = {
            entry["name"] for entry in document["ietf-mud:mud"]["from-device-policy"]["access-lists"]["access-list"]
        }
        lists = {acl["name"]: acl for acl in document["ietf-access-control-list:acls"]["acl"]}
        missing = sorted(wanted - set(lists))
        if missing:
            raise MalformedError(f"its from-device policy names the access list {missing[0]!r}, which does not exist")
        aces = [ace for name in sorted(wanted) for ace in lists[name]["aces"]["ace"]]
        return tuple(peer for ace in aces if ace["actions"]["forwarding"] == "accept" for peer in _peers(ace))
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"it is not a MUD file of RFC 8520: {type(error).__name__} {error}") from None


def _peers(ace: dict[str, Any]) -> Iterator[TrafficPeer]:
    """Return what one entry accepts: a peer for each host and transport."""
    name, matches = str(ace["name"]), ace["matches"]
    if unknown := sorted(set(matches) - _UNDERSTOOD):
        raise MalformedError(f"the entry {name!r} matches {unknown[0]!r}, which is not supported here")
    of_ip = {key: value for family in ("ipv4", "ipv6") for key, value in matches.get(family, {}).items()}
    if unknown := sorted(set(of_ip) - _IP):
        raise MalformedError(f"the entry {name!r} matches {unknown[0]!r}, which is not supported here")
    hosts, ports = _hosts(name, of_ip, matches.get("ietf-mud:mud", {}))
    stated = [kind for kind in ("tcp", "udp") if kind in matches]
    protocol = of_ip.get("protocol")
    if protocol is not None and protocol not in _PROTOCOLS:
        raise MalformedError(f"the entry {name!r} is about protocol {protocol}, which is not supported here")
    for kind in stated or ([_PROTOCOLS[protocol]] if protocol is not None else ["tcp", "udp"]):
        own = _ports(name, matches.get(kind, {})) or ports
        for host in hosts:
            yield TrafficPeer(host, kind, own, f"MUD entry {name}")


def _hosts(
    name: str, of_ip: dict[str, Any], of_mud: dict[str, Any]
) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    if "ietf-acldns:dst-dnsname" in of_ip:
        return (str(of_ip["ietf-acldns:dst-dnsname"]).lower().rstrip("."),), ANY
    networks = [of_ip[key] for key in ("destination-ipv4-network", "destination-ipv6-network") if key in of_ip]
    if networks:
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise MalformedError(f"the entry {name!r} names {network!r}, which is not a network") from None
        return tuple(networks), ANY
    if "local-networks" in of_mud:
        return _LOCAL, ANY
    if (controller := of_mud.get("controller")) in _CONTROLLERS:
        return _EVERYWHERE, ((_CONTROLLERS[controller],) * 2,)
    if of_mud:
        raise MalformedError(f"the entry {name!r} matches {sorted(of_mud)[0]!r}, which is not supported here")
    return _EVERYWHERE, ANY


def _ports(name: str, transport: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    """Return the destination ports of a match (RFC 8519, 4.2); nothing where it names none."""
    where = transport.get("destination-port")
    if where is None:
        return ()
    if "lower-port" in where:
        return ((int(where["lower-port"]), int(where["upper-port"])),)
    operator, port = where.get("operator", "eq"), int(where["port"])
    bounds = {"eq": (port, port), "gte": (port, 65_535), "lte": (0, port)}
    if operator == "neq":
        return ((0, port - 1), (port + 1, 65_535))
    if operator not in bounds:
        raise MalformedError(f"the entry {name!r} compares ports by {operator!r}, which is not supported here")
    return (bounds[operator],)


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
    number = next(number for number, kind in _PROTOCOLS.items() if kind == peer.transport)
    port = {"operator": "eq", "port": low} if low == high else {"lower-port": low, "upper-port": high}
    transport: dict[str, Any] = {"destination-port": port}
    if peer.transport == "tcp":
        transport = {"ietf-mud:direction-initiated": "from-device", **transport}
    matches = {family: {"protocol": number, **to}, peer.transport: transport}
    return {"name": name, "matches": matches, "actions": {"forwarding": "accept"}}
