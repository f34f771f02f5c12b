"""Access over the other network interfaces: none without authorisation."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "access.anonymous.websocket",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Check session and role before answering 101, and compare Origin with your own (RFC 6455 clause 10.2).",
)
def test_websocket_requires_authorisation(websocket: Observation) -> None:
    """Open each declared WebSocket without a session, with one from a foreign page, and as an unauthorised viewer.

    Usual paths are opened without a session too. A message from the server is a failure. Witness: with the session and
    the device's own origin, the same WebSocket opens and sends messages, before and after.
    """
    heard = [f"{about} ({websocket.detail(about)})" for about in sorted(websocket.seen)]
    assert not heard, f"sends messages without authorisation: {'; '.join(heard)}"


@case(
    "access.anonymous.modbus",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Use Modbus/TCP Security with client certificates, or let only named addresses reach the port.",
)
def test_modbus_server_requires_authorisation(modbus: Observation) -> None:
    """Read bits and registers on each declared port and the usual Modbus ports.

    The declared ones and the first ones are read. A value that is returned without a client certificate is a failure. A
    declared harmless value is also written back. The exception "illegal function" is a refusal, but a missing unit is
    not. Witness: the canary connected before and after, and a declared service answered the paired peer or a request
    for its identity.
    """
    open_ = [f"{about} ({modbus.detail(about)})" for about in sorted(modbus.seen)]
    assert not open_, f"serves anonymous clients: {'; '.join(open_)}"


@case(
    "access.anonymous.coap",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Serve CoAP inside DTLS or with OSCORE, with one key per peer, and check the peer's role each time.",
)
def test_coap_resource_requires_authorisation(coap: Observation) -> None:
    """Read each declared CoAP resource and each listed one, without security and with a made-up key.

    Returned content is a failure. A declared harmless value is also written back, and a viewer requests resources
    beyond its role. The usual ports are probed in any case. Witness: the service answered before and after, and inside
    DTLS the administrator was granted the same request. For a port that the sweep did not hear, a declared UDP service
    answered.
    """
    granted = [f"{about} ({coap.detail(about)})" for about in sorted(coap.seen)]
    assert not granted, f"open without authorisation: {'; '.join(granted)}"


@case(
    "access.anonymous.upnp_action",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Disable UPnP control, or require authorisation (DeviceProtection). Declare the public actions.",
)
def test_upnp_action_requires_authorisation(upnp: Observation) -> None:
    """Find UPnP devices, read their descriptions, and call reading actions that are not declared public.

    The search uses SSDP and the usual places. An answer is a failure. If the bench allows configure, a port mapping
    with a lease is requested from an Internet gateway and removed at once. Witness: the descriptions came before and
    after. If the sweep heard no SSDP, a declared UDP service answered.
    """
    done = [f"{about} ({upnp.detail(about)})" for about in sorted(upnp.seen)]
    assert not done, f"done for anonymous clients: {'; '.join(done)}"


@case(
    "access.anonymous.mqtt_publish",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Grant each broker user only the topics that it may write, and all others none (mosquitto: acl_file).",
)
def test_publishing_over_mqtt_requires_authorisation(mqtt_publish: Observation) -> None:
    """Publish without a user and as each unauthorised role, on each declared topic and on a new topic of each broker.

    On a declared topic, its harmless message is published. A delivered message is a failure. Witness: the message of an
    authorised user was delivered before and after. For a port without a declared topic, the canary is the witness.
    """
    published = [f"{about} ({mqtt_publish.detail(about)})" for about in sorted(mqtt_publish.seen)]
    assert not published, f"published without authorisation: {'; '.join(published)}"


@case(
    "access.anonymous.mqtt_subscribe",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Grant each broker user only the topics that it may read, $SYS included, and all others none.",
)
def test_receiving_over_mqtt_requires_authorisation(mqtt_subscribe: Observation) -> None:
    """Subscribe without a user and as each unauthorised role to each declared topic, and to $SYS/# on each broker.

    A received message is a failure. A granted subscription that delivers nothing is not a failure. Witness: the same as
    for access.anonymous.mqtt_publish.
    """
    delivered = [f"{about} ({mqtt_subscribe.detail(about)})" for about in sorted(mqtt_subscribe.seen)]
    assert not delivered, f"delivered without authorisation: {'; '.join(delivered)}"


@case(
    "access.anonymous.snmp",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Serve SNMPv3 with authPriv users only, and compare the community or user with the configured ones.",
)
def test_snmp_agent_requires_a_credential(snmp_anonymous: Observation) -> None:
    """Read sysDescr with an empty community or user, and with one that nobody assigned, in each version.

    A returned value is a failure, because the agent then requires no credential at all. Witness: the same as for
    credentials.default.snmp.
    """
    shown = [f"{about} ({snmp_anonymous.detail(about)})" for about in sorted(snmp_anonymous.seen)]
    assert not shown, f"shown without a credential: {'; '.join(shown)}"
