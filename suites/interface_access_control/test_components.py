"""Components of the product: the device accepts messages from paired components only."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "components.unpaired",
    covers=["IAC-2b", "EN303645 5.5-4", "EN18031 ACM-2", "CRA I(2)(d)"],
    fails_on="presence",
    advice="Give each component its own key or certificate at pairing, and accept its messages only with it.",
)
def test_message_from_an_unpaired_peer_is_refused(unpaired: Observation) -> None:
    """Send a declared component's message with a new reading, as peers that were never paired with the device.

    These peers have no credential, a made-up credential, or the component's name with another key, password or CA. The
    case fails if an authorised user can see the reading, or if the device reports that it accepted the reading.
    Witness: the paired component's own message appeared there, through the same code, before and after.
    """
    accepted = [f"{about} ({unpaired.detail(about)})" for about in sorted(unpaired.seen)]
    assert not accepted, f"accepted from a peer that was never paired: {'; '.join(accepted)}"
