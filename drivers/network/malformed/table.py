"""Which malformed messages a declared service gets: the layers that it speaks, and a generator for each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from drivers.network.malformed.http import http, http_mutations
from drivers.network.malformed.message import Message, Way, bounded
from lab_config.models import Service, Transport

Generator = Callable[[Random], Iterator[Message]]


@dataclass(frozen=True)
class Layer:
    """One protocol's malformed messages: those that are named, then changed valid ones without end."""

    named: Generator
    more: Generator

    def messages(self, name: str, seed: int, count: int) -> tuple[Message, ...]:
        """Return `count` messages; the same seed gives the same ones."""
        random = Random(f"{seed}/{name}")
        return bounded(self.named(random), self.more(random), count)


LAYERS: Mapping[str, Layer] = MappingProxyType(
    {
        "http": Layer(http, http_mutations),
    }
)
"""The layers by the names of the declaration's protocols; `tls` lies below what a service speaks inside it."""


def layers_of(service: Service) -> tuple[str, ...]:
    """Return the layers of a declared service, the lowest first."""
    return (service.protocol,) if service.protocol in LAYERS else ()


def way_of(service: Service, layer: str) -> Way:
    """Return what carries a layer's messages to a service."""
    if service.transport is Transport.UDP:
        return Way.UDP
    return Way.TLS if service.tls and layer != "tls" else Way.TCP
