"""The board's serial port: a pseudo-terminal that lives as long as the board, whatever the power does.

It behaves as a wire: what nobody listens to is lost, and what is typed while the power is off is lost too. The bytes
are the firmware's business, which gets the master's descriptor.
"""

import asyncio
import contextlib
import os
import select
import termios
import tty
from pathlib import Path

from virtual_lab.reference.syscalls import OpenWatch

_CHUNK = 4096


class Uart:
    """The pty pair; `master` is the device's end, and the symlink `path` leads to the end for the bench."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master, self._slave = os.openpty()
        name = os.ttyname(self._slave)
        os.set_blocking(self._slave, False)
        self._make_raw()
        # Held open, so that the device's reads never fail with EIO when the last listener goes.
        self._listeners = OpenWatch(name)
        path.unlink(missing_ok=True)
        path.symlink_to(name)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to lose what nobody takes; the power is off."""
        self._loop = loop
        loop.add_reader(self._listeners, self._listeners_changed)
        loop.add_reader(self._slave, self._lose_output)
        loop.add_reader(self.master, self._lose_input)

    def power(self, *, on: bool) -> None:
        """With power the firmware takes what is typed; without, nobody does."""
        if on:
            self._loop.remove_reader(self.master)
            self._lose_input()
        else:
            self._loop.add_reader(self.master, self._lose_input)

    def close(self) -> None:
        """Remove the symlink and close both ends."""
        self.path.unlink(missing_ok=True)
        for descriptor in (self._listeners, self._slave, self.master):
            self._loop.remove_reader(descriptor)
        self._listeners.close()
        os.close(self._slave)
        os.close(self.master)

    def _make_raw(self) -> None:
        tty.setraw(self._slave)
        settings = termios.tcgetattr(self._slave)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self._slave, termios.TCSANOW, settings)

    def _listeners_changed(self) -> None:
        if self._listeners.update():
            self._loop.remove_reader(self._slave)
        else:
            self._make_raw()  # the last listener may have left echo switched on
            self._loop.add_reader(self._slave, self._lose_output)

    def _lose_output(self) -> None:
        if self._listeners.update():  # somebody came since: what there is, is theirs
            self._loop.remove_reader(self._slave)
            return
        with contextlib.suppress(BlockingIOError):
            os.read(self._slave, _CHUNK)

    def _lose_input(self) -> None:
        while select.select([self.master], [], [], 0)[0]:
            os.read(self.master, _CHUNK)
