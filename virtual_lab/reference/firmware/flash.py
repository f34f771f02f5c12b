"""The device's persistent state: one folder, whose files are each replaced in one step.

What the files mean is known here and nowhere else: configuration, update slots, the last update's outcome.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.json"
SLOTS = "slots.json"
UPDATE = "update.json"
SETTINGS = ("device_name", "osd_text")
"""The settings that an administrator may change."""


@dataclass(frozen=True)
class Slot:
    """One firmware slot: what is installed there."""

    version: str
    rollback_counter: int


@dataclass(frozen=True)
class UpdateOutcome:
    """How the last update attempt ended. `announced` is False until the new version has logged its first start."""

    state: str = "idle"
    reason: str | None = None
    version: str | None = None
    announced: bool = True


class Flash:
    """The state folder of one device. Raises FileNotFoundError where it was never provisioned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self.config: Mapping[str, Any] = json.loads((folder / CONFIG).read_text())

    def path(self, name: str) -> Path:
        """Return the path of a file on the flash."""
        return self.folder / name

    def save_settings(self, settings: Mapping[str, str]) -> None:
        """Keep the settings over a restart."""
        with self._lock:
            self.config = {**self.config, "settings": dict(settings)}
            write_json(self.path(CONFIG), self.config)

    @property
    def active(self) -> str:
        """The name of the slot that boots."""
        return str(self._slots()["active"])

    @property
    def inactive(self) -> str:
        """The name of the slot that an update is written to."""
        return "b" if self.active == "a" else "a"

    def slot(self, name: str) -> Slot:
        """Return what is installed in a slot."""
        return Slot(**self._slots()["slots"][name])

    def payload(self, name: str) -> bytes:
        """Return the payload of a slot."""
        return self.path(f"slot_{name}.bin").read_bytes()

    def install(self, content: Slot, payload: bytes) -> str:
        """Write the inactive slot, then switch to it; a power cut in between leaves the old one. Return its name."""
        with self._lock:
            name = self.inactive
            write_bytes(self.path(f"slot_{name}.bin"), payload)
            slots = self._slots()
            slots["slots"][name] = asdict(content)
            slots["active"] = name
            write_json(self.path(SLOTS), slots)
            return name

    @property
    def update_outcome(self) -> UpdateOutcome:
        """How the last update attempt ended."""
        path = self.path(UPDATE)
        return UpdateOutcome(**json.loads(path.read_text())) if path.exists() else UpdateOutcome()

    def save_update_outcome(self, outcome: UpdateOutcome) -> None:
        """Keep how an update attempt ended."""
        with self._lock:
            write_json(self.path(UPDATE), asdict(outcome))

    def _slots(self) -> dict[str, Any]:
        slots: dict[str, Any] = json.loads(self.path(SLOTS).read_text())
        return slots


def payload_digest(payload: bytes) -> str:
    """Return the SHA-256 of a payload in hexadecimal."""
    return hashlib.sha256(payload).hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file in one step: it holds the old or the new octets, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step."""
    write_bytes(path, json.dumps(value, indent=2, sort_keys=True).encode() + b"\n")
