"""Which TCP ports of a target are open: the observation, and the probe that sweeps all 65,535 of them.

How a port is asked is in `syn.py` and `connect.py`; this module chooses between them and reports.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from drivers.network.sweep.answers import ALL_PORTS, PortAnswers, SweepCanary
from drivers.network.sweep.asker import SweepAsker
from drivers.network.sweep.canary import CONNECTION
from drivers.network.sweep.connect import ConnectAsker
from drivers.network.sweep.course import PortSweep
from drivers.network.sweep.link import EthernetLink
from drivers.network.sweep.syn import SynAsker
from drivers.network.sweep.syn6 import Syn6Asker
from drivers.network.sweep.wire import wire_to
from drivers.network.target import Target
from lab_config.component import Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition

OTHER_CLOSED = "the other closed ports"
OTHER_FILTERED = "the other filtered ports"
OTHER_NOT_FORWARDED = "the other ports that are not forwarded"
OTHER_INDISTINCT = "the other ports that cannot be told apart"
COURSE = "how the sweep went"
_MOST_STAND_INS = 8
"""So many declared ports are tried for a canary, each for as long as a connection may take."""


class TcpPorts(Observation):
    """What a sweep of the TCP ports showed; facts are about `tcp/N`, and about the remaining ports together."""

    open: frozenset[int]
    """Ports that answered SYN-ACK."""
    closed: int
    """How many ports answered RST."""
    filtered: int
    """How many of the ports that were asked gave no answer, however often they were asked."""
    method: str
    """`syn` (raw frames) or `connect`."""
    sent: int
    """Questions in all, those to the canary included."""
    lost: int
    """Questions that were asked again because no answer had come."""
    indistinct: int = 0
    """How many ports answered SYN-ACK where nearly all do (a tarpit, a SYN proxy): none of them is in `open`."""
    rate: float = 0.0
    """Questions a second on average, rests left out."""
    rests: tuple[float, ...] = ()
    """Seconds of each rest: the device had fallen silent, and was asked slower afterwards."""
    missed: float | None = None
    """Estimate how likely it is that an open port among those without an answer stayed unseen; None if unknown."""


@dataclass(frozen=True)
class TcpSweep:
    """Ask every TCP port of the target; `declared` ports are reported one by one, `canary` is the witness.

    If the canary port does not connect, the first of `stand_ins` that does is the canary instead. If every port gives
    an answer of its own, no witness is needed. If ports are forwarded, only the mapped ports are probed: the others are
    not the device's. The witness does not hold then.
    """

    target: Target
    declared: frozenset[int]
    canary: int
    stand_ins: tuple[int, ...] = ()
    """Other declared ports, of which one may be open where the canary port is not."""

    @property
    def name(self) -> str:
        """One observation an address family."""
        return "tcp6_sweep" if ":" in self.target.address else "tcp_sweep"

    def run(self, record: Recorder) -> TcpPorts:
        """Sweep, by raw frames where that is possible; BenchError when this machine cannot ask."""
        asked = [port for port in ALL_PORTS if self.target.reaches(Transport.TCP, port)]
        answers = self._sweep(asked, SweepCanary(self._open_canary()), record)
        opened = frozenset() if answers.indistinct else frozenset(answers.open)
        record.note(
            f"{answers.method}: {len(asked)} ports, {answers.course(self.target.bench.packets_per_second)}; open: "
            f"{sorted(opened)}; {len(answers.closed)} closed; {answers.witness().what}"
        )
        return TcpPorts(
            question=f"Which of {len(asked)} TCP ports are open?",
            facts=tuple(self._facts(answers, opened, asked)),
            witness=self._witness(answers),
            open=opened,
            closed=len(answers.closed),
            filtered=len(asked) - answers.heard,
            indistinct=len(answers.open) - len(opened),
            method=answers.method,
            sent=answers.sent,
            lost=answers.lost,
            rate=round(answers.rate, 1),
            rests=tuple(round(seconds, 1) for seconds in answers.rests),
            missed=answers.missed,
        )

    def _open_canary(self) -> int:
        """Return the first port that connects now, or the canary port if none of a few does."""
        few = (self.canary, *self.stand_ins[:_MOST_STAND_INS]) if self.stand_ins else ()
        return next((port for port in few if self._connects(port)), self.canary)

    def _connects(self, port: int) -> bool:
        with suppress(OSError, NotForwardedError):
            self.target.connect(port).close()
            return True
        return False

    def _sweep(self, asked: list[int], canary: SweepCanary, record: Recorder) -> PortAnswers:
        if isinstance(link := wire_to(self.target), EthernetLink):
            try:
                return self._sweep_link(link, asked, canary, record)
            except PermissionError:
                record.note("raw sockets are not permitted here, so ports are probed with connect()")
        return self._run(ConnectAsker(self.target, canary), asked, record)

    def _sweep_link(self, link: EthernetLink, asked: list[int], canary: SweepCanary, record: Recorder) -> PortAnswers:
        mac = link.resolve()
        if mac is None:
            protocol = "neighbour discovery" if ":" in link.address else "ARP"
            missing = f"no {protocol} answer from {link.address} on {link.interface}, so nothing else was probed"
            return PortAnswers("syn", canary, unfinished=missing)
        asker = Syn6Asker if ":" in link.address else SynAsker
        return self._run(asker(link, mac, canary), asked, record)

    def _run(self, asker: SweepAsker, asked: list[int], record: Recorder) -> PortAnswers:
        return PortSweep(asker, self.target.bench.packets_per_second, record).run(asked)

    def _witness(self, answers: PortAnswers) -> Witness | None:
        if not self.target.bench.forwarded:
            witness = answers.witness()
            return None if answers.needs_no_witness and not witness.holds else witness
        reason = "ports are forwarded to the device, so only the mapped ports could be probed"
        return all_of([answers.witness(), condition(reason, holds=False)])

    def _facts(self, answers: PortAnswers, opened: frozenset[int], asked: Collection[int]) -> Iterable[Fact]:
        for port in sorted(opened):
            yield Fact(about=f"tcp/{port}", answer=Answer.SEEN, detail="SYN-ACK")
        quiet = sorted(self.declared - opened)
        for port in quiet:
            if not self.target.reaches(Transport.TCP, port):
                yield Fact(
                    about=f"tcp/{port}",
                    answer=Answer.SILENT,
                    detail=NotForwardedError("tcp", port).words,
                    asked=CONNECTION,
                )
            elif port in answers.closed:
                yield Fact(about=f"tcp/{port}", answer=Answer.REFUSED, detail="RST")
            elif port in answers.open:
                yield Fact(
                    about=f"tcp/{port}",
                    answer=Answer.SILENT,
                    detail="SYN-ACK, like nearly every port",
                    asked=CONNECTION,
                )
            else:
                yield Fact(
                    about=f"tcp/{port}",
                    answer=Answer.SILENT,
                    detail=answers.unfinished or "no answer",
                    asked=CONNECTION,
                )
        if indistinct := len(answers.open - opened - self.declared):
            detail = f"{indistinct} ports answered SYN-ACK, like nearly every port, so none of them need be a service"
            yield Fact(about=OTHER_INDISTINCT, answer=Answer.SILENT, detail=detail, asked=CONNECTION)
        closed = len(answers.closed - self.declared)
        if closed:
            yield Fact(about=OTHER_CLOSED, answer=Answer.REFUSED, detail=f"{closed} ports answered RST")
        filtered = len(set(asked) - opened - self.declared) - indistinct - closed
        if filtered:
            why = f" ({answers.unfinished})" if answers.unfinished else ""
            yield Fact(
                about=OTHER_FILTERED,
                answer=Answer.SILENT,
                detail=f"{filtered} ports gave no answer{why}",
                asked=CONNECTION,
            )
        if unasked := len(set(ALL_PORTS) - set(asked) - self.declared):
            detail = f"{unasked} ports are not forwarded to the device and were not probed"
            yield Fact(about=OTHER_NOT_FORWARDED, answer=Answer.SILENT, detail=detail, asked=CONNECTION)
        if answers.sent:
            course = answers.course(self.target.bench.packets_per_second)
            yield Fact(about=COURSE, answer=Answer.SEEN, detail=course)
