"""Room for wrong passwords below the lockouts that a measurement must not trigger."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from drivers.guessing.failures import FailedLogins
from drivers.guessing.pace import SPARE
from lab_config.account import LockoutDeclaration
from trustprobe.probe import Recorder


@dataclass(frozen=True)
class Room:
    """Waits until wrong passwords of one account fit below lockouts. A valid login must have come just before."""

    lockouts: tuple[LockoutDeclaration, ...]
    failed: FailedLogins
    user: str
    patience: float
    """The longest time in seconds that it waits for one lockout."""
    clock: Callable[[], float]
    wait: Callable[[float], object]

    def wait_for(self, wrong: int, record: Recorder) -> str:
        """Wait until so many wrong passwords fit. Return why they do not, if the bench does not wait so long."""
        for lockout in self.lockouts:
            if lockout.attempts <= wrong:
                return f"{wrong} of them in a short time would trigger the declared lockout after {lockout.attempts}"
            if lockout.is_reset:  # the valid login has set the count to zero
                continue
            user = self.user if lockout.per == "account" else None
            known = self.failed.since(self.clock() - lockout.window, user)
            most = max(0, lockout.attempts - SPARE - wrong)
            needed = known[-most - 1] + lockout.window - self.clock() if len(known) > most else 0.0
            if needed > self.patience:
                return (
                    f"{len(known)} logins failed within {lockout.window:g} s, and {wrong} more would trigger the "
                    f"declared lockout after {lockout.attempts}, but this bench waits at most {self.patience:g} s: set "
                    f"`patience_seconds: {math.ceil(needed)}` in the bench file"
                )
            if needed > 0:
                record.note(
                    f"rests for {needed:.0f} s below the declared lockout after {lockout.attempts} failed logins"
                )
                self.wait(needed)
        return ""
