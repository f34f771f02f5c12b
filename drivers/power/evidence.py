"""What shows that a restart happened: a power switch may report success and switch nothing.

The wrong outlet, or a board that a serial adapter supplies, leaves the device running. A setting that is kept without a
restart proves nothing.
"""

import threading
import time
from collections.abc import Callable

from trustprobe.probe import Witness, condition

OFF_SECONDS = 3.0
"""How long the device may still answer after the switch reported that the power is off."""
GLANCE_SECONDS = 0.5
GLANCES = 2
"""Checks in a row that have to find the device silent: a single one may be lost."""
NO_CANARY = "the bench reaches no TCP service of the device"


class RestartEvidence:
    """Signs of one restart. Probes add theirs from their own threads.

    `silent` tries for so many seconds, and returns None if the device answers. It is None if nothing can be tried.
    """

    def __init__(self, silent: Callable[[float], str | None] | None) -> None:
        self._silent = silent
        self._lock = threading.Lock()
        self._signs: list[str] = []
        self._missing = [NO_CANARY] if silent is None else []

    def look_while_off(self) -> None:
        """Wait until the device is silent while its power is off, for OFF_SECONDS at most."""
        if self._silent is None:
            return
        deadline = time.monotonic() + OFF_SECONDS
        glances = 0
        while glances < GLANCES:
            glances = glances + 1 if self._silent(GLANCE_SECONDS) is not None else 0
            if glances == 0 and time.monotonic() >= deadline:
                self._missing.append("the device still answered while its power was switched off")
                return
        self.confirm("the device was silent while its power was off")

    def confirm(self, sign: str) -> None:
        """Add a sign of the restart."""
        with self._lock:
            self._signs.append(sign)

    @property
    def witness(self) -> Witness:
        """The restart itself, as the premise of what was observed after it."""
        with self._lock:
            signs, missing = list(self._signs), list(self._missing)
        if signs:
            return condition(f"the device restarted: {'; '.join(signs)}", holds=True)
        return condition(f"nothing shows that the device restarted: {'; '.join(missing) or 'no sign'}", holds=False)
