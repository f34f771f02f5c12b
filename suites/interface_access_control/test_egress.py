"""What the device sends by itself: to declared destinations alone."""

from drivers.network.traffic.egress import EgressSeen
from trustprobe.judging.case import case


@case(
    "egress.declared",
    covers=["IAC-2b", "EN303645 5.6-1", "SP800-213A LA:XCN"],
    fails_on="presence",
    advice="Take it out, or declare host, port and purpose (`egress`, or a MUD file as RFC 8520 has it).",
)
def test_the_device_sends_to_declared_destinations_only(egress: EgressSeen) -> None:
    """Capture what the device sends unasked, from the first case to the last, and compare it with the declaration.

    Connection requests, datagrams and names asked of DNS count; replies to the bench, ARP, ICMP, IGMP, DHCP and the
    announcements of declared discovery services do not. Witness: declared traffic of the device is in the same capture,
    and no frame of it was lost.
    """
    assert not egress.undeclared, f"sends to {', '.join(egress.undeclared)}"
