"""What must be each sample's own: identifiers, keys and passwords."""

from drivers.network.identity.samples import SharedIdentifiers
from trustprobe.judging.case import case


@case(
    "identity.unique",
    covers=["AI-1", "EN303645 5.1-1", "EN303645 5.4-2", "EN18031 CCK-3"],
    fails_on="presence",
    advice="Make each unit's keys and passwords in production or on its first start; put none in the image.",
)
def test_two_samples_share_no_identifier(own_identifier: SharedIdentifiers) -> None:
    """Read serial number, MAC address, TLS key and certificate and SSH host key of two samples, and compare them.

    The password of the first sample's label is tried on the second, once for each account.
    Witness: each was read on both samples by the same code; the second sample takes its own password.
    """
    shared = sorted(own_identifier.seen)
    assert not shared, "; ".join(own_identifier.detail(name) for name in shared)
