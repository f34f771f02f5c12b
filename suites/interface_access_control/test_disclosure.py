"""What services tell to everybody."""

import re

from trustprobe.judging.case import case
from trustprobe.probe import Observation

VERSION = re.compile(r"(?<![\d.])\d+\.\d+\.\d+(?!\.?\d)|[A-Za-z][\w-]*[/_ =]v?\d+\.\d+(?:\.\d+)?(?!\.?\d)")
"""Three numbers with dots (four are an address), or a name with two numbers behind it, as in `lighttpd/1.4`."""


@case(
    "services.disclosure",
    covers=["IAC-1a", "EN303645 5.6-2"],
    fails_on="presence",
    advice="Shorten the banner to the name of the protocol, and give the version to those who have logged in.",
)
def test_no_service_tells_its_version_without_a_login(banner: Observation) -> None:
    """Read what each declared service tells before a login, and look for a version number.

    Greetings of SSH, FTP, SMTP and telnet, the Server header of HTTP, RTSP and SIP and its like, TXT records of mDNS,
    scopes of WS-Discovery. Every service must have spoken: a banner that did not come proves nothing.
    """
    told = {about: match[0] for about in sorted(banner.seen) if (match := VERSION.search(banner.detail(about)))}
    assert not told, f"tells a version without a login: {', '.join(f'{about}: {word}' for about, word in told.items())}"
