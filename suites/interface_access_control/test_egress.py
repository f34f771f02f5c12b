"""Traffic that the device initiates: to declared destinations only."""

from drivers.network.traffic.egress import EgressSeen
from trustprobe.judging.case import case


@case(
    "egress.declared",
    covers=["IAC-2b", "EN303645 5.6-1", "SP800-213A LA:XCN"],
    fails_on="presence",
    advice="Remove the traffic, or declare host, port and purpose (`egress`, or a MUD file as in RFC 8520).",
)
def test_device_sends_only_to_declared_destinations(egress: EgressSeen) -> None:
    """Capture the traffic that the device initiates in this run, and compare it with the declaration.

    The capture lasts from the first case to the last. Connection requests, datagrams and names in DNS queries count.
    Replies to the bench, reverse lookups of its address, ARP, ICMP, IGMP, DHCP and the announcements of declared
    services do not count. An announcement goes to all stations or to a group, at the port of a declared UDP service.
    Witness: the same capture contains declared traffic of the device or its answers to the bench, and no frame was
    lost.
    """
    assert not egress.undeclared, f"sends to {', '.join(egress.undeclared)}"
