"""The device's own log: the newest records, on the flash, where a restart does not reach them.

One JSON object a line. Each record is appended; a file with twice as many as are kept is replaced in one step.
"""

import json
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from virtual_lab.reference.firmware.storage.flash import write_bytes

FILE = "log.jsonl"
RECORDS = 1_000
"""The newest records that are kept."""


class LogStore:
    """The records of one device, oldest first. Without a path they live in memory alone."""

    def __init__(self, path: Path | None, most: int = RECORDS) -> None:
        self._path = path
        self._most = most
        self._lock = threading.Lock()
        self._records: deque[dict[str, Any]] = deque(_read(path), maxlen=most)
        self._lines = 2 * most  # so that the first record brings the file into shape, whatever a power cut left of it

    def append(self, record: Mapping[str, Any]) -> None:
        """Keep a record; the oldest goes when there are too many."""
        with self._lock:
            self._records.append(dict(record))
            if self._path is None:
                return
            self._lines += 1
            if self._lines > 2 * self._most:
                self._rewrite(self._path)
            else:
                with self._path.open("ab") as file:
                    file.write(_line(record))

    def newest(self, count: int) -> list[dict[str, Any]]:
        """Return the newest records, oldest first."""
        with self._lock:
            return list(self._records)[-count:]

    def clear(self) -> None:
        """Drop every record."""
        with self._lock:
            self._records.clear()
            if self._path is not None:
                self._rewrite(self._path)

    def _rewrite(self, path: Path) -> None:
        write_bytes(path, b"".join(_line(record) for record in self._records))
        self._lines = len(self._records)


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _read(path: Path | None) -> list[dict[str, Any]]:
    """Read what is there; a line that a power cut has torn is left out."""
    records = []
    for line in path.read_bytes().splitlines() if path is not None and path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
