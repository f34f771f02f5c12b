"""Whether the device is still there during a run, and what brings it back.

One silence does not end a run. The device is lost only after a full boot time of silence and, where the bench allows
it, a power cycle. A lost device that answers again is probed again.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trustprobe.errors import BenchError
from trustprobe.judging.case import Case
from trustprobe.judging.run import Run

BRIEF_SECONDS = 3.0
"""How long a device that no case disturbed may take to answer."""
LOOK_AGAIN_SECONDS = 10.0
"""How often a lost device is probed again."""
GLANCE_SECONDS = 0.5


class Check(Protocol):
    """Says whether the device answers."""

    def silent(self, seconds: float) -> str | None:
        """Try for so many seconds. Return None if the device answers, else a sentence."""

    def gone(self, seconds: float) -> str | None:
        """Do the same for a device that may be starting. Also wait for its other services."""


@dataclass
class Presence:
    """Keeps track of the device. `power_cycle` restarts it. It is None if the bench cannot or must not.

    `settle` waits until no probe runs in parallel: our own probes may hold the only connection that a service allows.
    """

    run: Run
    check: Check
    power_cycle: Callable[[], None] | None = None
    settle: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    _look_again: float = -math.inf

    @property
    def boot_seconds(self) -> float:
        """The longest time from power-on to the device's answer."""
        return self.run.product.component.boot_seconds

    def at_start(self, on_wait: Callable[[float], None]) -> None:
        """Check before the first case that the device answers. Call `on_wait` if it takes longer."""
        if self.check.gone(GLANCE_SECONDS):
            on_wait(self.boot_seconds)
            if gone := self.check.gone(self.boot_seconds):
                self._lose(f"{gone}. It did not answer before the first case.")

    def lost(self) -> str | None:
        """Return why the device cannot be probed now; None if it can. A lost device is probed again now and then."""
        if self.run.lost is not None and self.clock() >= self._look_again:
            if self.check.silent(GLANCE_SECONDS) is None:
                self.run.lost = None
            self._look_again = self.clock() + LOOK_AGAIN_SECONDS
        return self.run.lost

    def missing(self, entry: Case) -> str | None:
        """Return a sentence if the device does not answer while a case is judged."""
        return self.check.gone(self.boot_seconds) if entry.rank else self.check.silent(BRIEF_SECONDS)

    def after(self, entry: Case) -> str:
        """Wait after a case until the device answers, and restart it if it does not.

        Return what that took, as a sentence; empty if nothing had to be done.
        """
        if self.run.lost is not None:
            return ""
        wait = self.check.silent if entry.leaves_running else self.check.gone
        if wait(min(BRIEF_SECONDS, self.boot_seconds)) is None:
            return ""
        self.settle()
        if (gone := wait(self.boot_seconds)) is None:
            return ""
        if self.power_cycle is not None and (gone := self._revived(self.power_cycle, gone)) is None:
            return (
                f"After this case, the device did not answer for {self.boot_seconds:g} s. It answered again after a "
                "power cycle"
            )
        self._lose(f"{gone}. It has not answered since {entry.id} ran")
        return ""

    def _revived(self, power_cycle: Callable[[], None], gone: str) -> str | None:
        try:
            power_cycle()
        except BenchError as error:
            return f"{gone}. It could not be restarted: {error.what.rstrip('.')}"
        return self.check.gone(self.boot_seconds)

    def _lose(self, reason: str) -> None:
        self.run.lost = reason
        self._look_again = self.clock() + LOOK_AGAIN_SECONDS
