"""Servers that give the product names and its address: the declaration, and the bench that acts as these servers."""

from typing import Annotated

from pydantic import Field

from lab_config.base import Model, Port, Seconds
from lab_config.ports import HostAddress, HostAddress4, OwnAddress


class ResolverDeclaration(Model):
    """The product looks up names in DNS, at the resolver that it is configured to use."""

    seconds_to_ask: Seconds = 60
    """The longest time between two queries."""


class AddressDeclaration(Model):
    """The product gets its address by DHCP."""

    seconds_to_ask: Seconds = 60
    """The longest time from a start, or from half of a lease, to its request."""


class ResolverBench(Model):
    """The address at which the harness acts as the resolver that this sample is configured to use."""

    address: OwnAddress
    port: Port = 53
    hosts: dict[str, HostAddress4] = Field(default_factory=dict)
    """IPv4 addresses by name; every other name does not exist."""


class AddressBench(Model):
    """The harness acts as the DHCP server of this sample's link. It gives `network.address` to `mac` only."""

    interface: str
    address: HostAddress
    """The harness's own address on that interface."""
    prefix: Annotated[int, Field(ge=8, le=30)] = 24
    lease: Annotated[int, Field(ge=60, le=2**31)] = 86_400
    """Seconds of a lease, except in malformed answers."""
