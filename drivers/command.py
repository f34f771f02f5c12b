"""Running a program of the bench (a debug server, a switch's command line): without a shell, and never without an end.

What the program is for, and what its output means, is known to its caller.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from trustprobe.errors import BenchError

OUTPUT_LIMIT = 1 << 20
"""Bytes of output that are kept."""
_TERM_SECONDS = 2.0


@dataclass(frozen=True)
class Finished:
    """How a program ended. `code` is None when it had to be stopped; `output` is its stdout and stderr together."""

    code: int | None
    output: str


def run(command: Sequence[str], seconds: float) -> Finished:
    """Run a program to its end, or stop it and its children after `seconds`: SIGTERM, then SIGKILL.

    Raises BenchError when the program cannot be started.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        except (OSError, ValueError) as error:
            raise BenchError(
                f"the command `{command[0] if command else ''}` could not be started: {error}.",
                "Install it, or correct its name in the bench file.",
            ) from error
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return Finished(None, _read(output))
        else:
            return Finished(code, _read(output))
        finally:
            _stop(process)


def _read(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read(OUTPUT_LIMIT).decode("utf-8", "replace")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the program if it still runs, and what it started."""
    for number, grace in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, None)):
        if process.poll() is not None:
            break
        os.killpg(process.pid, number)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue
