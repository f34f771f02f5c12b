"""scapy as the parser of what a device sends: bounded, and without an error whatever comes."""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from scapy.packet import Packet

LIMIT = 65_536
"""Octets that are parsed, as many as an IP packet has at most."""
Layer = TypeVar("Layer", bound="Packet")


def dissect(layer: type[Layer], octets: bytes) -> Layer | None:
    """Return octets as a packet of a layer, or None if scapy cannot parse them or makes another layer of them."""
    try:
        packet = layer(octets[:LIMIT])
    except Exception:  # noqa: BLE001 - fields raise what they like: struct.error, IndexError, RecursionError, their own
        return None
    return packet if isinstance(packet, layer) else None  # scapy parses an IEEE 802.3 length as Dot3, not as Ether
