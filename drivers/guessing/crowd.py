"""Wrong passwords over several connections at once, as an attacker guesses: how many the device judges per second.

A delay that each connection waits for by itself limits one connection, and not an attacker who opens more of them.
"""

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from drivers.guessing.attempt import Door, LoginWay, WideDoor
from drivers.guessing.failures import FailedLogins
from trustprobe.probe import Answer, Recorder

WIDTH = 8
"""Connections at the same time. Password tools open 16 and more."""
EACH = 3
"""Wrong passwords on each of them."""
SECONDS = 30.0
"""No attempt begins after this time."""


@dataclass(frozen=True)
class Crowd:
    """What came of wrong passwords in parallel."""

    width: int
    tried: int
    judged: int
    """Those that the device refused in its own bytes. A connection that it did not take is not among them."""
    seconds: float
    """From the first attempt to the last judged one."""

    @property
    def rate(self) -> float:
        """Judged passwords per second."""
        return self.judged / max(self.seconds, 1e-6) if self.judged else 0.0

    @property
    def words(self) -> str:
        """Say what was measured."""
        return (
            f"over {self.width} connections at the same time, the device judged {self.judged} of {self.tried} wrong "
            f"passwords in {self.seconds:.2f} s, {self.rate:.1f} per second"
        )


def guess_in_parallel(
    door: Door,
    user: str,
    record: Recorder,
    *,
    failed: FailedLogins,
    width: int = WIDTH,
    clock: Callable[[], float] = time.monotonic,
) -> Crowd:
    """Try wrong passwords of one account over several connections, and note each among the failed logins.

    Raises what an attempt raised: BenchError.
    """
    started, judged, tried = clock(), list[float](), list[int]()
    problems = list[BaseException]()

    def guess() -> None:
        try:
            with _way(door) as way:
                for _ in range(EACH):
                    if clock() - started > SECONDS or problems:
                        return
                    tried.append(1)
                    try:
                        attempt = way.attempt(user, secrets.token_urlsafe(12))
                    finally:
                        failed.note(user, clock())
                    if attempt.judged is Answer.REFUSED:
                        judged.append(clock())
        except BaseException as error:  # noqa: BLE001 - raised by who waits for all of them
            problems.append(error)

    threads = [threading.Thread(target=guess, daemon=True) for _ in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    found = Crowd(width, len(tried), len(judged), max(judged, default=started) - started)
    record.note(found.words)
    return found


def _way(door: Door) -> AbstractContextManager[LoginWay]:
    return door.way() if isinstance(door, WideDoor) else nullcontext(door)
