"""The run folder: the results, evidence and reports of one run, and the `latest` link to the newest run.

Files appear whole or not at all. The other modules of this package define their contents.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reports.redaction import Redactor, Scrubbed
from reports.results import Results
from trustprobe.errors import ConfigurationError

LATEST = "latest"
RESERVE = ".reserve"
"""A file that keeps free space for the results. It is removed before they are written."""
RESERVED_OCTETS = 4 << 20
SAME_SECOND = 1_000
"""The number of runs of one product that may start in one second."""


def write_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 file through a temporary file next to it. A reader sees the old content or the new."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class RunFolder:
    """`out/<UTC time>-<product>/` with its sub-folders. It is always created, never reused.

    Raises ConfigurationError if `out` cannot be written.
    """

    def __init__(self, out: Path, product: str, now: datetime) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", product):
            raise ConfigurationError(f"{product!r} is not a valid folder name.", "Use letters, digits, _ . and -.")
        if now.tzinfo is None:
            raise ValueError("the time of a run needs a time zone")
        self.out = out
        try:
            self.path = self._make(f"{now.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{product}")
            self.evidence.mkdir()
            self.allure_results.mkdir()
        except OSError as error:
            raise _unwritable(out, error) from error
        self._reserve()

    def _reserve(self) -> None:
        """Reserve space for the results, as far as there is space: a full disk must not lose what was judged."""
        with contextlib.suppress(OSError), (self.path / RESERVE).open("wb") as file:
            free = os.statvfs(self.path)
            os.posix_fallocate(file.fileno(), 0, max(1, min(RESERVED_OCTETS, free.f_bavail * free.f_frsize // 2)))

    def release(self) -> None:
        """Give the reserved space to what is written from here on."""
        (self.path / RESERVE).unlink(missing_ok=True)

    def _make(self, name: str) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        for number in range(1, SAME_SECOND):
            path = self.out / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
        raise FileExistsError(f"{name} and {SAME_SECOND} numbered ones exist")

    @property
    def evidence(self) -> Path:
        """One folder per probe: observation, raw bytes, transcript."""
        return self.path / "evidence"

    @property
    def allure_results(self) -> Path:
        """The files that allure-pytest writes."""
        return self.path / "allure-results"

    @property
    def results_json(self) -> Path:
        """The results model of this run."""
        return self.path / "results.json"

    def write(self, name: str, text: str) -> Path:
        """Write one file of the run folder atomically, and return its path. ConfigurationError if that fails."""
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
        except OSError as error:
            raise _unwritable(self.out, error) from error
        return path

    def write_results(self, results: Results) -> Path:
        """Write `results.json` into the space that was reserved for it."""
        self.release()
        return self.write(self.results_json.name, results.to_json())

    def scrub(self, secrets: Mapping[str, str]) -> Scrubbed:
        """Remove the values of secrets (name to value) from every file so far, before a report embeds it.

        A report in one HTML file contains its data in base64 of base64. Generate it only from scrubbed results.
        """
        return Redactor(secrets).folder(self.path)

    def finish(self) -> Path:
        """Point `latest` to this run, in one step, and return the link. ConfigurationError if that fails."""
        link = self.out / LATEST
        temporary = self.out / f".{LATEST}-{self.path.name}-{os.getpid()}"
        try:
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(self.path.name, target_is_directory=True)
            temporary.replace(link)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ConfigurationError(
                f"{link} cannot be linked to {self.path.name}: {error.strerror or error}.",
                f"The run is complete in {self.path}. Remove the existing {link}.",
            ) from error
        return link


def _unwritable(out: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The output folder {out} cannot be written: {error.strerror or error}.",
        "Name a writable folder with free space with --out.",
    )
