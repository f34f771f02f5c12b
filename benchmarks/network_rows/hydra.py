"""The peer: hydra, its time by the clock and whether it found the password."""

import contextlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.network_rows.lab import tool
from virtual_lab.reference.namespace import DEVICE_ADDRESS

_FOUND = re.compile(r"login: (\S+)\s+password: (\S+)")


@dataclass(frozen=True)
class HydraRun:
    """What one run of hydra took and found."""

    seconds: float
    found: list[tuple[str, str]]
    said: str


def hydra(folder: Path, user: str, at_once: int, service: str, *options: str, limit: float = 120.0) -> HydraRun:
    """Try the passwords of `passwords.txt` in a folder; its time is that of the whole process.

    A run that does not end within the limit has found nothing. Over Telnet with login(1), none ends.
    """
    command = [tool("hydra", "hydra"), "-I", "-l", user, "-P", "passwords.txt", "-t", str(at_once)]
    started = time.monotonic()
    process = subprocess.Popen(
        [*command, DEVICE_ADDRESS, service, *options],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        said = f"it did not end within {limit:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children, too, which outlive it where it is stopped
        process.wait()
    seconds = time.monotonic() - started
    return HydraRun(seconds, _FOUND.findall(said), said)
