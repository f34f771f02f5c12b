"""The last line of defence of the command: only a verdict exits 1, and everything unexpected exits 2 with one sentence.

A crash, a closed or full output, a closed terminal and an unusual locale are not findings about a device.
"""

import contextlib
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Final, TextIO

from trustprobe.errors import ConfigurationError
from trustprobe.judging.unexpected import TRACEBACK, WORDS, let_go, of_system, sentence_for
from trustprobe.probe import printable

UNEXPECTED: Final = 2
"""The exit code of everything that is not a verdict."""
INTERRUPTED: Final = 130
"""What the command line library returns for Ctrl-C."""


def guarded(main: Callable[[], object]) -> int:
    """Run `main`, which returns an exit code or None, and return the exit code of the process. Never raises.

    An error becomes one sentence on standard error. Standard output is flushed here, because the interpreter exits
    with another code if its own flush fails.
    """
    secure_output()
    watch_signals()
    explained = False
    try:
        code = _code(main())
    except SystemExit as ended:
        code, explained = _of_exit(ended), ended.code not in {0, None}
    except BaseException as error:  # noqa: BLE001 - whatever it is, exit code 1 would report it as a verdict
        code, explained = UNEXPECTED, True
        _explain(error)
    if (unwritten := flushed(sys.stdout)) is not None and not explained:
        say(str(of_system(unwritten)))
        code = UNEXPECTED
    flushed(sys.stderr)
    return code


def _code(result: object) -> int:
    if result is None:
        return 0
    if result == INTERRUPTED or not isinstance(result, int):
        say(_interrupted())
        return UNEXPECTED
    return result


def _of_exit(ended: SystemExit) -> int:
    """Libraries exit with 1 if the reader of their output is gone. Verdicts are returned, never raised."""
    if ended.code in {0, None, UNEXPECTED}:
        return 0 if ended.code in {0, None} else UNEXPECTED
    say(str(ended.code) if isinstance(ended.code, str) else str(of_system(BrokenPipeError(errno.EPIPE, ""))))
    return UNEXPECTED


def _explain(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        say(_interrupted())
        return
    if os.environ.get(TRACEBACK):
        say("".join(traceback.format_exception(error)))
    usage = getattr(error, "format_message", None)
    if callable(usage):
        _say_usage(error, str(usage()))
        return
    say(str(sentence_for(error)))


def _say_usage(error: BaseException, words: str) -> None:
    """Print why the command line library refuses the words of the command; help as it is, for a bare command."""
    context = getattr(error, "ctx", None)
    lines = words.strip().splitlines()
    command = getattr(context, "command_path", "trustprobe")
    if len(lines) > 1:
        say("\n".join(lines))
    if len(lines) != 1:
        return
    say(str(ConfigurationError(f"{printable(lines[0], WORDS).rstrip('.')}.", f"See `{command} --help`.")))


def _interrupted() -> str:
    return str(ConfigurationError("the command was interrupted.", "Run it again for a complete result."))


def say(text: str) -> None:
    """Print on standard error, if it can still be written."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def flushed(stream: TextIO | None) -> OSError | None:
    """Flush a stream. If that fails, let it write to nowhere, and return the error."""
    if stream is None:
        return None
    try:
        stream.flush()
    except (OSError, ValueError) as error:
        let_go(stream)
        return error if isinstance(error, OSError) else None
    return None


def secure_output() -> None:
    """Occupy closed standard streams, so that no file of ours takes their place, and print in any locale.

    A closed standard output stays unwritable: what is printed there is lost, and the exit code must show that.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest free number, which is this one
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for the whole process
        if callable(reconfigure := getattr(getattr(sys, name), "reconfigure", None)):
            reconfigure(errors="backslashreplace")


def watch_signals() -> None:
    """End as Ctrl-C does if the terminal closes or the process is asked to end; not where `nohup` ignores it."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)
