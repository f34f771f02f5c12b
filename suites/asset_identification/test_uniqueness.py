"""Identifiers, keys and passwords that must be unique to each sample."""

from drivers.network.identity.samples import SharedIdentifiers
from trustprobe.judging.case import case


@case(
    "identity.unique",
    covers=["AI-1", "EN303645 5.1-1", "EN303645 5.4-2", "EN18031 CCK-3"],
    fails_on="presence",
    advice="Generate the keys and passwords of each unit in production or at its first start. Put none in the image.",
)
def test_two_samples_share_no_identifier(own_identifier: SharedIdentifiers) -> None:
    """Read the identifiers and keys of two samples, and compare them.

    They are the serial number, the MAC address, the TLS key and certificate, and the SSH host key. The password of the
    first sample's label is tried on the second sample, once per account. Witness: the same code read each of them on
    both samples, and the second sample accepts its own password.
    """
    shared = sorted(own_identifier.seen)
    assert not shared, "; ".join(own_identifier.detail(name) for name in shared)
