"""The assertion about versions in banners, on made-up banners."""

import pytest

from suites.interface_access_control import test_disclosure as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import fails, observed, passes, seen

CASE = cases.test_no_service_shows_its_version_without_a_login


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("lighttpd/1.4", "lighttpd/1.4"),
        ("SSH-2.0-OpenSSH_9.2p1", "OpenSSH_9.2"),
        ("220 ProFTPD 1.3.8 ready", "ProFTPD 1.3.8"),
        ("firmware 2.14.0", "firmware 2.14.0"),
        ("build=v2.1", "build=v2.1"),
        ("(4.19.123)", "4.19.123"),
        ("SERVER: Linux/4.9 UPnP/1.0 MiniUPnPd/2.2.1", "Linux/4.9"),
        ("HTTP/1.1 200 OK Server: Boa/0.94", "Boa/0.94"),
        ("$SYS/broker/version: mosquitto version 2.0.11", "version 2.0.11"),
        ("/status: firmware version 1.2", "version 1.2"),
        ("/: fw_version: 3.10.4-beta", "fw_version: 3.10.4"),
        ("Linux camera 5.10.160 #1 SMP", "camera 5.10.160"),
        ("OpenSSL/1.1", "OpenSSL/1.1"),
        ("modelNumber = 2.1.0", "2.1.0"),
        ("firmwareVersion 2.1", "firmwareVersion 2.1"),
        ("srcvers=220.68", "srcvers=220.68"),
        ("dnsmasq-2.90", "dnsmasq-2.90"),
        ("/: the declared firmware version 5.2.1.124; Server: box", "declared firmware version 5.2.1.124"),
        ("X-Syncthing-Version: v1.19.2", "X-Syncthing-Version: v1.19.2"),
        ("X-Box-Firmware: 2.1", "X-Box-Firmware: 2.1"),
        ("Via: 1.1 box (Varnish/6.0)", "Varnish/6.0"),
        ("BusyBox-v1.36", "BusyBox-v1.36"),
    ],
)
def test_a_version_fails(text: str, version: str) -> None:
    assert fails(CASE, observed(seen("tcp/80", text)), says=f"shows a version without a login: tcp/80: {version}")


NO_VERSION = [
    *("", "lighttpd", "SSH-2.0-dropbear", "camera 4", "192.0.2.7", "host 192.0.2.7 ready"),
    *("HTTP/1.1 200 OK", "HTTP/1.0", "RTSP/1.0 401", "SIP/2.0 200", "UPnP/1.0", "Box UPnP/1.1 DLNADOC/1.50", "TLS 1.2"),
    *(
        "TLSv1.3",
        "SSL 3.0",
        "SSH-1.99-box",
        "MQTT 3.1.1",
        "MQTT/5.0",
        "SOAP 1.2",
        "XML 1.0",
        "IPP/2.0",
        "WS-Discovery 1.1",
    ),
    *(
        "Bluetooth 5.0",
        "USB 2.0",
        "OAuth 2.0",
        "txtvers=1.0",
        "pv=1.1",
        "protovers=1.0",
        "api_version=1.0",
        "ONVIF 2.0",
    ),
    *("q=0.9", "charset=1.0", "RFB 003.008", "HTML 4.01", "tv=1.3.0", "vers=2.63", "mopria-certified=1.3"),
    *("TLS-1.2", "GPL-2.0", "LGPL-2.1", "box-192.0.2.7", "2026-12-01", "ISO-8859-1", "aes256-sha2-512", "Via: 1.1 box"),
    *("modelNumber = 1.0", "modelName = Box 2"),
]


@pytest.mark.parametrize("text", NO_VERSION)
def test_a_banner_without_a_version_passes(text: str) -> None:
    assert passes(CASE, observed(seen("tcp/80", text)))


def test_every_version_of_every_service_is_reported() -> None:
    banners = seen("tcp/80", "lighttpd/1.4 PHP/8.2"), seen("tcp/22", "OpenSSH_9.2")
    words = "shows a version without a login: tcp/22: OpenSSH_9.2, tcp/80: lighttpd/1.4, tcp/80: PHP/8.2"
    assert fails_on_presence(CASE, *banners, says=words)
