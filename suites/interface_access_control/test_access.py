"""Access over the web administration, MQTT and RTSP: nothing without a login, and nothing beyond the role."""

from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "access.anonymous.http",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the session in one place in front of every resource, not in each page.",
)
def test_web_resource_is_closed_without_a_login(anonymous_request: Observation) -> None:
    """Request each declared resource without a session, to read and to change.

    Witness: the same request with the administrator's session succeeded; where that would reboot or update the
    device, the session is shown to be valid instead.
    """
    assert not anonymous_request.seen, f"open without a login: {', '.join(sorted(anonymous_request.seen))}"


@case(
    "access.privilege",
    covers=["IAC-1c", "EN18031 ACM-2"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the role on the server for each request; hiding a button is no check.",
)
def test_viewer_can_not_do_what_is_the_administrators(viewer_request: Observation) -> None:
    """Request with a viewer's session what the declaration gives to the administrator alone.

    Witness: the viewer's session is valid, and the same request with the administrator's session succeeded.
    """
    assert not viewer_request.seen, f"open to a viewer: {', '.join(sorted(viewer_request.seen))}"


@case(
    "access.anonymous.mqtt",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Refuse clients without a user name (mosquitto: allow_anonymous false), and give each user its own topics.",
)
def test_mqtt_broker_lets_nobody_in_without_a_login(mqtt_anonymous: Observation) -> None:
    """Connect to each declared broker and the usual ports of MQTT without a user name, and subscribe to all topics.

    A subscription that is granted is a failure. Witness: the canary connected before and after, and where a broker is
    declared the valid login got in through the same code.
    """
    let_in = [f"{about} ({mqtt_anonymous.detail(about)})" for about in sorted(mqtt_anonymous.seen)]
    assert not let_in, f"lets in whoever comes: {', '.join(let_in)}"


@case(
    "access.anonymous.rtsp",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Ask for Digest authentication in front of DESCRIBE, SETUP and PLAY alike, on every path.",
)
def test_stream_is_closed_without_a_login(rtsp_anonymous: Observation) -> None:
    """Ask each declared RTSP service and the usual ports for streams without a login: declared paths and common ones.

    DESCRIBE that gives an SDP is a failure, and so is SETUP and PLAY of a declared stream. Witness: the canary
    connected before and after, and with the valid login each declared path gave its SDP.
    """
    given = [f"{about} ({rtsp_anonymous.detail(about)})" for about in sorted(rtsp_anonymous.seen)]
    assert not given, f"gives a stream to whoever comes: {', '.join(given)}"
