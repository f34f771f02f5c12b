"""How an image gets to the update mechanism, and how the mechanism says what came of it.

The plain way is a POST of the octets to a path of the web administration; another way is another `Transfer`.
"""

from typing import Protocol

from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient

UPLOAD_SECONDS = 60.0
OCTETS_A_SECOND = 50_000
"""The slowest upload that is waited for."""


class Transfer(Protocol):
    """A way to the mechanism other than a POST to the web administration."""

    def upload(self, asker: WebClient | WebSession, image: bytes) -> WebAnswer | NoAnswerError:
        """Send an image, and return the answer or the reason why there is no answer."""

    def status(self) -> str | None:
        """Return what the mechanism said of the last image; None where it said nothing."""


def seconds_for(image: bytes) -> float:
    """Return the time allowed for an upload."""
    return max(UPLOAD_SECONDS, len(image) / OCTETS_A_SECOND)


def upload(asker: WebClient | WebSession, path: str, image: bytes) -> WebAnswer | NoAnswerError:
    """Send an image, and return the answer or the reason for no answer. The time limit grows with its size."""
    headers = {"Content-Type": "application/octet-stream"}
    try:
        return asker.request("POST", path, data=image, headers=headers, seconds=seconds_for(image))
    except NoAnswerError as error:
        return error
