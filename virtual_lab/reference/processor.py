"""The board's processor: runs the firmware as a child process, and starts it again as hardware would.

What the firmware does is not known here, only how it ends: by a request to restart, or by a crash.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NoReturn

from virtual_lab.reference.syscalls import die_with_parent

RESTART_STATUS: Final = 75
"""The exit status with which firmware asks for a software reset (EX_TEMPFAIL of sysexits.h)."""
WATCHDOG_LIMIT: Final = 5
STABLE_SECONDS: Final = 0.5
"""Firmware that ran so long before it crashed was no part of a loop."""
_CRASHED: Final = 1

Reset = Literal["power-on", "software", "watchdog"]
Program = Callable[[Sequence[str]], int]
"""Firmware: takes the words of its command line, and returns its exit status."""


def command(words: Sequence[str]) -> Program:
    """Return the firmware that is a program of its own, to be executed in the processor's place."""

    def execute(more: Sequence[str]) -> int:
        os.execv(words[0], [*words, *more])

    return execute


class Processor:
    """Runs `program`, with `--reset REASON` added to its words, while it has power, in a fork of this process.

    The process must have one thread: a fork takes no other along. The child has `console` and nothing else that is
    open here. `reset` is called before each start. After WATCHDOG_LIMIT crashes in a loop the processor stays
    dead, and `dead` is called. What the firmware prints is appended to `log`.
    """

    def __init__(
        self,
        program: Program,
        words: Sequence[str],
        console: int,
        log: Path,
        reset: Callable[[], None],
        dead: Callable[[], None],
    ) -> None:
        self._program = program
        self._words = tuple(words)
        self._console = console
        self._log = log
        self._reset = reset
        self._dead = dead
        self._crashes = 0
        self._began = 0.0
        self._child = 0
        self._ended = -1

    def power_on(self) -> None:
        """Start the firmware, unless it runs."""
        if not self._child:
            self._crashes = 0
            self._start("power-on")

    def power_off(self) -> None:
        """Kill the firmware where it stands, and all processes it started. Returns when it is gone."""
        if self._child:
            os.killpg(self._child, signal.SIGKILL)
            self._reap()

    def _start(self, reset: Reset) -> None:
        self._reset()
        self._began = time.monotonic()
        parent = os.getpid()
        self._child = os.fork()
        if not self._child:
            self._run(parent, reset)
        with contextlib.suppress(PermissionError):  # it is one, and executes its program already
            os.setpgid(self._child, self._child)  # here as well, so that it is a group before anybody kills it
        self._ended = os.pidfd_open(self._child)
        asyncio.get_running_loop().add_reader(self._ended, self._firmware_ended)

    def _run(self, parent: int, reset: Reset) -> NoReturn:
        """Be the firmware: in the child, with nothing of the board's but the console."""
        status = _CRASHED
        try:
            signal.set_wakeup_fd(-1)  # a signal to the child is none to the board
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setpgid(0, 0)
            die_with_parent(parent)
            self._keep_console()
            status = self._program([*self._words, "--reset", reset])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else _CRASHED
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:  # noqa: BLE001 - the end of this process, whatever it was
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)  # a reset: no thread gets to say goodbye

    def _keep_console(self) -> None:
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, self._console)
        os.closerange(self._console + 1, os.sysconf("SC_OPEN_MAX"))
        os.set_inheritable(self._console, True)

    def _reap(self) -> int:
        """Forget the child, which has ended or is about to; return its status, -N for signal N."""
        asyncio.get_running_loop().remove_reader(self._ended)
        os.close(self._ended)
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def _firmware_ended(self) -> None:
        status = self._reap()
        if status == RESTART_STATUS:
            self._start("software")
            return
        self._crashes = 1 if time.monotonic() - self._began >= STABLE_SECONDS else self._crashes + 1
        with self._log.open("a") as log:
            log.write(f"board: the firmware ended with status {status}; crash {self._crashes} in a row\n")
        if self._crashes <= WATCHDOG_LIMIT:
            self._start("watchdog")
        else:
            self._dead()
