"""Which TCP ports open while the device boots: the known ports are asked in quick rounds from power on to the canary.

A service that a start script opens before the firewall comes up lives for less than a second; a sweep of all ports
would be too slow to meet it. All ports are swept in operation, by `ports.py`.
"""

import errno
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.data import table
from drivers.network.sweep.canary import CONNECTION
from drivers.network.target import Target
from lab_config.component import Transport
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition

PATIENCE_SECONDS = 0.15
"""How long a round waits for its last answer: a port that opens for less than two rounds may be missed."""
ROUND_SECONDS = 0.06
FIRST_SECONDS = 25.0
"""The longest silence after power on. Longer than a link may take that comes up late (PHY, spanning tree)."""
MOST_SILENT = 0.9
"""The largest share of rounds without any answer before the canary's answer."""
BRIEF_SECONDS = 1.5
"""A silence that is no longer than this needs no link that was late."""
OTHER_CLOSED, OTHER_SILENT = "the other closed ports", "the other silent ports"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def boot_ports() -> frozenset[int]:
    """Return the ports of `drivers/data/boot_ports.yaml`."""
    return frozenset(port for ports in table("boot_ports").values() for port in ports)


class BootWindowSeen(Observation):
    """What opened between power on and the canary's answer; facts are about `tcp/N`, and about the others together."""

    opened: frozenset[int]
    """Ports that took a connection while the device booted."""
    lasting: frozenset[int]
    """Ports that were open before the restart already: what is open in operation is judged by the sweep."""
    rounds: int


@dataclass
class _Boot:
    """What the rounds have shown so far; times are seconds since the power came back."""

    opened: dict[int, list[float]] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    rounds: int = 0
    first_answer: float | None = None
    canary: float | None = None
    longest: float = 0.0
    silent: int = 0
    """Rounds before the canary's answer in which no port gave any answer."""

    def enter(self, answers: dict[int, Answer], began: float, ended: float) -> None:
        """Enter one round."""
        self.rounds += 1
        self.longest = max(self.longest, ended - began)
        for port, answer in answers.items():
            if answer is Answer.SEEN:
                self.opened.setdefault(port, []).append(began)
            elif answer is Answer.REFUSED:
                self.closed.add(port)
        heard = bool(set(answers.values()) - {Answer.SILENT})
        self.silent += not heard
        if self.first_answer is None and heard:
            self.first_answer = began

    @property
    def hidden(self) -> str:
        """Why a port may have been open unseen: the link was silent for too long. Empty if it was not."""
        if self.first_answer is None:
            return "no port gave any answer"
        share = self.silent / self.rounds
        if self.first_answer <= BRIEF_SECONDS and share <= MOST_SILENT:
            return ""
        if self.first_answer > FIRST_SECONDS or share > MOST_SILENT or self._canary_first:
            return (
                f"the link gave no answer for the first {self.first_answer:.1f} s, in {share:.0%} of the rounds: a "
                "port may have been open unseen. Connect the device directly, or without spanning tree"
            )
        return ""

    @property
    def _canary_first(self) -> bool:
        """Whether nothing was heard before the canary answered: then the boot itself was not seen at all."""
        return self.canary is not None and self.first_answer == self.canary and self.canary > BRIEF_SECONDS


@dataclass(frozen=True)
class BootWindow:
    """Restart the device with `restart`, and ask its known ports until the canary answers, for up to `seconds`.

    Witness: a port was seen closed before the canary answered, so that the kernel's answers were heard; and it did. The
    link was not silent for most of the boot, as it is if it comes up late.
    """

    target: Target
    ports: frozenset[int]
    canary: int
    restart: Callable[[], None]
    seconds: float

    @property
    def name(self) -> str:
        """One observation a target."""
        return "boot_window"

    def run(self, record: Recorder) -> BootWindowSeen:
        """Ask once in operation, restart, ask until the canary answers; BenchError when this machine cannot ask."""
        asked = sorted(self.ports | {self.canary})
        lasting = frozenset(port for port, answer in self._round(asked).items() if answer is Answer.SEEN)
        self.restart()
        boot = self._watch(asked, record)
        record.note(
            f"{boot.rounds} rounds of {len(asked)} ports, the longest took {boot.longest:.2f} s; first answer after "
            f"{boot.first_answer} s, canary after {boot.canary} s; opened: {sorted(boot.opened)}"
        )
        return BootWindowSeen(
            question=f"Which of {len(asked)} TCP ports open while the device boots?",
            facts=tuple(_facts(boot, asked)),
            witness=self._witness(boot),
            opened=frozenset(boot.opened),
            lasting=lasting,
            rounds=boot.rounds,
        )

    def _watch(self, asked: Sequence[int], record: Recorder) -> _Boot:
        boot, start = _Boot(), time.monotonic()
        while boot.canary is None and (began := time.monotonic() - start) < self.seconds:
            answers = self._round(asked)
            boot.enter(answers, began, time.monotonic() - start)
            if answers[self.canary] is Answer.SEEN:
                boot.canary = began
            record.progress(min(int(began), int(self.seconds)), int(self.seconds), "seconds since power on")
            # No event tells that a port opens on the other side of the cable.
            threading.Event().wait(max(0.0, began + ROUND_SECONDS - (time.monotonic() - start)))
        return boot

    def _round(self, asked: Sequence[int]) -> dict[int, Answer]:
        """Ask each port once, all at the same time."""
        answers = dict.fromkeys(asked, Answer.SILENT)
        with _questions() as (selector, ask):
            for port in asked:
                code = ask(self.target.address, self.target.port(Transport.TCP, port), port)
                if code is not None:
                    answers[port] = code
            deadline = time.monotonic() + PATIENCE_SECONDS
            while selector.get_map() and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    assert isinstance(key.fileobj, socket.socket)
                    selector.unregister(key.fileobj)
                    answers[key.data] = _answer(key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return answers

    def _witness(self, boot: _Boot) -> Witness:
        seen = f"{len(boot.closed)} ports were" if boot.closed else "no port was"
        kernel = f"{seen} seen closed while the device booted"
        when = f"answered {boot.canary:.1f} s after power on" if boot.canary is not None else "did not answer again"
        hidden = [condition(boot.hidden, holds=False)] if boot.hidden and boot.closed else []
        return all_of(
            [
                *hidden,
                Witness(what=f"{kernel}, in {boot.rounds} rounds", holds=bool(boot.closed), asked=CONNECTION),
                Witness(what=f"canary tcp/{self.canary} {when}", holds=boot.canary is not None, asked=CONNECTION),
            ]
        )


Ask = Callable[[str, int, int], Answer | None]


@contextmanager
def _questions() -> Iterator[tuple[selectors.DefaultSelector, Ask]]:
    """Give a selector and what opens a question in it; every socket is closed at the end, with a reset."""
    opened: list[socket.socket] = []
    with selectors.DefaultSelector() as selector:

        def ask(address: str, number: int, port: int) -> Answer | None:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                raise BenchError(
                    f"this machine cannot open a socket: {error}.", "Raise its limit of open files."
                ) from error
            opened.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            code = sock.connect_ex((address, number))
            if code == errno.EINPROGRESS:
                selector.register(sock, selectors.EVENT_WRITE, port)
                return None
            return _answer(code)

        try:
            yield selector, ask
        finally:
            for sock in opened:
                sock.close()


def _answer(code: int) -> Answer:
    """A link that is down while the device has no power is silence, and no fault of the bench."""
    if code == 0:
        return Answer.SEEN
    return Answer.REFUSED if code in (errno.ECONNREFUSED, errno.ECONNRESET) else Answer.SILENT


def _facts(boot: _Boot, asked: Sequence[int]) -> Iterator[Fact]:
    for port, times in sorted(boot.opened.items()):
        detail = f"accepted connections from {times[0]:.1f} s to {times[-1]:.1f} s after power on"
        yield Fact(about=f"tcp/{port}", answer=Answer.SEEN, detail=detail)
    closed = boot.closed - set(boot.opened)
    if closed:
        yield Fact(about=OTHER_CLOSED, answer=Answer.REFUSED, detail=f"{len(closed)} ports answered RST")
    if silent := set(asked) - set(boot.opened) - closed:
        yield Fact(
            about=OTHER_SILENT, answer=Answer.SILENT, detail=f"{len(silent)} ports gave no answer", asked=CONNECTION
        )
