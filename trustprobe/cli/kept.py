"""What an earlier matrix found, for `trustprobe matrix --resume`: a matrix of hours need not run in one piece.

A run counts again where its flaw was found as expected, and nothing of the software has changed since.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from reports.results import Results
from reports.run_folder import write_atomically
from trustprobe.cli.run import RunOptions, read_results
from trustprobe.errors import HarnessError
from trustprobe.place import PACKAGE

MARK: Final = "found.json"
SOFTWARE: Final = (
    *("conftest.py", "pyproject.toml", "uv.lock", "drivers", "fixtures", "lab_config"),
    *("reports", "standards", "suites", "trustprobe", "virtual_lab"),
)
"""What decides about an outcome: harness and devices, and not documentation and tests.

An installed copy holds all of it below `trustprobe`."""
_COMPILED = "__pycache__"


class KeptRuns:
    """The runs below one output folder. Of a mark that is damaged, or of other software, nothing is taken."""

    def __init__(self, *, resume: bool, root: Path = PACKAGE.parent) -> None:
        self._resume, self._root = resume, root
        self._software = software_digest(root)

    def results(self, options: RunOptions) -> Results | None:
        """Return what was found by a run with these options, where one may be taken over."""
        if not self._resume:
            return None
        try:
            mark = json.loads((options.out / MARK).read_text("utf-8"))
            if mark["asked"] != self._asked(options):
                return None
            return read_results(options.out / Path(mark["run"]).name)
        except (OSError, ValueError, KeyError, TypeError, HarnessError):
            return None

    def forget(self, options: RunOptions) -> None:
        """Take nothing of what was found before: a run begins that may find otherwise."""
        (options.out / MARK).unlink(missing_ok=True)

    def keep(self, options: RunOptions, run: Path) -> None:
        """Note that `run`, a folder in the output folder of these options, found what it had to.

        Where somebody has edited the software meanwhile, nothing is noted: each run reads it anew.
        """
        if software_digest(self._root) != self._software:
            return
        mark = {"asked": self._asked(options), "run": run.name}
        write_atomically(options.out / MARK, json.dumps(mark, indent=1) + "\n")

    def _asked(self, options: RunOptions) -> dict[str, object]:
        asked = json.loads(json.dumps({**asdict(options), "out": ""}))
        return {"software": self._software, **asked}


def software_digest(root: Path) -> str:
    """Return the SHA-256, in hexadecimal digits, of what harness and devices are made of."""
    digest = hashlib.sha256()
    for name in SOFTWARE:
        top = root / name
        files = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        for path in files:
            if _COMPILED not in path.parts:
                digest.update(str(path.relative_to(root)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
