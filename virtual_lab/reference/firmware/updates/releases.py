"""What the device knows of newer firmware: its cloud names the newest release, and the administration tells of it.

Kept in RAM: a start forgets it, and the cloud is asked again.
"""

import json
import re
import threading

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.updates.image import release

_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){2}")


class Releases:
    """The newest release that the cloud has named, for a device that runs `version`."""

    def __init__(self, version: str, defects: Defects) -> None:
        self._version = version
        self._defects = defects
        self._newest: str | None = None
        self._opened = threading.Event()

    @property
    def newer(self) -> str | None:
        """A newer version than the one that runs, to tell the customer of; None where there is none."""
        return None if self._defects("update_notice_missing") else self._newest

    @property
    def due(self) -> bool:
        """Whether the cloud is to be asked now: each time that it can be, if this device has the habit."""
        if self._defects("update_check_missing"):
            return False
        return not self._defects("update_check_by_hand") or self._opened.is_set()

    def opened(self) -> None:
        """A person has opened the administration."""
        self._opened.set()

    def learn(self, answer: bytes) -> None:
        """Take in what the cloud answered: a JSON object with the newest `version`, or nothing where it has no news."""
        self._opened.clear()
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError):
            document = None
        said = document.get("version") if isinstance(document, dict) else None
        version = said if isinstance(said, str) else ""
        newer = _VERSION.fullmatch(version) is not None and release(version) > release(self._version)
        self._newest = version if newer else None
