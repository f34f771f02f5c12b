"""User data: the recordings of the device, kept on its flash under a key that only its secure element holds.

Deleting them takes the file and its key away, so that what a flash chip keeps of old blocks cannot be read either.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.storage.flash import Flash, write_bytes, write_json

RECORDINGS = "recordings.bin"
IN_CLEAR = "recordings.json"
TRASH = "trash.json"
MOST = 100
_KEY = "recordings_key"
_NONCE_OCTETS = 12
"""NIST SP 800-38D, 8.2: a nonce of 96 bits, drawn anew for each write."""


@dataclass(frozen=True)
class Recording:
    """One recording: its name, and what the customer wrote about it."""

    name: str
    note: str


class Recordings:
    """The recordings of one device, oldest first. Only the last MOST are kept."""

    def __init__(self, flash: Flash, defects: Defects) -> None:
        self._flash = flash
        self._defects = defects
        self._lock = threading.Lock()

    def all(self) -> list[Recording]:
        """Return every recording."""
        with self._lock:
            return self._read()

    def add(self, recording: Recording) -> None:
        """Keep one more."""
        with self._lock:
            known = [*self._read(), recording][-MOST:]
            octets = json.dumps([asdict(one) for one in known]).encode()
            if self._defects("storage_secret_in_clear"):
                write_bytes(self._flash.path(IN_CLEAR), octets)
            else:
                nonce = os.urandom(_NONCE_OCTETS)
                sealed = AESGCM(self._key()).encrypt(nonce, octets, RECORDINGS.encode())
                write_bytes(self._flash.path(RECORDINGS), nonce + sealed)

    def delete(self) -> None:
        """Erase every recording, and the key that they were kept under."""
        with self._lock:
            if self._defects("deletion_ignored"):
                return
            if self._defects("deletion_incomplete"):
                trash = {"undo": [asdict(one) for one in self._read()]}
                write_json(self._flash.path(TRASH), trash)
            for name in (RECORDINGS, IN_CLEAR):
                self._flash.path(name).unlink(missing_ok=True)
            (self._flash.secure / _KEY).unlink(missing_ok=True)

    def _read(self) -> list[Recording]:
        if self._flash.path(IN_CLEAR).exists():
            octets = self._flash.path(IN_CLEAR).read_bytes()
        elif self._flash.path(RECORDINGS).exists():
            stored = self._flash.path(RECORDINGS).read_bytes()
            octets = AESGCM(self._key()).decrypt(stored[:_NONCE_OCTETS], stored[_NONCE_OCTETS:], RECORDINGS.encode())
        else:
            return []
        return [Recording(**one) for one in json.loads(octets)]

    def _key(self) -> bytes:
        """Return the key; a device without one makes it."""
        path = self._flash.secure / _KEY
        if not path.exists():
            write_bytes(path, AESGCM.generate_key(256))
            path.chmod(0o600)
        return path.read_bytes()
