"""Unexpected errors as one sentence, and streams that can no longer be written. A crash is never a verdict."""

import contextlib
import errno
import os
import traceback
from pathlib import Path
from typing import Final, TextIO

from trustprobe.errors import BenchError, HarnessError, TrustprobeError
from trustprobe.probe import printable

TRACEBACK: Final = "TRUSTPROBE_TRACEBACK"
"""If this environment variable is set, the traceback of an unexpected error precedes its sentence."""
WORDS: Final = 600
"""Characters of a library's message that are printed."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED: Final = frozenset({errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO})
_USED_UP: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


def sentence_for(error: BaseException) -> TrustprobeError:
    """Return an unexpected error as one of ours, which states whose fault it is and what to do."""
    if isinstance(error, TrustprobeError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return sentence_for(error.exceptions[0])
    if isinstance(error, MemoryError):
        return BenchError("this machine has not enough memory.", "Free memory, and run the command again.")
    if isinstance(error, OSError) and (error.errno in _FULL | _CLOSED | _USED_UP or error.filename is not None):
        return of_system(error)
    words = " ".join(printable(str(error), WORDS).split()).rstrip(".")
    return HarnessError(
        f"unexpected {type(error).__name__}{_place(error)}: {words or 'without a message'}.",
        f"Report this fault. {TRACEBACK}=1 prints its traceback.",
    )


def of_system(error: OSError) -> TrustprobeError:
    """Return what the operating system refused as a fault of the bench."""
    words = os.strerror(error.errno) if error.errno else type(error).__name__
    name = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else None
    where = printable(os.fsdecode(name), 200) if name is not None else "the output"
    if error.errno in _FULL:
        return BenchError(f"{where} cannot be written: {words}.", "Free space, or raise the limit.")
    if error.errno in _CLOSED and name is None:
        return BenchError(
            "the output was closed before everything was written.", "Write it to a file, or keep it open."
        )
    if name is None:
        return BenchError(f"the system refuses: {words}.", "Free resources of this machine.")
    return BenchError(f"{where}: {words}.", "Check its name and permissions.")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def let_go(stream: TextIO) -> None:
    """Write whatever a stream still holds to nowhere, so that the interpreter can end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
