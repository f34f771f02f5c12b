"""One restart of the device, watched on its console from before it begins.

Who restarts the device is given as a function (power switch or reboot command); what is looked for is not known here.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from drivers.serial.login import ROOT_PROMPT
from drivers.serial.port import Arrival, Awaited, Console, PlainText
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration

LOGIN_SETTLE = 0.5
"""A boot is over when its prompt stays the last line for so many seconds."""
_SLICE_SECONDS = 0.2


def ends_of_boot(declaration: ConsoleDeclaration) -> tuple[Awaited, ...]:
    """Return what a start ends with: the login prompt, first, or a shell that asks for no login."""
    patterns = (declaration.login_prompt, declaration.shell_prompt, ROOT_PROMPT)
    return tuple(Awaited.prompt(pattern, LOGIN_SETTLE) for pattern in patterns)


class Boot:
    """One restart that is watched on an open console. It runs in parallel with the reading, so nothing is missed."""

    def __init__(self, console: Console, restarting: "Future[None]", seconds: float) -> None:
        self.console = console
        self.began = console.received
        self._restarting = restarting
        self._seconds = seconds
        self._deadline: float | None = None

    @property
    def left(self) -> float:
        """Seconds left for the boot; they count from the moment that the restart was done. Raises what it raised."""
        if self._deadline is None:
            if not self._restarting.done():
                return self._seconds
            self._restarting.result()
            self._deadline = time.monotonic() + self._seconds
        return max(0.0, self._deadline - time.monotonic())

    def read_until(self, *awaited: Awaited) -> Arrival | None:
        """Return what comes first of these, or None when the time for the boot is over."""
        while True:
            left = self.left
            arrival = self.console.read_until(*awaited, seconds=min(_SLICE_SECONDS, left))
            if arrival is not None or left <= 0:
                return arrival

    @property
    def raw(self) -> bytes:
        """The bytes received since the restart."""
        return self.console.transcript(self.began)

    def shows(self, pattern: str) -> bool:
        """Whether a line of the log starts with this regular expression."""
        return Awaited.line(pattern).find(PlainText().feed(self.raw)) is not None


@contextmanager
def restarted(bench: ConsoleBench, baud: int, restart: Callable[[], None], seconds: float) -> Iterator[Boot]:
    """Open the console first, then restart the device while the console is read."""
    with Console(bench, baud) as console, ThreadPoolExecutor(1) as beside:
        console.drain()
        restarting = beside.submit(restart)
        yield Boot(console, restarting, seconds)
        restarting.result()
