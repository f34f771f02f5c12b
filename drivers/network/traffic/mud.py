"""Manufacturer Usage Descriptions (RFC 8520): what the from-device policy of a MUD file says about traffic.

The rules are those of RFC 8519, written as RFC 7951 says: a member or an identity may carry the name of its module. The
first rule that matches decides. A rule that cannot be resolved here (a controller, the same manufacturer, a field that
the capture does not compare) is kept and named, so that it neither declares nor forbids anything silently.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from drivers.documents.file import MalformedError
from drivers.network.traffic.peer import ANY, Ends, Ranges, TrafficPeer

PROTOCOLS: Final[Mapping[int, str]] = MappingProxyType({6: "tcp", 17: "udp"})
_ICMP: Final = frozenset({1, 58})
_LOCAL: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
_CONTROLLERS: Final = {"urn:ietf:params:mud:dns": 53, "urn:ietf:params:mud:ntp": 123}
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_MODULES: Final = frozenset(
    {"ietf-mud", "ietf-access-control-list", "ietf-acldns", "ietf-packet-fields", "ietf-ethertypes"}
)
_LISTS: Final = ("acls", "access-lists")
"""The container of RFC 8519, and its name in the drafts before it."""
_UNDERSTOOD: Final = frozenset({"ipv4", "ipv6", "tcp", "udp", "icmp", "eth", "mud"})
_NETWORKS: Final = ("destination-ipv4-network", "destination-ipv6-network")
_IP: Final = frozenset({"dst-dnsname", "protocol", *_NETWORKS})
_TRANSPORT: Final = frozenset({"destination-port", "source-port", "direction-initiated"})
_IP_FRAMES: Final = frozenset({"0x0800", "0x86dd", "2048", "34525", "ipv4", "ipv6"})
_ACTIONS: Final = {"accept": True, "drop": False, "reject": False}


@dataclass(frozen=True)
class MudRule:
    """What one entry says about one host and transport."""

    peer: TrafficPeer
    accepts: bool
    doubt: str = ""
    """Why it is not known whether the rule matches, or what it does; empty where it is known."""


@dataclass(frozen=True)
class MudPolicy:
    """The rules of a from-device policy in their order, and the entries that say nothing about a peer."""

    rules: tuple[MudRule, ...]
    without_peer: tuple[str, ...] = ()
    """Entries without a rule, and why they have none."""

    @property
    def peers(self) -> tuple[TrafficPeer, ...]:
        """The peers that are accepted without a doubt."""
        return tuple(rule.peer for rule in self.rules if rule.accepts and not rule.doubt)

    def first(self, *ends: *Ends) -> MudRule | None:
        """Return the first rule that matches, with the arguments of TrafficPeer.takes."""
        return next((rule for rule in self.rules if rule.peer.takes(*ends)), None)

    def accepted(self, *ends: *Ends) -> TrafficPeer | None:
        """Return the peer whose rule accepts this without a doubt."""
        rule = self.first(*ends)
        return rule.peer if rule and rule.accepts and not rule.doubt else None

    def doubt_of(self, name: str) -> str:
        """Return why a host name may be one that an entry accepts; nothing if no entry can mean it."""
        maybe = (one for one in self.rules if one.accepts and one.doubt and one.peer.host in (name, *_EVERYWHERE))
        return next((one.doubt for one in maybe), "")

    @property
    def doubts(self) -> tuple[str, ...]:
        """The entries that cannot be resolved, each once."""
        return tuple(dict.fromkeys(rule.doubt for rule in self.rules if rule.doubt))


def policy(document: dict[str, Any]) -> MudPolicy:
    """Return what the from-device policy says. MalformedError if the document is not a MUD file of RFC 8520."""
    plain = _plain(document)
    lists = {str(acl.get("name")): acl for acl in _tables(_container(plain).get("acl", []), "acl")}
    described = _table(plain.get("mud"), "ietf-mud:mud")
    rules: list[MudRule] = []
    without_peer: list[str] = []
    named = _named(described, "from-device-policy")
    for name in named:
        if name not in lists:
            raise MalformedError(f"its from-device policy names the access list {name!r}, which does not exist")
        aces = _table(lists[name].get("aces", {}), "aces").get("ace", [])
        for number, ace in enumerate(_tables(aces, "ace"), 1):
            found = _Entry(str(ace.get("name", f"{name}/{number}")))
            rules += found.read(ace)
            without_peer += found.without_peer
    loose = [name for name in lists if name not in (*named, *_named(described, "to-device-policy"))]
    without_peer += [f"MUD access list {name}: no policy names it" for name in loose]
    return MudPolicy(tuple(rules), tuple(without_peer))


def _named(described: dict[str, Any], policy_of: str) -> list[str]:
    """Return the names of the access lists that one of the two policies uses, in their order."""
    content = _table(described.get(policy_of, {}), policy_of)
    entries = _table(content.get("access-lists", {}), "access-lists").get("access-list", [])
    return [str(entry.get("name")) for entry in _tables(entries, "access-list")]


def _plain(value: Any) -> Any:
    """Return a document with member names without the name of a module that is understood (RFC 7951, 4)."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain: dict[str, Any] = {}
    for name, inner in value.items():
        local = _local(name)
        if local in plain:
            raise MalformedError(f"it is not a MUD file of RFC 8520: the member {local!r} occurs twice")
        plain[local] = _plain(inner)
    return plain


def _local(name: str) -> str:
    """Return a name or an identity without its module, if the module is one of RFC 8519 and RFC 8520."""
    module, _, local = name.rpartition(":")
    return local if module in _MODULES else name


def _container(plain: dict[str, Any]) -> dict[str, Any]:
    found = [name for name in _LISTS if name in plain]
    return _table(plain[found[0]], found[0]) if found else {}


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"it is not a MUD file of RFC 8520: {what} is not an object")
    return value


def _tables(value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise MalformedError(f"it is not a MUD file of RFC 8520: {what} is not a list")
    return [_table(one, what) for one in value]


@dataclass
class _Entry:
    """One entry while it is read: what is not understood is collected instead of dropped."""

    name: str
    doubts: list[str] = field(default_factory=list)
    without_peer: list[str] = field(default_factory=list)

    def read(self, ace: dict[str, Any]) -> list[MudRule]:
        """Return a rule for each host and transport."""
        matches = _table(ace.get("matches", {}), f"matches of {self.name!r}")
        action = _table(ace.get("actions", {}), f"actions of {self.name!r}").get("forwarding")
        local = _local(str(action))
        if local not in _ACTIONS:
            self._doubt(f"its action is {local!r}")
        parts = {name: self._part(name, value) for name, value in matches.items() if name in _UNDERSTOOD}
        for name in sorted(set(matches) - _UNDERSTOOD):
            self._doubt(f"it matches {name!r}")
        of_ip = {**parts.get("ipv4", {}), **parts.get("ipv6", {})}
        if not self._is_about_a_peer(parts, of_ip):
            return []
        self._unknown(of_ip, _IP)
        hosts, ports = self._hosts(of_ip, parts.get("mud", {}), set(parts) & {"ipv4", "ipv6"})
        peers = list(self._peers(parts, of_ip, hosts, ports))
        doubt = f"MUD entry {self.name}: {'; '.join(self.doubts)}" if self.doubts else ""
        return [MudRule(peer, _ACTIONS.get(local, True), doubt) for peer in peers]

    def _part(self, name: str, value: Any) -> dict[str, Any]:
        return _table(value, f"{name} of {self.name!r}")

    def _doubt(self, what: str) -> None:
        self.doubts.append(f"{what}, which cannot be resolved here")

    def _other(self, why: str) -> bool:
        self.without_peer.append(f"MUD entry {self.name}: {why}")
        return False

    def _unknown(self, given: Iterable[str], known: frozenset[str]) -> None:
        for name in sorted(set(given) - known):
            self._doubt(f"it matches {name!r}")

    def _is_about_a_peer(self, parts: dict[str, dict[str, Any]], of_ip: dict[str, Any]) -> bool:
        """Say whether the entry is about traffic that has a peer in IP; note why not."""
        if "eth" in parts:
            kind = str(parts["eth"].get("ethertype", "ipv4"))
            if not set(parts) & {"ipv4", "ipv6", "tcp", "udp", "icmp"}:
                return self._other("it is about Ethernet frames, and names no peer")
            if _local(kind).lower() not in _IP_FRAMES:
                return self._other(f"it is about frames of type {kind}, which carry no IP")
            self._unknown(parts["eth"], frozenset({"ethertype"}))
        protocol = _number(of_ip.get("protocol"))
        if "icmp" in parts or protocol in _ICMP:
            return self._other("it is about ICMP, which is not compared")
        stated = [kind for kind in ("tcp", "udp") if kind in parts]
        if protocol is not None and stated and PROTOCOLS.get(protocol) not in stated:
            return self._other(f"it matches nothing: protocol {protocol} is not {stated[0]}")
        if parts.get("tcp", {}).get("direction-initiated") == "to-device":
            return self._other("it is about connections to the device")
        return True

    def _peers(
        self, parts: dict[str, dict[str, Any]], of_ip: dict[str, Any], hosts: Iterable[str], ports: Ranges
    ) -> Iterator[TrafficPeer]:
        protocol = _number(of_ip.get("protocol"))
        if protocol is None and "protocol" in of_ip:
            self._doubt(f"its protocol is {of_ip['protocol']!r}")
        transports: list[str] = [kind for kind in ("tcp", "udp") if kind in parts]
        if not transports:
            transports = ["tcp", "udp"] if protocol is None else [PROTOCOLS.get(protocol, f"ip-{protocol}")]
        found = []
        for kind in transports:
            match = parts.get(kind, {})
            self._unknown(match, _TRANSPORT)
            if match.get("direction-initiated", "from-device") != "from-device":
                self._doubt(f"its direction is {match['direction-initiated']!r}")
            there = self._ports(match["destination-port"]) if "destination-port" in match else ports
            own = self._ports(match["source-port"]) if "source-port" in match else ANY
            found += [TrafficPeer(host, kind, there, f"MUD entry {self.name}", own) for host in hosts]
        return iter(found)

    def _hosts(self, of_ip: dict[str, Any], of_mud: dict[str, Any], families: set[str]) -> tuple[list[str], Ranges]:
        """Return where the entry leads; everywhere within its family where that cannot be resolved."""
        everywhere = [net for net in _EVERYWHERE if not families or ("ipv6" if ":" in net else "ipv4") in families]
        name, networks = of_ip.get("dst-dnsname"), [of_ip[key] for key in _NETWORKS if key in of_ip]
        if sum(map(bool, (name is not None, networks, of_mud))) > 1:
            self._doubt("it names its peer in several ways")
            return everywhere, ANY
        if name is not None:
            return [str(name).lower().rstrip(".")], ANY
        if networks:
            return [self._network(network) for network in networks], ANY
        if set(of_mud) == {"local-networks"}:
            wanted = [net for net in _LOCAL if not families or ("ipv6" if ":" in net else "ipv4") in families]
            return wanted, ANY
        if set(of_mud) == {"controller"} and (port := _CONTROLLERS.get(str(of_mud["controller"]))):
            return everywhere, ((port, port),)
        for key, value in of_mud.items():
            self._doubt(f"it matches {key!r}" + (f" {value!r}" if isinstance(value, str) else ""))
        return everywhere, ANY

    def _network(self, given: Any) -> str:
        try:
            return str(ipaddress.ip_network(str(given), strict=False))
        except ValueError:
            self._doubt(f"it names {str(given)[:80]!r}, which is not a network")
            return _EVERYWHERE[0]

    def _ports(self, where: Any) -> Ranges:
        """Return the ports of a match (RFC 8519, 4.2). The names `lt`, `gt` and `range` are those of its drafts."""
        given = where if isinstance(where, dict) else {}
        low, high, port = (_number(given.get(key), 65_535) for key in ("lower-port", "upper-port", "port"))
        operator = _local(str(given.get("operator", "range" if "lower-port" in given else "eq")))
        if operator == "range" and low is not None and (high is not None or "upper-port" not in given):
            return ((low, low if high is None else high),)
        if port is not None and operator in _OPERATORS:
            return _OPERATORS[operator](port)
        self._doubt(f"it compares ports by {operator[:20]!r}")
        return ANY


def _number(value: Any, most: int = 255) -> int | None:
    """Return an unsigned number, also one that is written as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def _below(port: int) -> Ranges:
    return ((0, port - 1),) if port > 0 else ()


def _above(port: int) -> Ranges:
    return ((port + 1, 65_535),) if port < 65_535 else ()


_OPERATORS: Final = {
    "eq": lambda port: ((port, port),),
    "gte": lambda port: ((port, 65_535),),
    "lte": lambda port: ((0, port),),
    "neq": lambda port: _below(port) + _above(port),
    "lt": _below,
    "gt": _above,
}
