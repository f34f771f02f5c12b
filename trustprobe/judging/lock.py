"""One bench, one run: a lock file a bench keeps two runs of this machine apart, and says who holds it since when."""

import fcntl
import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trustprobe.errors import BenchError, ConfigurationError

OWNER_LIMIT = 200
FOLDER: Final = Path("/tmp")
"""The same folder for every user and in every environment: two runs with another TMPDIR must not share a bench."""


def user_name() -> str:
    """Return the name of the user, or the number of a user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@contextmanager
def bench_lock(bench: str, folder: Path | None = None) -> Iterator[Path]:
    """Hold the lock of a bench while the block runs. BenchError names the owner where another run holds it.

    The kernel gives the lock back when the process ends, however it ends; a file that is left behind locks nothing.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", bench):
        raise ConfigurationError(f"{bench!r} is not the id of a bench.", "Use small letters, digits and _ in `id`.")
    path = (folder or FOLDER) / f"trustprobe-{bench}.lock"
    descriptor = _taken(path, bench)
    try:
        owner = f"{user_name()}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _opened(path: Path) -> int:
    """Open the file of another user, too. In /tmp, the kernel refuses O_CREAT for it."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, 0o666)  # whatever the umask
        return descriptor


def _taken(path: Path, bench: str) -> int:
    """Open and lock the file; again where the holder before us removed it in between."""
    while True:
        try:
            descriptor = _opened(path)
        except OSError as error:
            raise BenchError(
                f"the lock of bench {bench}, {path}, cannot be opened: {error.strerror}.",
                "Remove the file, or contact its owner.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, OWNER_LIMIT, 0).decode("utf-8", "replace")
            os.close(descriptor)
            raise BenchError(
                f"the bench {bench} is in use by {owner}.", "Wait for that run to end, or stop it."
            ) from None
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
        os.close(descriptor)
