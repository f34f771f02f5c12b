"""The board's processor: runs the firmware as a child process, and starts it again as hardware would.

What the firmware does is not known here, only how it ends: by a request to restart, or by a crash.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

from virtual_lab.reference.syscalls import die_with_parent

RESTART_STATUS: Final = 75
"""The exit status with which firmware asks for a software reset (EX_TEMPFAIL of sysexits.h)."""
WATCHDOG_LIMIT: Final = 5

Reset = Literal["power-on", "software", "watchdog"]


class Processor:
    """Runs `command`, with `--reset REASON` added, while it has power; `console` is inherited by the child.

    `reset` is called before each start. After WATCHDOG_LIMIT crashes since power on the processor stays dead, and
    `dead` is called. What the firmware prints is appended to `log`.
    """

    def __init__(
        self, command: Sequence[str], console: int, log: Path, reset: Callable[[], None], dead: Callable[[], None]
    ) -> None:
        self._command = tuple(command)
        self._console = console
        self._log = log
        self._reset = reset
        self._dead = dead
        self._crashes = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._ended = -1

    def power_on(self) -> None:
        """Start the firmware, unless it runs."""
        if self._child is None:
            self._crashes = 0
            self._start("power-on")

    def power_off(self) -> None:
        """Kill the firmware where it stands, and all processes it started. Returns when it is gone."""
        if self._child is not None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._reap()

    def _start(self, reset: Reset) -> None:
        self._reset()
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [*self._command, "--reset", reset],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._console],
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )
        self._ended = os.pidfd_open(self._child.pid)
        asyncio.get_running_loop().add_reader(self._ended, self._firmware_ended)

    def _reap(self) -> int:
        """Forget the child, which has ended or is about to; return its status."""
        assert self._child is not None
        asyncio.get_running_loop().remove_reader(self._ended)
        os.close(self._ended)
        status = self._child.wait()
        self._child = None
        return status

    def _firmware_ended(self) -> None:
        status = self._reap()
        if status == RESTART_STATUS:
            self._start("software")
            return
        self._crashes += 1
        with self._log.open("a") as log:
            log.write(f"board: the firmware ended with status {status}; crash {self._crashes} since power on\n")
        if self._crashes <= WATCHDOG_LIMIT:
            self._start("watchdog")
        else:
            self._dead()
