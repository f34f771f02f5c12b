"""The evidence folder: what a probe leaves behind, written as it goes, redacted on the way.

One folder a probe: observation.json, transcript.txt and the raw bytes. File names are made safe here, since some of
them come from what a device said.
"""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from reports.redaction import Redactor
from trustprobe.errors import BenchError
from trustprobe.probe import Observation, printable

FILE_LIMIT = 8 << 20
"""Bytes of one evidence file that are kept."""
TRANSCRIPT_LINES = 20_000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

Report = Callable[[str, int, int, str], None]
"""Told of a probe's progress: its name, done, total, what."""


def safe_name(name: str) -> str:
    """Return a file name of letters, digits, dot, dash and underscore, of at most 80 characters."""
    return _UNSAFE.sub("_", name).strip("._")[:80] or "unnamed"


class EvidenceFolder:
    """The recorder of one running probe."""

    def __init__(self, folder: Path, redactor: Redactor, probe: str, report: Report) -> None:
        self.folder = folder
        self._redactor = redactor
        self._probe = probe
        self._report = report
        self._started = time.monotonic()
        self._lines = 0
        self.files: list[str] = []
        self._write("transcript.txt", b"")

    def keep(self, name: str, data: bytes) -> None:
        """Store raw bytes; what is over the limit is cut, and the transcript says so."""
        if len(data) > FILE_LIMIT:
            self.note(f"{name}: {len(data)} bytes, the first {FILE_LIMIT} are kept")
        self._write(safe_name(name), self._redactor.data(data[:FILE_LIMIT]))

    def note(self, line: str) -> None:
        """Append a line to the transcript, with the seconds since the probe began."""
        self._lines += 1
        if self._lines > TRANSCRIPT_LINES:
            return
        text = self._redactor.text(f"{time.monotonic() - self._started:9.3f} {printable(line)}\n")
        try:
            with (self.folder / "transcript.txt").open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise self._unwritable(error) from error

    def progress(self, done: int, total: int, what: str) -> None:
        """Hand the progress on to whoever shows it."""
        self._report(self._probe, done, total, printable(what, 80))

    def finish(self, observation: Observation) -> None:
        """Write observation.json."""
        text = json.dumps(observation.model_dump(mode="json"), indent=1)  # escaped: what the device says writes no text
        self._write("observation.json", self._redactor.data(text.encode("ascii")))

    def _write(self, name: str, data: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)
        except OSError as error:
            raise self._unwritable(error) from error
        if name not in self.files:
            self.files.append(name)

    def _unwritable(self, error: OSError) -> BenchError:
        return BenchError(f"evidence cannot be written to {self.folder}: {error.strerror}.", "Free space.")
