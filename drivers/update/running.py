"""The running version, read with an authorised login while the device may restart, and its update status.

Every update probe looks here before and after an image; how an image is transferred is said by the mechanism's file.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.settings import Shown, shown_by
from drivers.network.web.login.session import WebSession, asks_for_login, refuses_change
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.update.image import container
from drivers.update.transfer import Transfer, upload
from lab_config.component import Identity, UpdateDeclaration
from trustprobe.errors import BenchError
from trustprobe.probe import Recorder, printable

HOLD_SECONDS = 2.0
"""How long one connection is held open to notice a restart."""
PACE_SECONDS = 0.25
"""The shortest time between two looks, for a device that closes an idle connection at once."""


@dataclass(frozen=True)
class Updatable:
    """The device with its update mechanism, and how its administrator and this bench reach it."""

    web: Administration
    update: UpdateDeclaration
    identity: Identity
    """Where the version that runs can be read."""
    ready: Callable[[float], bool]
    """Waits, at most so many seconds, until the device answers, and says whether it does."""
    transfer: Transfer | None = None
    """The way to the mechanism where it is not a POST to `update.path` of the web administration."""

    def version_of(self, image: bytes) -> str:
        """Return the version of a vendor image. ConfigurationError if the image is malformed."""
        return container(self.update.container).version(image)

    def asks_for_login(self, answer: WebAnswer) -> bool:
        """Whether the mechanism answered an upload with the way to a login."""
        return refuses_change(answer, self.update.path, self.web.http_login)

    def unreadable(self) -> BenchError:
        """Return why nothing is offered to a device whose version cannot be read."""
        return BenchError(
            f"the running version cannot be read as {self.web.user}, so no image was offered.",
            "Check the credential in the bench file and `identity` in the declaration.",
        )


@dataclass
class Running:
    """The device as its administrator sees it; logs in again when a restart ended the session."""

    device: Updatable
    record: Recorder
    _session: WebSession | None = None

    def __enter__(self) -> "Running":
        """Log out at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        if self._session is not None:
            self._session.close()

    def session(self) -> WebSession | None:
        """Return a session that is logged in, or None where that fails."""
        if self._session is None:
            self._session = self.device.web.session(self.record)
        return self._session

    def read(self, path: str) -> WebAnswer | None:
        """Read a resource with an authorised login. None if the status is not 200."""
        for _ in range(2):
            session = self.session()
            if session is None:
                return None
            try:
                answer = session.request("GET", path)
            except NoAnswerError as error:
                self.record.note(f"GET {path} -> no answer: {error.detail}")
                return None
            if not asks_for_login(answer, path, self.device.web.http_login):
                return answer if answer.status == 200 else None
            self._session = None  # a restart ended it
        return None

    def shown(self) -> Shown | None:
        """Return the identifiers that the device shows now; None where it shows no version."""
        identity = self.device.identity
        answer = self.read(identity.path)
        shown = shown_by(answer.json(), identity) if answer is not None else Shown()
        return shown if shown.version is not None else None

    def upload(self, asker: WebClient | WebSession, image: bytes) -> WebAnswer | NoAnswerError:
        """Send an image to the mechanism, and return the answer or the reason why there is no answer."""
        if self.device.transfer is not None:
            return self.device.transfer.upload(asker, image)
        return upload(asker, self.device.update.path, image)

    def status(self) -> str | None:
        """Return what the update status says now."""
        if self.device.transfer is not None:
            return self.device.transfer.status()
        answer = self.read(self.device.update.status_path)
        return None if answer is None else answer.body.decode("utf-8", "replace")

    def settled(
        self, done: Callable[[Shown], bool], refused: Callable[[str | None], bool], seconds: float
    ) -> Shown | None:
        """Wait until what runs is `done` or the status says refused, at most so many seconds; what runs then."""
        until = time.monotonic() + seconds
        while True:
            now = self.shown()
            if now is not None and (done(now) or refused(self.status())):
                return now
            if (left := until - time.monotonic()) <= 0:
                return now
            self._hold(min(left, HOLD_SECONDS))
            self.device.ready(max(0.0, until - time.monotonic()))

    def _hold(self, seconds: float) -> None:
        """Wait until the device drops a connection that is held open, as a restart does, or the time is over."""
        began = time.monotonic()
        with suppress(OSError):
            with self.device.web.target.connect(self.device.web.service.port, seconds) as held:
                held.settimeout(seconds)
                held.recv(1)
        if (rest := min(PACE_SECONDS, seconds) - (time.monotonic() - began)) > 0:
            Event().wait(rest)


def differs(now: Shown, before: Shown) -> bool:
    """Whether something else runs than before: another version, or another slot."""
    return now.version != before.version or (None not in {now.slot, before.slot} and now.slot != before.slot)


def restarted(now: Shown, before: Shown) -> bool:
    """Whether the device has started since."""
    return None not in {now.boot_id, before.boot_id} and now.boot_id != before.boot_id


def in_words(shown: Shown | None) -> str:
    """Describe the running version, ready to print."""
    if shown is None:
        return "the running version could not be read"
    return printable(f"version {shown.version} in slot {shown.slot or '-'}, boot id {shown.boot_id or '-'}", 600)[:600]
