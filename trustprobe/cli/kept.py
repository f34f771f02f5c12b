"""The results of an earlier matrix, for `trustprobe matrix --resume`: a long matrix need not run in one piece.

A run is reused if its flaw was found as expected and the software has not changed since.
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
"""The files that influence a result: harness and devices, but not documentation and tests.

An installed copy holds all of it below `trustprobe`."""
_COMPILED = "__pycache__"


class KeptRuns:
    """The runs below one output folder. A run with a damaged mark, or of other software, is not reused."""

    def __init__(self, *, resume: bool, root: Path = PACKAGE.parent) -> None:
        self._resume, self._root = resume, root
        self._software = software_digest(root)

    def results(self, options: RunOptions) -> Results | None:
        """Return the results of a run with these options, if there is one to reuse."""
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
        """Drop the earlier results: a run begins whose results may differ."""
        (options.out / MARK).unlink(missing_ok=True)

    def keep(self, options: RunOptions, run: Path) -> None:
        """Note that `run`, a folder in the output folder of these options, is as expected.

        If the software was edited meanwhile, note nothing: each run reads it again.
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
