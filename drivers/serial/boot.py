"""One restart of the device, watched on its console from before it begins.

Who restarts the device is given as a function (power switch or reboot command); what is looked for is not known here.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from drivers.prompts import Prompt
from drivers.serial.boot_lines import WAKES, is_system
from drivers.serial.port import Arrival, Awaited, Console, PlainText
from drivers.serial.recognised import is_of_system, recognised
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration

LOGIN_SETTLE = 0.5
"""A boot is over when its prompt stays the last line for so many seconds."""
WAKE_SECONDS = 3.0
"""From Enter to the prompt of a console that shows none by itself."""
_SLICE_SECONDS = 0.2
_TAIL = 200


def ends_of_boot(declaration: ConsoleDeclaration, started: Callable[[], bool] = lambda: True) -> tuple[Awaited, ...]:
    """Return what a start ends with: the login prompt, first, or a shell that asks for no login.

    `started` says whether the system has started: a prompt that a bootloader may show is no end before that.
    """

    def accepts(prompt: Prompt) -> bool:
        return is_of_system(prompt) or (prompt.opens and started())

    declared = (declaration.login_prompt, declaration.shell_prompt)
    return (*(Awaited.prompt(pattern, LOGIN_SETTLE) for pattern in declared), recognised(LOGIN_SETTLE, accepts))


class Boot:
    """One restart that is watched on an open console. It runs in parallel with the reading, so nothing is missed."""

    def __init__(self, console: Console, restarting: "Future[None]", seconds: float) -> None:
        self.console = console
        self.began = console.received
        self._restarting = restarting
        self._seconds = seconds
        self._deadline: float | None = None
        self._woken = False

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

    def read_to_end(self, *ends: Awaited) -> Arrival | None:
        """Return the end of the boot, or None for a boot that stands still.

        Enter is pressed where the console asks for it, and once when the time for the boot is over: some consoles show
        their prompt only then.
        """
        while (left := self.left) > 0:
            arrival = self.console.read_until(*ends, seconds=min(_SLICE_SECONDS, left))
            if arrival is not None:
                return arrival
            self.wake_if_asked()
        if not self._woken:
            self.console.send("\r")
        return self.console.read_until(*ends, seconds=WAKE_SECONDS)

    def wake_if_asked(self) -> None:
        """Press Enter, once, where the last line asks for it."""
        if not self._woken and self.console.quiet_for >= LOGIN_SETTLE and WAKES.search(self._tail):
            self._woken = True
            self.console.send("\r")

    @property
    def _tail(self) -> str:
        """The last characters that came."""
        return PlainText().feed(self.raw[-_TAIL:])

    @property
    def started(self) -> bool:
        """Whether the log contains a line of the system."""
        return any(is_system(line) for line in PlainText().feed(self.raw).split("\n"))

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
