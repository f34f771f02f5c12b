"""The sensors that were paired with the device: what each of them knows, and the last reading that it sent.

How a reading comes here is in `sensor_coap` (the door) and `sensor_pages` (the window).
"""

import hmac
import json
import threading
from collections.abc import Mapping

DOOR, WINDOW = "door_sensor", "window_sensor"
COMPANION = "companion"
"""The app that administers the sensors; its key is one of its own, for passwords are kept as hashes alone."""
_CHARACTERS = 64


class MalformedReadingError(ValueError):
    """What was sent is no reading; the text is what the sender sees."""


class Sensors:
    """The paired sensors of one device; `secrets` are what pairing gave them, and the app, by name."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._lock = threading.Lock()
        self._readings: dict[str, str] = {}

    def secret(self, name: str) -> bytes | None:
        """Return what somebody knows who was paired."""
        found = self._secrets.get(name)
        return None if found is None else found.encode()

    def knows(self, name: str, secret: str) -> bool:
        """Whether this is what a sensor got when it was paired."""
        own = self._secrets.get(name, "")
        return bool(own) and hmac.compare_digest(own.encode(), secret.encode("utf-8", "surrogatepass"))

    def take(self, name: str, body: bytes) -> None:
        """Keep a reading, as an object with `open`; MalformedReadingError for what is none."""
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            raise MalformedReadingError("malformed JSON") from None
        value = fields.get("open") if isinstance(fields, dict) else None
        if not isinstance(value, str) or len(value) > _CHARACTERS or not value.isprintable():
            raise MalformedReadingError("an object with open is expected")
        with self._lock:
            self._readings[name] = value

    @property
    def readings(self) -> dict[str, str]:
        """The last reading of each sensor that sent one since the start."""
        with self._lock:
            return dict(self._readings)
