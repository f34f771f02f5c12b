"""Malformed input: no message that breaks the rules of a protocol stops a service or restarts the device."""

from drivers.network.malformed.send import MalformedInput
from fixtures.case import case
from lab_config.models import Permission


@case(
    "input.malformed",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Send the kept message again with `trustprobe send`, and check lengths and types before they are used.",
)
def test_no_malformed_message_stops_a_service(malformed_input: MalformedInput) -> None:
    """Send a service a bounded set of malformed messages that follow from a seed, each before a healthy request.

    A service that ends or hangs, and a device that starts again, is a failure; the message is sent once more alone, and
    kept. Witness: a healthy request was answered before, and behind each message, and the bench is alive in a silence.
    """
    broken = sorted(malformed_input.seen)
    assert not broken, f"{broken[0]}: {malformed_input.detail(broken[0])}"
