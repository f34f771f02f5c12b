"""Components of the product: what was paired with the device is heard, and nobody else in its name."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "components.unpaired",
    covers=["IAC-2b", "EN303645 5.5-4", "EN18031 ACM-2", "CRA I(2)(d)"],
    fails_on="presence",
    advice="Give each component a key or certificate of its own when it is paired, and take its messages by it alone.",
)
def test_message_of_an_unpaired_peer_is_refused(unpaired: Observation) -> None:
    """Send a declared component's message with a new reading, as peers that the device was never paired with.

    They have no credential, a made-up one, or the component's name with another key, password or CA. A reading that
    shows where somebody with authority looks, or that the device says it took, is a failure. Witness: the paired
    component's own message showed there, by the same code, before and after.
    """
    taken = [f"{about} ({unpaired.detail(about)})" for about in sorted(unpaired.seen)]
    assert not taken, f"taken from a peer that was never paired: {'; '.join(taken)}"
