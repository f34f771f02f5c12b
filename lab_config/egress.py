"""Traffic that the product initiates: the destinations that its manufacturer declares, or a MUD file."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lab_config.base import Model, Port
from lab_config.papers import DocumentPath

_HOST = re.compile(r"(?=.{1,253}\.?$)([A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+")


def _host_or_network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        if not _HOST.fullmatch(text) or text.replace(".", "").isdigit():
            raise ValueError("give a host name, an address or a network") from None
    return text.lower().rstrip(".")


class Destination(Model):
    """Hosts to which the product opens connections or sends datagrams, beyond its cloud, collector and time source."""

    to: Annotated[str, AfterValidator(_host_or_network)]
    """A host name, an address, or a network such as `203.0.113.0/24`."""
    transport: Literal["tcp", "udp"]
    ports: Annotated[tuple[Port, ...], Field(min_length=1)]
    purpose: Annotated[str, StringConstraints(min_length=8)]


class EgressDeclaration(Model):
    """All traffic that the product initiates. Do not repeat peers that the declaration names elsewhere."""

    destinations: tuple[Destination, ...] = ()
    mud: DocumentPath | None = None
    """A MUD file (RFC 8520) next to the declaration. Traffic that its from-device policy accepts is also declared.

    An entry that names a controller or the same manufacturer names no host. Traffic that it may accept is left open.
    """
