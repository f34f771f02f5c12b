"""What the web administration does about user data, and about the factory reset: add, list, delete, reset.

The paths and who may use them are in `administration`; what a reset leaves is in `flash`.
"""

import json
import uuid
from typing import Any

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import HTTP, Account
from virtual_lab.reference.firmware.logs.syslog import Event
from virtual_lab.reference.firmware.storage.recordings import IN_CLEAR, RECORDINGS, Recording, Recordings

_NAME_CHARACTERS, _NOTE_CHARACTERS = 64, 512


class MalformedRecordingError(ValueError):
    """A recording that cannot be kept; the text is what the sender sees."""


def parse_recording(body: bytes) -> Recording:
    """Read a recording that was sent; MalformedRecordingError says what is wrong with it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedRecordingError("malformed JSON") from None
    if not isinstance(fields, dict) or fields.keys() != {"name", "note"}:
        raise MalformedRecordingError("an object with name and note is expected")
    for field, most in (("name", _NAME_CHARACTERS), ("note", _NOTE_CHARACTERS)):
        value = fields[field]
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise MalformedRecordingError(f"{field} takes up to {most} printable characters")
    return Recording(fields["name"], fields["note"])


class Erasure:
    """User data and factory reset of one device."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._recordings = Recordings(device.flash, device.defects)

    def add(self, body: bytes) -> None:
        """Keep a recording that was sent; MalformedRecordingError for one that is none."""
        self._recordings.add(parse_recording(body))

    def listing(self) -> dict[str, Any]:
        """Return every recording as JSON values."""
        recordings = self._recordings.all()
        return {"count": len(recordings), "recordings": [{"name": one.name, "note": one.note} for one in recordings]}

    def delete(self) -> None:
        """Erase all user data."""
        self._recordings.delete()

    def reset(self, user: str, source: str) -> None:
        """Go back to the state that the production line left, and log it; the caller restarts the device."""
        device = self._device
        kept: dict[str, Any] = {}
        if device.defects("reset_keeps_settings"):
            kept["settings"] = device.flash.config["settings"]
        if device.defects("identity_changes_on_reset"):
            kept["serial"] = f"HV2-{uuid.uuid4().hex[:8]}"
        if device.defects("reset_default_password"):
            kept["accounts"] = _with_default_password(device.flash.config["accounts"])
        keeps_data = device.defects("reset_keeps_user_data")
        if not keeps_data:
            self._recordings.delete()
        device.flash.restore_factory_state(kept, (RECORDINGS, IN_CLEAR) if keeps_data else ())
        if not device.defects("factory_reset_not_logged"):
            device.log.send(Event.FACTORY_RESET, "factory reset", user=user, src=source)


def _with_default_password(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    accounts = [Account.load(account) for account in stored]
    return [
        (Account.create(one.user, one.role, (HTTP,), "admin") if one.user == "admin" else one).stored()
        for one in accounts
    ]
