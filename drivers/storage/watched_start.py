"""One start of a device that may not start: its console and its administration are watched at the same time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.administrator import Administrator
from drivers.network.web.administration.settings import Shown
from drivers.power.switch import PowerSwitch
from drivers.serial.port import Awaited, Console
from lab_config.bench import ConsoleBench
from lab_config.component import Identity
from trustprobe.probe import Recorder

SLICE_SECONDS = 0.2
PACE_SECONDS = 0.25
"""Between two logins at a device that takes connections and is not ready."""


@dataclass(frozen=True)
class Refusal:
    """The console's line by which the bootloader says that it starts nothing."""

    bench: ConsoleBench
    baud: int
    line: str


@dataclass(frozen=True)
class WatchedStart:
    """Take the power and give it back, and return what came of it within `seconds`.

    What runs; or, where `refusal` is given, the bootloader's words; or None. Raises BenchError when the console or the
    power switch is gone.
    """

    power: PowerSwitch
    ready: Callable[[float], bool]
    """Waits at most so many seconds for the device to take connections, and says whether it does."""
    web: Administration
    identity: Identity
    seconds: float
    refusal: Refusal | None = None

    def shown(self, record: Recorder) -> Shown | None:
        """Return what runs on a device that is on; None where it does not show that."""
        with Administrator(self.web, record) as administrator:
            return administrator.identity(self.identity)

    def start(self, record: Recorder) -> Shown | str | None:
        """Start the device once."""
        with self._listening() as console, Administrator(self.web, record) as administrator:
            self.power.cycle()
            deadline = time.monotonic() + self.seconds
            while (left := deadline - time.monotonic()) > 0:
                if console is not None and (said := self._said(console, min(left, SLICE_SECONDS))):
                    return said
                if self.ready(min(left, SLICE_SECONDS)):
                    if (shown := administrator.identity(self.identity)) is not None:
                        return shown
                    Event().wait(PACE_SECONDS)
        return None

    @contextmanager
    def _listening(self) -> Iterator[Console | None]:
        """Open the console before the power is taken, so that no line of the start is missed."""
        if self.refusal is None:
            yield None
            return
        with Console(self.refusal.bench, self.refusal.baud) as console:
            console.drain()
            yield console

    def _said(self, console: Console, seconds: float) -> str | None:
        assert self.refusal is not None
        arrival = console.read_until(Awaited.line(self.refusal.line), seconds=seconds)
        return None if arrival is None else arrival.text
