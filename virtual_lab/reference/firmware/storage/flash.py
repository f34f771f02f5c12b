"""The device's persistent state: one folder, whose files but the slots are each replaced in one step.

What the files mean is known here and nowhere else: configuration, update slots, the last update's outcome. Beside the
flash lies the key store, a secure element: what it holds is in no dump of the flash.
"""

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.json"
SLOTS = "slots.json"
UPDATE = "update.json"
FACTORY = "factory.json"
DIGESTS = "digests.json"
SENSORS = "sensors.json"
PRODUCTION_SECRETS = "production_secrets.json"
_ERASE_BLOCK = 4096
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


def key_store(flash: Path) -> Path:
    """Return the folder of the secure element that belongs to a flash folder."""
    return flash.with_name("secure")


class Flash:
    """The state folder of one device. Raises FileNotFoundError where it was never provisioned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secure = key_store(folder)
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

    def save_accounts(self, accounts: list[dict[str, Any]]) -> None:
        """Keep the accounts over a restart."""
        with self._lock:
            self.config = {**self.config, "accounts": accounts}
            write_json(self.path(CONFIG), self.config)
            self.path(CONFIG).chmod(0o600)

    @property
    def digests(self) -> dict[str, str]:
        """What Digest authentication compares with, by user; it lies in the key store."""
        path = self.secure / DIGESTS
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def save_digests(self, digests: Mapping[str, str]) -> None:
        """Keep what Digest authentication compares with."""
        with self._lock:
            write_json(self.secure / DIGESTS, digests)
            (self.secure / DIGESTS).chmod(0o600)

    @property
    def sensor_secrets(self) -> dict[str, str]:
        """What pairing gave to each sensor; it lies in the key store."""
        path = self.secure / SENSORS
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    @property
    def production_secrets(self) -> dict[str, str]:
        """What a production line has left in the key store that it should have kept to itself."""
        secrets: dict[str, str] = json.loads((self.secure / PRODUCTION_SECRETS).read_text())
        return secrets

    def restore_factory_state(self, kept: Mapping[str, Any], keep_files: Iterable[str] = ()) -> None:
        """Put the configuration of the production line back, and erase what came to the flash after it.

        The firmware stays as it is. `kept` goes over the configuration, and `keep_files` are not erased.
        """
        with self._lock:
            factory = json.loads((self.secure / FACTORY).read_text())
            self.config = {**factory["config"], **kept}
            write_json(self.path(CONFIG), self.config)
            self.save_digests(factory.get("digests", {}))
            for path in self.folder.iterdir():
                if path.name not in {*factory["files"], *keep_files}:
                    path.unlink() if path.is_file() else shutil.rmtree(path)

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

    def install(self, content: Slot, payload: bytes, seconds: float = 0.0, *, switch_first: bool = False) -> str:
        """Write the inactive slot, then switch to it; a power cut in between leaves the old one. Return its name.

        Writing takes so many seconds. A slot that was not written to its end is `unfinished`. `switch_first` is a
        planted habit: the slot that is being written is the one that boots.
        """
        with self._lock:
            name = self.inactive
            self._unfinished(name).touch()
            if switch_first:
                self._switch(name, content)
            with self.path(f"slot_{name}.bin").open("wb", buffering=0) as slot:
                for start in range(0, len(payload), _ERASE_BLOCK):
                    written = slot.write(payload[start : start + _ERASE_BLOCK])
                    time.sleep(seconds * written / len(payload))
            self._unfinished(name).unlink()
            self._switch(name, content)
            return name

    def unfinished(self, name: str) -> bool:
        """Whether the writing of a slot was begun and not ended."""
        return self._unfinished(name).exists()

    def _unfinished(self, name: str) -> Path:
        return self.path(f"slot_{name}.unfinished")

    def _switch(self, name: str, content: Slot) -> None:
        slots = self._slots()
        slots["slots"][name] = asdict(content)
        slots["active"] = name
        write_json(self.path(SLOTS), slots)

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


def remember_factory_state(flash: Path) -> None:
    """Note in the key store what the production line has put on a flash: a reset goes back to that."""
    digests = key_store(flash) / DIGESTS
    state = {
        "config": json.loads((flash / CONFIG).read_text()),
        "digests": json.loads(digests.read_text()) if digests.exists() else {},
        "files": sorted(one.name for one in flash.iterdir()),
    }
    write_json(key_store(flash) / FACTORY, state)


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
