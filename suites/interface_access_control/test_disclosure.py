"""Information that services give to everybody."""

import re

from trustprobe.judging.case import case
from trustprobe.probe import Observation

VERSION = re.compile(r"(?<![\d.])\d+\.\d+\.\d+(?!\.?\d)|[A-Za-z][\w-]*[/_ =]v?\d+\.\d+(?:\.\d+)?(?!\.?\d)")
"""Three numbers with dots (four are an address), or a name followed by two numbers, as in `lighttpd/1.4`."""


@case(
    "services.disclosure",
    covers=["IAC-1a", "EN303645 5.6-2"],
    fails_on="presence",
    advice="Shorten the banner to the name of the protocol, and show the version only after a login.",
)
def test_no_service_shows_its_version_without_a_login(banner: Observation) -> None:
    """Read the text that each declared service sends before a login, and look for a version number.

    The text comprises greetings of SSH, FTP, SMTP and Telnet, the Server header of HTTP, RTSP and SIP and similar
    headers, TXT records of mDNS, and scopes of WS-Discovery. Every service must have sent its text, because a missing
    banner proves nothing.
    """
    shown = [
        f"{about}: {match[0]}" for about in sorted(banner.seen) for match in VERSION.finditer(banner.detail(about))
    ]
    assert not shown, f"shows a version without a login: {', '.join(shown)}"
