"""A copy of the tree in which mutants are written, and the worker that runs in it."""

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.targets import ROOT, tracked

LEAST_SECONDS = 10.0
"""The shortest time-out of a mutant; a busy machine is not a killed mutant."""
SLOWER = 5.0
"""A mutant that takes this many times as long as the unchanged file runs for ever."""


@dataclass(frozen=True)
class Result:
    """What became of one text: pytest's exit code, None after the time-out, and what pytest printed."""

    code: int | None
    seconds: float
    output: str


def make_copy(folder: Path) -> None:
    """Copy the tree, and compile it: each process that a test starts would compile it anew."""
    for name in tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    compileall.compile_dir(folder, quiet=2)


@dataclass(frozen=True)
class Worker:
    """A running worker of one file."""

    process: subprocess.Popen[str]

    def run(self, text: str, seconds: float) -> Result:
        """Return what the tests say of a text. Raises RuntimeError if the worker ended."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps({"text": text, "seconds": seconds}), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the worker ended; its message is above")
        return Result(**json.loads(answer))


@contextmanager
def worker(folder: Path, file: str, test: str) -> Iterator[Worker]:
    """Start the worker of a file in a copy, and end it."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-m", "tests.mutants.worker", file, test]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield Worker(process)
        assert process.stdin
        process.stdin.close()
