"""Information that services give to everybody."""

import re

from trustprobe.judging.case import case
from trustprobe.probe import Observation

VERSION = re.compile(
    r"declared firmware version [\d.]*\d|"
    r"(?<![\d.])\d+\.\d+\.\d+(?!\.?\d)|[A-Za-z][\w-]*[/_ =:-]\s?v?\d+\.\d+(?:\.\d+)?(?!\.?\d)"
)
"""Three numbers with dots (four are an address), or a name followed by two numbers: `lighttpd/1.4`, `dnsmasq-2.90`."""
_PROTOCOLS = (
    "HTTPS? RTSPS? RTMP SIP D?TLS SSL SSH RFB UPnP IGD DLNADOC DLNA MQTT(?:-SN)? AMQP CoAP SNMP SOAP XML X?HTML CSS SVG"
    " IPP SMBv? NFSv? FTP WebSocket WebDAV DAV JSON-RPC XML-RPC OAuth OpenID ONVIF WS-Discovery USB Bluetooth BLE"
    " Zigbee Z-Wave Matter Thread DOCSIS HAP RAOP IEEE 802 OpenAPI Swagger MODBUS BACnet KNX LwM2M OMA ISO RFC EN HDMI"
    " DHCP NTP PTP (?:api|protocol|profile|schema|spec|xml|proto)[\\s_-]?(?:version|ver|vers)? pv protovers txtvers"
    " rpvers vers tv mopria-certified q charset timeout [AL]?GPL MPL EPL Via"
)
PROTOCOL = re.compile(
    rf"(?i)(?<![\w-])(?:{'|'.join(_PROTOCOLS.split(' '))})v?(?:[/_ =:-]|: )?v?\d+(?:\.\d+){{1,2}}(?![\w.]*\d)"
)
"""Versions of protocols and of capabilities, which say nothing about the product's software."""


@case(
    "services.disclosure",
    covers=["IAC-1a", "EN303645 5.6-2"],
    fails_on="presence",
    advice="Shorten the banner to the name of the protocol, and show the version only after a login.",
)
def test_no_service_shows_its_version_without_a_login(banner: Observation) -> None:
    """Read the text that each declared service sends before a login, and look for a version number.

    The text comprises greetings of SSH, FTP, SMTP and Telnet, the Server header of HTTP, RTSP and SIP, headers named
    after a version, page bodies and status paths of web servers, TXT records of mDNS, scopes of WS-Discovery, texts of
    SSDP and of the descriptions that it names, `$SYS` of MQTT brokers, INFO of Redis, version.bind of DNS, and sysDescr
    of SNMP. The declared firmware version counts wherever these answers contain it, unless it is that of an API or a
    library. The row `undeclared` comprises the services that the sweeps found beyond the declaration, and what those of
    an unknown protocol say over TCP. A version of a protocol, of an API or of a capability does not count.
    Every service must have sent its text, because a missing banner proves nothing.
    """
    shown = [f"{about}: {version}" for about in sorted(banner.seen) for version in versions(banner.detail(about))]
    assert not shown, f"shows a version without a login: {', '.join(shown)}"


def versions(text: str) -> list[str]:
    """Return the versions of software that a text names."""
    return [match[0] for match in VERSION.finditer(PROTOCOL.sub(" ", text))]
