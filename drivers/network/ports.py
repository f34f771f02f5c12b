"""Which TCP ports of a target are open: the observation, and the probe that sweeps all 65,535 of them.

How a port is asked is in `syn.py` and `connect_sweep.py`; this module chooses between them and reports.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.network.connect_sweep import ConnectSweep
from drivers.network.link import Link, link_to
from drivers.network.link6 import link6_to
from drivers.network.sweep import ALL_PORTS, Canary, PortAnswers, is_reached
from drivers.network.syn import SynSweep
from drivers.network.syn6 import Syn6Sweep
from drivers.network.target import Target
from drivers.probe import Answer, Fact, Observation, Recorder, Witness, all_of
from lab_config.models import Transport

OTHER_CLOSED = "the other closed ports"
OTHER_FILTERED = "the other filtered ports"


class TcpPorts(Observation):
    """What a sweep of the TCP ports showed; facts are about `tcp/N`, and about the remaining ports together."""

    open: frozenset[int]
    """Ports that answered SYN-ACK."""
    closed: int
    """How many ports answered RST."""
    filtered: int
    """How many ports gave no answer, however often they were asked."""
    method: str
    """`syn` (raw frames) or `connect`."""
    sent: int
    """Questions in all, those to the canary included."""
    lost: int
    """Questions that were asked again because no answer had come."""


@dataclass(frozen=True)
class TcpSweep:
    """Ask every TCP port of the target; `declared` ports are reported one by one, `canary` is the witness.

    Behind forwarding only the mapped and the declared ports are asked, for the others are not the device's; the witness
    does not hold then.
    """

    target: Target
    declared: frozenset[int]
    canary: int

    @property
    def name(self) -> str:
        """One observation an address family."""
        return "tcp6_sweep" if ":" in self.target.address else "tcp_sweep"

    def run(self, record: Recorder) -> TcpPorts:
        """Sweep, by raw frames where that is possible; BenchError when this machine cannot ask."""
        asked = [port for port in ALL_PORTS if self._is_asked(port)]
        answers = self._sweep(asked, record)
        record.note(
            f"{answers.method}: {len(asked)} ports, {answers.sent} questions, {answers.lost} asked again; open: "
            f"{sorted(answers.open)}; {len(answers.closed)} closed; {answers.witness().what}"
        )
        return TcpPorts(
            question=f"Which of {len(asked)} TCP ports are open?",
            facts=tuple(self._facts(answers)),
            witness=self._witness(answers),
            open=frozenset(answers.open),
            closed=len(answers.closed),
            filtered=len(ALL_PORTS) - answers.heard,
            method=answers.method,
            sent=answers.sent,
            lost=answers.lost,
        )

    def _is_asked(self, port: int) -> bool:
        return port in self.declared or port == self.canary or is_reached(self.target, Transport.TCP, port)

    def _sweep(self, asked: list[int], record: Recorder) -> PortAnswers:
        if link := self._link():
            try:
                return self._sweep_link(link, asked, record)
            except PermissionError:
                record.note("raw sockets are not permitted here: asking by connect()")
        return ConnectSweep(self.target, Canary(self.canary), record).run(asked, first=self.declared)

    def _sweep_link(self, link: Link, asked: list[int], record: Recorder) -> PortAnswers:
        mac = link.resolve()
        if mac is None:
            protocol = "neighbour discovery" if ":" in link.address else "ARP"
            missing = f"no {protocol} answer from {link.address} on {link.interface}, nothing else was asked"
            return PortAnswers("syn", Canary(self.canary), unfinished=missing)
        pace = self.target.bench.packets_per_second
        sweep = Syn6Sweep if ":" in link.address else SynSweep
        return sweep(link, mac, Canary(self.canary), pace, record).run(asked)

    def _link(self) -> Link | None:
        bench = self.target.bench
        if bench.interface is None or bench.forwarded or ipaddress.ip_address(bench.address).is_loopback:
            return None
        return (link6_to if ":" in bench.address else link_to)(bench.address, bench.interface)

    def _witness(self, answers: PortAnswers) -> Witness:
        if not self.target.bench.forwarded:
            return answers.witness()
        reason = "forwarding stands before the device: only the mapped ports could be asked"
        return all_of([answers.witness(), Witness(what=reason, holds=False)])

    def _facts(self, answers: PortAnswers) -> Iterable[Fact]:
        for port in sorted(answers.open):
            yield Fact(about=f"tcp/{port}", answer=Answer.SEEN, detail="SYN-ACK")
        quiet = sorted(self.declared - answers.open)
        for port in quiet:
            if port in answers.closed:
                yield Fact(about=f"tcp/{port}", answer=Answer.REFUSED, detail="RST")
            else:
                yield Fact(about=f"tcp/{port}", answer=Answer.SILENT, detail=answers.unfinished or "no answer")
        closed = len(answers.closed - self.declared)
        if closed:
            yield Fact(about=OTHER_CLOSED, answer=Answer.REFUSED, detail=f"{closed} ports answered RST")
        filtered = len(ALL_PORTS) - len(answers.open) - closed - len(quiet)
        if filtered:
            why = f" ({answers.unfinished})" if answers.unfinished else ""
            yield Fact(about=OTHER_FILTERED, answer=Answer.SILENT, detail=f"{filtered} ports gave no answer{why}")
