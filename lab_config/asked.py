"""Servers that the product asks for names and for its address: what is declared, and who answers on a bench."""

import ipaddress
from typing import Annotated, Self

from pydantic import Field, model_validator

from lab_config.base import Model, Port, Seconds


class ResolverDeclaration(Model):
    """The product looks names up in DNS, at the resolver that it is told of."""

    seconds_to_ask: Seconds = 60
    """The longest time between two questions."""


class AddressDeclaration(Model):
    """The product gets its address by DHCP."""

    seconds_to_ask: Seconds = 60
    """The longest time from a start, or from half of a lease, to its question."""


class ResolverBench(Model):
    """Where the harness is the resolver that this sample was told of."""

    address: str
    port: Port = 53
    hosts: dict[str, str] = Field(default_factory=dict)
    """IPv4 addresses by name; every other name does not exist."""

    @model_validator(mode="after")
    def _addresses_are_addresses(self) -> Self:
        for address in self.hosts.values():
            ipaddress.IPv4Address(address)
        return self


class AddressBench(Model):
    """Where the harness is the DHCP server of this sample's link; it gives `network.address` to `mac`, and no other."""

    interface: str
    address: str
    """Our own on that interface."""
    prefix: Annotated[int, Field(ge=8, le=30)] = 24
    lease: Annotated[int, Field(ge=60, le=2**31)] = 86_400
    """Seconds of a lease, but for those of the malformed answers."""
