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
    """Read bits and registers on each declared port, the usual Modbus ports and other ports on which a sweep found it.

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
    with a lease is requested from an Internet gateway and removed at once. Actions that set a value are called with the
    value that the device just returned (row `writing`). Witness: the descriptions came before and after. If the sweep
    heard no SSDP, a declared UDP service answered.
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


@case(
    "access.anonymous.files",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Let no anonymous FTP user write (vsftpd: anon_upload_enable=NO). Remove TFTP, which has no login.",
)
def test_files_require_a_login(open_files: Observation) -> None:
    """Log in anonymously to each FTP port and store a marker file. Read well-known files over TFTP, and write one.

    The FTP ports are the declared ones and all that the sweeps found, over IPv6 too. The marker is stored where the
    login leads, in folders that are usual for uploads and in those that the server lists. It is removed again. TFTP is
    probed on udp/69 if it is declared or a sweep found it. A write request that the server accepts is ended before any
    data. A stored file, an accepted request and a file that is given are failures. Writing is tested only if the bench
    allows configure. Witness: TFTP refused a file that does not exist, before and after. For a port that the sweep did
    not hear, a declared UDP service answered.
    """
    done = [f"{about} ({open_files.detail(about)})" for about in sorted(open_files.seen)]
    assert not done, f"open to everybody: {'; '.join(done)}"


@case(
    "access.anonymous.ipp",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Require a login for administration (CUPS: AuthType and Require user in each Limit of the policy).",
)
def test_administration_over_ipp_requires_a_login(ipp_anonymous: Observation) -> None:
    """Ask each web server that speaks IPP for operations of administration, without a login.

    CUPS-Get-Devices lists devices and changes nothing. If the bench allows configure, a printer of this run is added
    and deleted again (CUPS-Add-Modify-Printer), and a printer's location is set to the value that was just read
    (Set-Printer-Attributes). An operation that is done is a failure. Reading a printer's attributes is not, because
    clients need them before they print. Refusals are in the server's own bytes: 401, 403, or a status of IPP.
    """
    done = [f"{about} ({ipp_anonymous.detail(about)})" for about in sorted(ipp_anonymous.seen)]
    assert not done, f"open without a login: {'; '.join(done)}"


@case(
    "access.anonymous.sip",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-4", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    advice="Challenge each REGISTER (RFC 3261 clause 22), and register a user only with that user's own password.",
)
def test_registrar_requires_a_login(sip_anonymous: Observation) -> None:
    """Send REGISTER without a login for a made-up user, the declared users and usual extensions.

    The last row is about the ports on which a sweep found SIP, over UDP, TCP and IPv6. A REGISTER without a Contact
    asks for bindings and changes none. An answer 200 to it is a failure. If the bench allows configure, the made-up
    user is registered and removed at once. Witness: the canary connected before and after. Other refusals are in the
    device's own bytes.
    """
    done = [f"{about} ({sip_anonymous.detail(about)})" for about in sorted(sip_anonymous.seen)]
    assert not done, f"open without a login: {'; '.join(done)}"
