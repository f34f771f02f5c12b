"""Access over the other interfaces of the network: nothing of them without authority."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "access.anonymous.websocket",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Check session and role before answering 101, and compare Origin with your own (RFC 6455 clause 10.2).",
)
def test_websocket_speaks_to_nobody_without_authority(websocket: Observation) -> None:
    """Open each declared WebSocket without a session, with a session from foreign pages, and as a viewer who may not.

    Usual paths are asked without a session too. A message of the server's is a failure. Witness: with the session and
    the device's own origin the same WebSocket opens and speaks, before and after.
    """
    heard = [f"{about} ({websocket.detail(about)})" for about in sorted(websocket.seen)]
    assert not heard, f"speaks without authority: {'; '.join(heard)}"


@case(
    "access.anonymous.modbus",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Use Modbus/TCP Security with client certificates, or let nobody but named addresses reach the port.",
)
def test_modbus_server_serves_nobody_without_authority(modbus: Observation) -> None:
    """Read bits and registers, the declared and the first ones, on each declared port and the usual ports of Modbus.

    A value that comes without a client certificate is a failure; a declared harmless value is written back too. The
    exception "illegal function" is a refusal, a unit that is not there is none. Witness: the canary connected before
    and after, and a declared service answered the paired peer, or its identity.
    """
    open_ = [f"{about} ({modbus.detail(about)})" for about in sorted(modbus.seen)]
    assert not open_, f"serves whoever comes: {'; '.join(open_)}"


@case(
    "access.anonymous.coap",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Serve CoAP inside DTLS or with OSCORE, with a key for each peer, and check its role each time.",
)
def test_coap_resource_is_closed_without_authority(coap: Observation) -> None:
    """Read each declared CoAP resource and those that the service lists, without security and with a made-up key.

    Content is a failure; a declared harmless value is written back too, and a viewer is asked beyond the role. On the
    usual ports a service is looked for all the same. Witness: the service answered before and after, inside DTLS the
    administrator was granted the same; on a port that the sweep did not hear, a declared UDP service answered.
    """
    granted = [f"{about} ({coap.detail(about)})" for about in sorted(coap.seen)]
    assert not granted, f"open without authority: {'; '.join(granted)}"


@case(
    "access.anonymous.upnp_action",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Switch UPnP control off, or ask for authority (DeviceProtection); declare what everybody may ask.",
)
def test_upnp_action_does_nothing_without_authority(upnp: Observation) -> None:
    """Search by SSDP and on usual places, read the descriptions, and call what reads and is not declared public.

    An answer is a failure. Of an Internet gateway a port mapping is asked for too, with a lease and taken back at once,
    where the bench allows configure. Witness: the descriptions came before and after; where the sweep heard no SSDP, a
    declared UDP service answered.
    """
    done = [f"{about} ({upnp.detail(about)})" for about in sorted(upnp.seen)]
    assert not done, f"done for whoever asks: {'; '.join(done)}"


@case(
    "access.anonymous.mqtt_publish",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Give each user of the broker the topics that it may write, and nobody else any (mosquitto: acl_file).",
)
def test_nobody_publishes_without_the_right(mqtt_publish: Observation) -> None:
    """Publish on each declared topic without a user and as each role that may not, and on a new topic of each broker.

    On a declared topic its harmless message is published. A message that is delivered is a failure. Witness: the
    message of somebody who may was delivered before and after; on a port without a declared topic, the canary.
    """
    published = [f"{about} ({mqtt_publish.detail(about)})" for about in sorted(mqtt_publish.seen)]
    assert not published, f"published without the right: {'; '.join(published)}"


@case(
    "access.anonymous.mqtt_subscribe",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Give each user of the broker the topics that it may read, $SYS among them, and nobody else any.",
)
def test_nobody_is_told_messages_without_the_right(mqtt_subscribe: Observation) -> None:
    """Subscribe to each declared topic without a user and as each role that may not, and to $SYS/# on each broker.

    A message that comes is a failure; a subscription that is granted and never served is none. Witness: as of
    access.anonymous.mqtt_publish.
    """
    told = [f"{about} ({mqtt_subscribe.detail(about)})" for about in sorted(mqtt_subscribe.seen)]
    assert not told, f"told without the right: {'; '.join(told)}"


@case(
    "access.anonymous.snmp",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Serve SNMPv3 with authPriv users only, and compare the community or user with those that were set.",
)
def test_snmp_agent_shows_nothing_without_a_credential(snmp_anonymous: Observation) -> None:
    """Read sysDescr with an empty community or user, and with one that nobody gave out, in each version.

    A value is a failure: the agent then asks for no credential at all. Witness: as of credentials.default.snmp.
    """
    shown = [f"{about} ({snmp_anonymous.detail(about)})" for about in sorted(snmp_anonymous.seen)]
    assert not shown, f"shown without a credential: {'; '.join(shown)}"
