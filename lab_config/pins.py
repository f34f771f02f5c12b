"""Refuses a pin of a bench file with which no certificate is compared."""

from pathlib import Path

from lab_config.base import Absent
from lab_config.bench import Bench
from lab_config.certificate import Pin
from lab_config.component import Component, Service, Transport
from lab_config.load import place_of
from trustprobe.errors import ConfigurationError


def require_used_pins(bench: Bench, path: Path, component: Component) -> None:
    """Raise ConfigurationError for the first pin that no case uses. Names that are no service are not its matter."""
    for service in component.declared:
        if service.id in bench.pins and (reason := _unused(service, component)):
            raise ConfigurationError(
                f"{place_of(path, ('pins', service.id))} is not used: {reason}.",
                "Remove it, or declare `certificate: {pinned: at_pairing}` at a TCP service with `tls: true`.",
            )


def _unused(service: Service, component: Component) -> str:
    """Return why no certificate is compared with the pin of a service. Nothing if one is."""
    declared = component.certificate_at(service.about)
    if not service.tls:
        return "the service does not use TLS"
    if service.transport is not Transport.TCP:
        return "only certificates of TCP services are read"
    if not isinstance(declared, Absent) and isinstance(declared.pinned, Pin):
        return "the declaration contains the pin of this service"
    if isinstance(declared, Absent) or declared.pinned is None:
        return "the certificate of this service is not declared as pinned"
    return ""
