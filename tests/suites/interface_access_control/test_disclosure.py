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
    ],
)
def test_a_version_fails(text: str, version: str) -> None:
    assert fails(CASE, observed(seen("tcp/80", text)), says=f"shows a version without a login: tcp/80: {version}")


@pytest.mark.parametrize("text", ["", "lighttpd", "SSH-2.0-dropbear", "camera 4", "192.0.2.7", "host 192.0.2.7 ready"])
def test_a_banner_without_a_version_passes(text: str) -> None:
    assert passes(CASE, observed(seen("tcp/80", text)))


def test_every_version_of_every_service_is_reported() -> None:
    banners = seen("tcp/80", "lighttpd/1.4 PHP/8.2"), seen("tcp/22", "OpenSSH_9.2")
    words = "shows a version without a login: tcp/22: OpenSSH_9.2, tcp/80: lighttpd/1.4, tcp/80: PHP/8.2"
    assert fails_on_presence(CASE, *banners, says=words)
