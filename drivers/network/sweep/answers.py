"""What a sweep of TCP ports has learnt: the canary, and which ports answered what.

How a port is asked is in `syn.py` (raw frames) and `connect.py` (connect()); in which order and how fast, in
`course.py`; what is reported, in `ports.py`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from drivers.network.sweep.canary import CONNECTION
from trustprobe.probe import Witness, all_of, condition

CANARY_ASKS = 3
"""How often a canary question is asked before it counts as lost: bursts lose single answers on real devices."""
CANARY_SHARE = 0.9
"""The share of canary questions that must have been answered."""
MISSED = 1e-3
"""A silent port is asked until the estimate that it is open all the same falls below this."""
ALL_PORTS = range(1, 65_536)


LOSSY_LEAST, LOSSY_SHARE = 4, 0.1
"""So many repeated questions to the canary, and that share of all, are packet loss."""


@dataclass
class SweepCanary:
    """A declared port that is always open, asked among the others all through a sweep."""

    port: int
    asked: int = 0
    answered: int = 0
    repeated: int = 0
    """Questions that had to be asked again."""
    last: bool = False
    """Whether the last question was answered."""

    @property
    def lossy(self) -> bool:
        """Whether answers get lost on the way: again and again a question was answered only when it was repeated."""
        return self.repeated >= LOSSY_LEAST and self.repeated >= LOSSY_SHARE * self.asked

    def count(self, answered: bool, repeated: bool) -> None:
        """Enter the outcome of one question."""
        self.asked += 1
        self.repeated += repeated
        self.answered += answered
        self.last = answered

    def witness(self) -> Witness:
        """Say whether the sweep would have seen an open port: the canary answered throughout and after it."""
        if not self.asked:
            return condition(f"canary tcp/{self.port} was not probed", holds=False)
        end = "also after the sweep" if self.last else "but not after the sweep"
        again = f" ({self.repeated} times only when probed again)" if self.repeated else ""
        return Witness(
            what=f"canary tcp/{self.port} answered {self.answered} of {self.asked} times{again}, {end}",
            holds=self.last and self.answered >= CANARY_SHARE * self.asked,
            asked=CONNECTION,
        )


@dataclass
class PortAnswers:
    """What a sweep has learnt so far. A port that is neither open nor closed has not answered."""

    method: str
    canary: SweepCanary
    open: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    asked: int = 0
    """How many ports the sweep is about."""
    sent: int = 0
    lost: int = 0
    """Questions that were asked again because no answer had come."""
    rests: list[float] = field(default_factory=list)
    """Seconds of each rest that the device needed before it answered its canary port again."""
    seconds: float = 0.0
    """What the sweep took, rests included."""
    rounds: int = 0
    """How often at least a port without an answer was asked while the canary answered."""
    unseen: float = 1.0
    """Estimate how likely it is that none of the rounds would have shown an open port."""
    indistinct: bool = False
    """Whether nearly every port answers SYN-ACK: then that says nothing of a service."""
    unfinished: str = ""
    """Why the sweep ended before it had asked often enough; empty if it did not."""
    _fresh: set[int] = field(default_factory=set)
    _unconfirmed: set[int] = field(default_factory=set)

    def enter(self, port: int, is_open: bool) -> None:
        """Enter an answer of a port; one that was seen open once stays open."""
        if is_open:
            self.open.add(port)
            self.closed.discard(port)
        else:
            self.enter_closed((port,))

    def enter_closed(self, ports: Iterable[int]) -> None:
        """Enter the RSTs of many ports."""
        new = set(ports) - self.open - self.closed
        self.closed |= new
        self._fresh |= new

    def count_round(self, asked: int, repeated: int) -> None:
        """Enter a round in which so many canary questions were asked, and so many of them had to be asked again.

        A port's answers get lost as often as the canary's do; by the rule of succession, one loss more than was seen.
        Round by round, for a device that was asked too fast at first lost more then than later.
        """
        self.rounds += 1
        self.unseen *= (repeated + 1) / (asked + 2)

    def confirm(self) -> None:
        """Believe the RSTs of the windows before this one: the canary answered after them."""
        self._unconfirmed, self._fresh = self._fresh, set()

    def doubt(self) -> None:
        """Forget the RSTs since the canary last answered: a device that refuses its own open port refuses anything."""
        self.closed -= self._fresh | self._unconfirmed
        self._fresh, self._unconfirmed = set(), set()

    def silent_of(self, ports: Collection[int]) -> list[int]:
        """Return those of these ports that have not answered yet."""
        return [port for port in ports if port not in self.open and port not in self.closed]

    @property
    def heard(self) -> int:
        """How many ports have answered."""
        return len(self.open) + len(self.closed)

    @property
    def rate(self) -> float:
        """Questions a second on average, rests left out."""
        return self.sent / max(1e-9, self.seconds - sum(self.rests))

    @property
    def missed(self) -> float:
        """Estimate how likely it is that an open port among those without an answer stayed unseen."""
        if self.heard >= self.asked:
            return 0.0
        return self.unseen if self.canary.answered else 1.0

    def course(self, ceiling: int) -> str:
        """Say how the sweep went: rate, losses, re-asks, rests and confidence; `ceiling` is the bench's."""
        rests = f"{len(self.rests)} pauses of {sum(self.rests):.1f} s in total" if self.rests else "no pause"
        confidence = f"an open port is missed with a probability below {self.missed + 1e-6:.6f}"
        if self.heard >= self.asked:
            confidence = "every port answered"
        elif not self.rounds or not self.canary.answered:
            confidence = "the number of missed open ports is unknown"
        return (
            f"{self.sent} questions in {self.seconds:.1f} s, {self.rate:.0f} per second (at most {ceiling}); "
            f"{self.canary.repeated} of {self.canary.asked} answers of the canary lost; {self.lost} questions sent "
            f"again; {rests}; {confidence}"
        )

    @property
    def needs_no_witness(self) -> bool:
        """Whether every port gave an answer of its own. None counts that came after the last one of an open canary."""
        every = self.heard >= self.asked and not self.unfinished and not self.indistinct
        return every and (self.canary.last or not self.canary.answered)

    def witness(self) -> Witness:
        """Join the canary's witness with whether the sweep came to its end."""
        if not self.unfinished:
            return self.canary.witness()
        return all_of([self.canary.witness(), condition(self.unfinished, holds=False)])
