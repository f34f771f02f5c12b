"""Whether our own frames reach the device: the Ethernet link to it, or the reason why there is no link."""

import ipaddress

from drivers.network.sweep.link import EthernetLink, link_to
from drivers.network.sweep.link6 import link6_to
from drivers.network.target import Target


def wire_to(target: Target) -> EthernetLink | str:
    """Return the link to the device, or the reason why there is no link. BenchError if an interface is down."""
    if target.bench.forwarded:
        return "ports are forwarded to the device, so frames would reach the forwarding machine"
    if target.interface is None:
        return "the bench file names no interface for frames to the device (add `interface: ...` to `network`)"
    link = None
    if not ipaddress.ip_address(target.address).is_loopback:
        link = (link6_to if ":" in target.address else link_to)(target)
    return link or f"{target.address} is not on the Ethernet link of {target.interface}, so frames do not reach it"
