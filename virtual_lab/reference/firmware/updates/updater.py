"""The update mechanism: judge an uploaded image, install it in the inactive slot, restart into it.

An image is taken only if the vendor signed its manifest, the payload is the one of the manifest, it is for this
model, it has not expired, and neither its version nor its rollback counter goes back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logs.syslog import Event, Log
from virtual_lab.reference.firmware.storage.flash import Flash, Slot, UpdateOutcome, payload_digest
from virtual_lab.reference.firmware.updates.image import (
    Image,
    MalformedImageError,
    Manifest,
    is_whole,
    read_image,
    release,
)

UPDATE_KEY = "update_key.pub"
WRITE_SECONDS = 0.6
"""How long the memory takes to write a slot."""
_SIGNATURE_OCTETS = 64
"""Length of an Ed25519 signature (RFC 8032, 5.1.6)."""


class RejectedImageError(Exception):
    """The image is refused; the text is the reason that the uploader sees."""


@dataclass(frozen=True)
class Uploader:
    """Who sent an image: the account, or `-`, and the address."""

    user: str
    address: str


class Updater:
    """The update mechanism of one device. `restart` is called when an image was installed."""

    def __init__(self, flash: Flash, defects: Defects, log: Log, restart: Callable[[], None]) -> None:
        self._flash = flash
        self._defects = defects
        self._log = log
        self._restart = restart
        self._one_at_a_time = threading.Lock()
        self._installing: str | None = None
        key = load_pem_public_key(flash.path(UPDATE_KEY).read_bytes())
        assert isinstance(key, Ed25519PublicKey)  # the device is provisioned with no other kind
        self._vendor = key

    @property
    def outcome(self) -> UpdateOutcome:
        """How the last attempt ended, or `installing` while one is under way."""
        if self._installing is not None:
            return UpdateOutcome("installing", version=self._installing)
        return self._flash.update_outcome

    def offer(self, octets: bytes, uploader: Uploader) -> Image:
        """Judge an uploaded image; RejectedImageError says why not, and the refusal is kept and logged."""
        with self._one_at_a_time:
            if self._installing is not None:
                raise RejectedImageError("another update is being installed")
            version: str | None = None
            try:
                image = read_image(
                    octets,
                    strangers=self._defects("update_path_traversal"),
                    appendix=self._defects("update_appended_accepted"),
                )
                version = image.manifest.version
                self._judge(image)
            except (MalformedImageError, RejectedImageError) as error:
                reason = str(error) if isinstance(error, RejectedImageError) else "malformed image"
                if not self._defects("update_refusal_not_reported"):
                    self._flash.save_update_outcome(UpdateOutcome("rejected", reason, version))
                self._log_rejection(version or "-", reason, payload_digest(octets), uploader)
                raise RejectedImageError(reason) from error
            if not self._defects("update_never_installs"):
                self._installing = version
            return image

    def install(self, image: Image) -> None:
        """Write an image that `offer` returned, and restart into it."""
        if self._installing is None:
            return
        manifest = image.manifest
        content = Slot(manifest.version, manifest.rollback_counter)
        self._flash.install(content, image.payload, WRITE_SECONDS, switch_first=self._defects("update_not_atomic"))
        self._flash.save_update_outcome(UpdateOutcome("installed", version=manifest.version, announced=False))
        self._restart()

    def announce(self) -> None:
        """Log, once, that this is the first start of a version that an update brought."""
        outcome = self._flash.update_outcome
        if outcome.state != "installed" or outcome.announced:
            return
        slot = self._flash.active
        if not self._defects("update_installed_not_logged"):
            version = self._flash.slot(slot).version
            self._log.send(Event.UPDATE_INSTALLED, "update installed", version=version, slot=slot)
        self._flash.save_update_outcome(UpdateOutcome("installed", version=outcome.version))

    def _judge(self, image: Image) -> None:
        self._check_signature(image)
        manifest = image.manifest
        if manifest.model != self._flash.config["model"] and not self._defects("update_wrong_model_accepted"):
            raise RejectedImageError("wrong model")
        if manifest.not_after < datetime.now(UTC).date() and not self._defects("update_expired_accepted"):
            raise RejectedImageError("expired")
        self._check_payload(image)
        self._check_age(manifest)

    def _check_payload(self, image: Image) -> None:
        if self._defects("update_swapped_payload") and is_whole(image.payload):
            return
        sized = len(image.payload) == image.manifest.payload_size
        same = payload_digest(image.payload) == image.manifest.payload_sha256
        if not sized or not (same or self._defects("update_payload_not_checked")):
            raise RejectedImageError("payload digest wrong")

    def _check_age(self, manifest: Manifest) -> None:
        if self._defects("downgrade_allowed"):
            return
        running = self._flash.slot(self._flash.active)
        again = manifest.version == running.version and self._defects("update_replay_accepted")
        if release(manifest.version) <= release(running.version) and not again:
            raise RejectedImageError("not newer")
        if manifest.rollback_counter < running.rollback_counter:
            raise RejectedImageError("rollback counter too low")

    def _check_signature(self, image: Image) -> None:
        if self._defects("update_signature_not_checked"):
            return
        if image.signature is None:
            if self._defects("update_unsigned_accepted"):
                return
            raise RejectedImageError("signature missing")
        if len(image.signature) == _SIGNATURE_OCTETS and self._defects("update_wrong_key_accepted"):
            return
        try:
            self._vendor.verify(image.signature, image.signed)
        except InvalidSignature as error:
            raise RejectedImageError("signature wrong") from error

    def _log_rejection(self, version: str, reason: str, digest: str, uploader: Uploader) -> None:
        if self._defects("update_rejected_not_logged"):
            return
        self._log.send(
            Event.UPDATE_REJECTED,
            "update rejected",
            version=version,
            reason=reason,
            digest=digest,
            user=uploader.user,
            src=uploader.address,
        )
