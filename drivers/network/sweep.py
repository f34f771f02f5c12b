"""What the two ways to sweep TCP ports share: what was learnt so far, the canary, and the pace.

How a port is asked is in `syn.py` (raw frames) and `connect_sweep.py` (connect()); what is reported is in `ports.py`.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from drivers.network.target import Target
from drivers.probe import Witness, all_of
from lab_config.models import Transport

CANARY_EVERY = 1_000
"""Ports between two questions to the canary."""
CANARY_ASKS = 3
"""How often a canary question is asked before it counts as lost: bursts lose single answers on real devices."""
CANARY_SHARE = 0.9
"""The share of canary questions that must have been answered."""
MISSED = 1e-3
"""A silent port is asked until the estimate that it is open all the same falls below this."""
ALL_PORTS = range(1, 65_536)


def is_reached(target: Target, transport: Transport, port: int) -> bool:
    """Whether asking this port asks the device: behind forwarding, only mapped ports do."""
    return not target.bench.forwarded or f"{transport}/{port}" in target.bench.port_map


@dataclass
class Canary:
    """A declared port that is always open, asked among the others all through a sweep."""

    port: int
    asked: int = 0
    answered: int = 0
    repeated: int = 0
    """Questions that had to be asked again."""
    last: bool = False
    """Whether the last question was answered."""

    def count(self, answered: bool, repeated: bool) -> None:
        """Enter the outcome of one question."""
        self.asked += 1
        self.repeated += repeated
        self.answered += answered
        self.last = answered

    def missed_after(self, asks: int) -> float:
        """Estimate how likely it is that an open port stays unseen when it is asked so often.

        A port's answers get lost as often as the canary's do; by the rule of succession, one loss more than was seen.
        """
        return float(((self.repeated + 1) / (self.asked + 2)) ** asks) if self.answered else 0.0

    def witness(self) -> Witness:
        """Say whether the sweep would have seen an open port: the canary answered throughout and after it."""
        if not self.asked:
            return Witness(what=f"canary tcp/{self.port} was not asked", holds=False)
        end = "the last after the sweep" if self.last else "but not after the sweep"
        again = f" ({self.repeated} had to be asked again)" if self.repeated else ""
        return Witness(
            what=f"canary tcp/{self.port} answered {self.answered} of {self.asked} times{again}, {end}",
            holds=self.last and self.answered >= CANARY_SHARE * self.asked,
        )


@dataclass
class PortAnswers:
    """What a sweep has learnt so far. A port that is neither open nor closed has not answered."""

    method: str
    canary: Canary
    open: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    sent: int = 0
    lost: int = 0
    unfinished: str = ""
    """Why the sweep ended before it had asked often enough; empty if it did not."""

    def enter(self, port: int, is_open: bool) -> None:
        """Enter an answer of a port; one that was seen open once stays open."""
        if is_open:
            self.open.add(port)
            self.closed.discard(port)
        elif port not in self.open:
            self.closed.add(port)

    def silent_of(self, ports: Collection[int]) -> list[int]:
        """Return those of these ports that have not answered yet."""
        return [port for port in ports if port not in self.open and port not in self.closed]

    @property
    def heard(self) -> int:
        """How many ports have answered."""
        return len(self.open) + len(self.closed)

    def witness(self) -> Witness:
        """Join the canary's witness with whether the sweep came to its end."""
        if not self.unfinished:
            return self.canary.witness()
        return all_of([self.canary.witness(), Witness(what=self.unfinished, holds=False)])


class Pace:
    """Questions a second: half as many when the device loses one, slowly more again up to the ceiling."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._ceiling, self._floor = per_second, min(per_second, 200)
        self._due = time.monotonic()

    def spend(self, questions: int) -> None:
        """Account for questions that were sent now."""
        self._due = max(self._due, time.monotonic()) + questions / self.per_second

    def wait(self) -> float:
        """Return the seconds until the next question may be sent, 0.0 if at once."""
        return max(0.0, self._due - time.monotonic())

    def halve(self) -> None:
        """Ask half as fast from now on, within reason."""
        self.per_second = max(self._floor, self.per_second // 2)

    def rise(self) -> None:
        """Ask a little faster from now on, up to the ceiling."""
        self.per_second = min(self._ceiling, self.per_second + self.per_second // 20 + 1)

    @property
    def batch(self) -> int:
        """How many questions may be sent in one go: about a millisecond's worth."""
        return max(1, min(64, self.per_second // 500))
