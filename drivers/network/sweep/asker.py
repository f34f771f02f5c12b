"""One way to ask TCP ports: what `course.py` needs of raw frames (`syn.py`) and of connect() alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from drivers.network.sweep.answers import PortAnswers
from trustprobe.probe import Recorder


def never() -> bool:
    """Nothing that comes is enough."""
    return False


class SweepAsker(ABC):
    """Sends questions, and enters what answers them in `answers`."""

    capacity = 1_000
    """The most ports that are asked before answers are waited for."""

    def __init__(self, answers: PortAnswers) -> None:
        self.answers = answers
        self.canary_open: set[int] = set()
        """The numbers of the canary questions since `begin` that were answered SYN-ACK."""
        self.canary_refused = False
        self.canary_asks = 0
        self.canary_first = 1

    def begin(self) -> None:
        """Forget the canary's answers so far: from now on only those to new questions count."""
        self.canary_first = self.canary_asks + 1
        self.canary_open.clear()
        self.canary_refused = False

    @property
    def canary_heard(self) -> bool:
        """Whether the canary has answered since `begin`."""
        return bool(self.canary_open) or self.canary_refused

    @property
    def canary_late(self) -> bool:
        """Whether the first canary question since `begin` has its answer."""
        return self.canary_first in self.canary_open

    @abstractmethod
    def opened(self) -> AbstractContextManager[object]:
        """Hold the sockets; BenchError or PermissionError when this machine gives none."""

    @abstractmethod
    def ask(self, ports: Sequence[int]) -> None:
        """Ask these ports at once; at most `SweepPace.batch` of them."""

    @abstractmethod
    def ask_canary(self) -> None:
        """Ask the canary once more."""

    @abstractmethod
    def listen(self, seconds: float, enough: Callable[[], bool] = never) -> None:
        """Take answers in for some seconds, or until there are enough; at least what is there already."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until no question is held open any more: the end of a round."""

    @abstractmethod
    def keep(self, record: Recorder) -> None:
        """Leave the raw evidence."""
