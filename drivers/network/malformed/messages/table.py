"""Which malformed messages a declared service gets: the layers that it speaks, and a generator for each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from drivers.network.malformed.messages.binary_protocols import (
    modbus,
    modbus_mutations,
    tftp,
    tftp_mutations,
    websocket,
    websocket_mutations,
)
from drivers.network.malformed.messages.dns import dns, dns_mutations, dns_over_tcp, dns_over_tcp_mutations
from drivers.network.malformed.messages.http import http, http_mutations
from drivers.network.malformed.messages.message import DeliveryWay, Message, bounded
from drivers.network.malformed.messages.mqtt import mqtt, mqtt_mutations
from drivers.network.malformed.messages.small import (
    coap,
    coap_mutations,
    ntp,
    ntp_mutations,
    other,
    other_mutations,
    ssdp,
    ssdp_mutations,
)
from drivers.network.malformed.messages.snmp import snmp, snmp_mutations
from drivers.network.malformed.messages.ssh import ssh, ssh_mutations
from drivers.network.malformed.messages.text_protocols import (
    ftp,
    ftp_mutations,
    rtsp,
    rtsp_mutations,
    sip,
    sip_mutations,
    smtp,
    smtp_mutations,
    soap,
    soap_mutations,
    telnet,
    telnet_mutations,
)
from drivers.network.malformed.messages.tls import tls, tls_mutations
from drivers.network.malformed.messages.xml import ws_discovery, ws_discovery_mutations
from lab_config.component import Service, Transport

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
        "tls": Layer(tls, tls_mutations),
        "http": Layer(http, http_mutations),
        "ssh": Layer(ssh, ssh_mutations),
        "mqtt": Layer(mqtt, mqtt_mutations),
        "dns": Layer(dns, dns_mutations),
        "dns_over_tcp": Layer(dns_over_tcp, dns_over_tcp_mutations),
        "mdns": Layer(dns, dns_mutations),
        "ws_discovery": Layer(ws_discovery, ws_discovery_mutations),
        "ssdp": Layer(ssdp, ssdp_mutations),
        "snmp": Layer(snmp, snmp_mutations),
        "coap": Layer(coap, coap_mutations),
        "ntp": Layer(ntp, ntp_mutations),
        "rtsp": Layer(rtsp, rtsp_mutations),
        "sip": Layer(sip, sip_mutations),
        "ftp": Layer(ftp, ftp_mutations),
        "smtp": Layer(smtp, smtp_mutations),
        "telnet": Layer(telnet, telnet_mutations),
        "soap": Layer(soap, soap_mutations),
        "modbus": Layer(modbus, modbus_mutations),
        "websocket": Layer(websocket, websocket_mutations),
        "tftp": Layer(tftp, tftp_mutations),
        "other": Layer(other, other_mutations),
    }
)
"""The layers by the names of the declaration's protocols; `tls` lies below what a service speaks inside it."""


def layers_of(service: Service) -> tuple[str, ...]:
    """Return the layers of a declared service, the lowest first."""
    streams = service.transport is Transport.TCP
    inner = "dns_over_tcp" if service.protocol == "dns" and streams else str(service.protocol)
    inner = inner if inner in LAYERS else "other"
    if not (service.tls and streams):
        return (inner,)
    return ("tls",) if inner == "other" else ("tls", inner)


def way_of(service: Service, layer: str) -> DeliveryWay:
    """Return what carries a layer's messages to a service."""
    if service.transport is Transport.UDP:
        return DeliveryWay.UDP
    return DeliveryWay.TLS if service.tls and layer != "tls" else DeliveryWay.TCP
