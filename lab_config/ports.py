"""Which ports, addresses and port maps of a lab make sense: one service per port, one device per address."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Protocol

from pydantic import AfterValidator

from lab_config.base import Port, misplaced

_MAPPED = re.compile(r"(tcp|udp)/([1-9][0-9]{0,4})")
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


class _Listed(Protocol):
    @property
    def about(self) -> str: ...
    @property
    def canary(self) -> bool: ...


def require_distinct(services: Iterable[_Listed]) -> None:
    """Raise if two services have the same port of the same transport, or if two of them are the canary."""
    ports: dict[str, int] = {}
    canary: int | None = None
    for index, service in enumerate(services):
        if ports.setdefault(service.about, index) != index:
            raise misplaced("another service has this port", "services", index, "port")
        if service.canary and canary is not None:
            raise misplaced("another service is the canary already: name one", "services", index, "canary")
        canary = index if service.canary else canary


def _host(text: str) -> str:
    """Accept the address of one device. ValueError for an address of none, of many or of all of them."""
    address = _address_of(text)
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_unspecified or mapped in ipaddress.ip_network("0.0.0.0/8" if mapped.version == 4 else "::/128"):
        raise ValueError(f"{text} is the address of no device: expected the address of the sample")
    if mapped.is_multicast:
        raise ValueError(f"{text} is a multicast address: expected the address of one device")
    if mapped == _BROADCAST:
        raise ValueError(f"{text} is the broadcast address: expected the address of one device")
    return text


def _own(text: str) -> str:
    """Accept an address of this machine, or 0.0.0.0 and :: for all of them."""
    address = _address_of(text)
    if address.is_multicast or address == _BROADCAST:
        raise ValueError(f"{text} is an address of many machines: expected an address of this one")
    return text


def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is not an IP address") from None


def _version4(text: str) -> str:
    if _address_of(text).version != 4:
        raise ValueError(f"{text} is not an IPv4 address")
    return text


def _version6(text: str) -> str:
    if text and _address_of(text).version != 6:
        raise ValueError(f"{text} is not an IPv6 address")
    return _host(text) if text else text


def _forwards(ports: Mapping[str, int]) -> Mapping[str, int]:
    """Accept `tcp/443: 10443`; ValueError if two ports of the device are forwarded from one port."""
    used: dict[tuple[str, int], str] = {}
    for name, port in ports.items():
        match = _MAPPED.fullmatch(name)
        if match is None or int(match[2]) > 65_535:
            raise misplaced("expected a port of the device, such as tcp/443, as the name", name)
        if (other := used.setdefault((match[1], port), name)) != name:
            raise ValueError(f"{other} and {name} are both forwarded from port {port}: only one device port can be")
    return ports


HostAddress = Annotated[str, AfterValidator(_host)]
"""The address of one device: not 0.0.0.0, not broadcast, not multicast. An alias of loopback is one."""
HostAddress4 = Annotated[str, AfterValidator(_version4)]
HostAddress6 = Annotated[str, AfterValidator(_version6)]
SourceAddress = Annotated[str, AfterValidator(lambda text: _host(text) if text else text)]
"""The address of one sender. An empty text is no address."""
OwnAddress = Annotated[str, AfterValidator(_own)]
"""An address at which this machine acts as a server."""
PortMap = Annotated[dict[str, Port], AfterValidator(_forwards)]
