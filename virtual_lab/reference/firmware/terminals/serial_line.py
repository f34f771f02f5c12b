"""The UART as the firmware sees it: octets in with a deadline, octets out that nobody has to read.

A UART has no flow control: what is not taken at the other end is lost, and never holds up the device.
"""

import errno
import os
import select
import threading
import time

_READ_OCTETS = 256
_UNPLUGGED_SECONDS = 0.2


class LineClosedError(Exception):
    """The UART is gone: the board has no power."""


class SerialLine:
    """One UART on an inherited file descriptor: a pty or a socket."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._lock = threading.Lock()
        self._never = threading.Event()

    def write(self, text: str) -> None:
        """Send text; `\\n` goes out as CR LF. What the line does not take is dropped."""
        octets = text.replace("\n", "\r\n").encode("ascii", "replace")
        with self._lock:
            try:
                while octets:
                    octets = octets[os.write(self._descriptor, octets) :]
            except OSError:
                return

    def read(self, seconds: float | None) -> bytes:
        """Return what was received within a time; empty when nothing came. LineClosedError when the line is gone."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._descriptor], [], [], left)[0]:
                return b""
            try:
                octets = os.read(self._descriptor, _READ_OCTETS)
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno != errno.EIO:
                    raise LineClosedError from error
                # The other end of a pty is closed: nobody is plugged in now, somebody may be later.
                pause = _UNPLUGGED_SECONDS if left is None else min(left, _UNPLUGGED_SECONDS)
                self._never.wait(pause)
                if left is not None and left <= pause:
                    return b""
                continue
            if not octets:
                raise LineClosedError
            return octets
