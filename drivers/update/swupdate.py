"""The web server of swupdate: an upload as a form, and a status that streams over a WebSocket.

It answers 200 to images that it refuses, or resets the connection in their midst: what counts is its status, and what
runs afterwards. It has no login, so all clients are the same to it.
"""

import secrets

from drivers.nesting import parsed
from drivers.network.target import Target
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.websocket import Listener
from drivers.update.transfer import seconds_for
from lab_config.component import Service, UpdateDeclaration

VERDICT_SECONDS = 3.0
"""From the end of an upload to the verdict of most images; a later one is read as well."""
_VERDICTS = {"SUCCESS", "FAILURE"}


class SwupdateServer:
    """Uploads to swupdate, and what its status said of the last image that it took up."""

    def __init__(self, target: Target, service: Service, update: UpdateDeclaration) -> None:
        """`update.path` takes the upload (`/upload`), `update.status_path` is the WebSocket (`/ws`)."""
        self._client = WebClient(target, service)
        self._update = update
        self._listener: Listener | None = None
        self._heard_before = 0
        self._uploads = 0
        self._said: str | None = None

    def upload(self, asker: WebClient | WebSession, image: bytes) -> WebAnswer | NoAnswerError:
        """Listen to the status, send the image, and wait a little for the verdict. `asker` is nobody here."""
        self.close()
        self._uploads += 1
        self._listener = Listener.open(self._client, self._update.status_path)
        self._heard_before = len(self._listener.texts()) if self._listener else 0
        answer = self._send(image)
        if self._listener is not None:
            self._listener.wait(lambda texts: _has_verdict(texts[self._heard_before :]), VERDICT_SECONDS)
        return answer

    def status(self) -> str | None:
        """Return the status since the last upload, one message a line below a count of the uploads."""
        if self._listener is not None:
            texts = self._listener.texts()[self._heard_before :]
            if texts:
                lines = (" ".join(text.split()) for text in texts)
                self._said = "\n".join((f"upload {self._uploads}", *lines))
        return self._said

    def close(self) -> None:
        """Stop listening; what was said last stays."""
        self.status()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _send(self, image: bytes) -> WebAnswer | NoAnswerError:
        boundary = f"trustprobe{secrets.token_hex(16)}"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="image.swu"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + image + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            return self._client.request(
                "POST", self._update.path, data=body, headers=headers, seconds=seconds_for(image)
            )
        except NoAnswerError as error:
            return error


def _has_verdict(texts: tuple[str, ...]) -> bool:
    return any(_status_of(text) in _VERDICTS for text in texts)


def _status_of(text: str) -> str | None:
    """Return the word of a status message; None for every other message."""
    message = parsed(text)
    if not isinstance(message, dict) or message.get("type") != "status":
        return None
    status = message.get("status")
    return status if isinstance(status, str) else None
