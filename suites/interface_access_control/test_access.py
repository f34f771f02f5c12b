"""Access over the web administration, MQTT and RTSP: none without a login, and none beyond the role."""

from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "access.anonymous.http",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the session in one place before every resource, not separately in each page.",
)
def test_web_resource_requires_a_login(anonymous_request: Observation) -> None:
    """Request each declared resource without a session, both to read it and to change it.

    The page that proves a login and the path of `http_api` are requested as well. A resource that is declared for no
    role is public, so its content is written back as it is. The case fails if the device shows the content or accepts
    the change, whether or not somebody can log in. Witness: the same request with the administrator's session
    succeeded. If that request would reboot or update the device, the session is shown to be valid instead.
    """
    assert not anonymous_request.seen, f"open without a login: {', '.join(sorted(anonymous_request.seen))}"


@case(
    "access.privilege",
    covers=["IAC-1c", "EN18031 ACM-2"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the role on the server for each request. A hidden button is not a check.",
)
def test_viewer_cannot_use_the_administrators_functions(viewer_request: Observation) -> None:
    """Send, in a viewer's session, the requests that the declaration allows only to the administrator.

    Witness: the viewer's session is valid, and the same request with the administrator's session succeeded.
    """
    assert not viewer_request.seen, f"open to a viewer: {', '.join(sorted(viewer_request.seen))}"


@case(
    "access.anonymous.mqtt",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Refuse clients without a user name (mosquitto: allow_anonymous false). Give each user its own topics.",
)
def test_mqtt_broker_requires_a_login(mqtt_anonymous: Observation) -> None:
    """Connect without a user name to each declared broker and the usual MQTT ports, and subscribe to all topics.

    The last row is about the other ports that the sweeps found, over IPv6 and over WebSocket too (MQTT 5 clause 6).

    A granted subscription is a failure. Witness: the canary connected before and after. If a broker is declared, the
    valid login got in through the same code.
    """
    let_in = [f"{about} ({mqtt_anonymous.detail(about)})" for about in sorted(mqtt_anonymous.seen)]
    assert not let_in, f"accepts anonymous clients: {', '.join(let_in)}"


@case(
    "access.anonymous.rtsp",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Require Digest authentication before DESCRIBE, SETUP and PLAY, on every path.",
)
def test_stream_requires_a_login(rtsp_anonymous: Observation) -> None:
    """Request streams without a login, from each declared RTSP service and the usual ports.

    The requests name declared and common paths. The last row is about the other ports that the sweeps found, over IPv6
    too. If DESCRIBE returns an SDP, the case fails. It also fails if SETUP and PLAY of a declared stream succeed.
    Witness: the canary connected before and after, and with the valid login each declared path returned its SDP.
    """
    given = [f"{about} ({rtsp_anonymous.detail(about)})" for about in sorted(rtsp_anonymous.seen)]
    assert not given, f"gives a stream to anonymous clients: {', '.join(given)}"


@case(
    "access.first_administrator",
    covers=["IAC-1b", "IAC-2c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Ask for a code on the label, a button or a local connection before the first password is set.",
)
def test_nobody_becomes_administrator_without_proof(first_use: Observation) -> None:
    """Look on every web server for a set-up that makes the first client the administrator, by GET only.

    The pages are those that `/` leads to, about forty well-known ones, and the declared one (`first_use.path`). The
    case fails if a page sets the first password and asks for nothing that only a person at the product has, such as a
    code on its label. The declared page must be refused after the set-up. A product that is declared to require no
    proof fails. Witness: each server answered requests of the same kind before and after.
    """
    offered = [f"{about} ({first_use.detail(about)[:120]})" for about in sorted(first_use.seen)]
    assert not offered, f"makes its first client the administrator: {', '.join(offered)}"
