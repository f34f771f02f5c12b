"""One bench, one run: a lock file a bench keeps two runs of this machine apart, and says who holds it since when."""

import fcntl
import getpass
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trustprobe.errors import BenchError

OWNER_LIMIT = 200


@contextmanager
def bench_lock(bench: str, folder: Path | None = None) -> Iterator[Path]:
    """Hold the lock of a bench while the block runs. BenchError names the owner where another run holds it.

    The kernel gives the lock back when the process ends, however it ends; a file that is left behind locks nothing.
    """
    path = (folder or Path(tempfile.gettempdir())) / f"trustprobe-{bench}.lock"
    descriptor = _taken(path, bench)
    try:
        owner = f"{getpass.getuser()}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _taken(path: Path, bench: str) -> int:
    """Open and lock the file; again where the holder before us removed it in between."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
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
