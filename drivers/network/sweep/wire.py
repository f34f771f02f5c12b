"""Whether frames of our own reach the device: the Ethernet link to it, or the reason why there is none."""

import ipaddress

from drivers.network.sweep.link import EthernetLink, link_to
from drivers.network.sweep.link6 import link6_to
from drivers.network.target import Target


def wire_to(target: Target) -> EthernetLink | str:
    """Return the link to the device, or why there is none. An interface that is down or missing is a BenchError."""
    if target.bench.forwarded:
        return "ports are forwarded to the device here, so that frames reach the machine that forwards them"
    if target.interface is None:
        return "the bench file names no `network.interface` on which frames reach the device"
    link = None
    if not ipaddress.ip_address(target.address).is_loopback:
        link = (link6_to if ":" in target.address else link_to)(target)
    return link or f"{target.address} is not on the Ethernet link of {target.interface}: frames do not reach it"
