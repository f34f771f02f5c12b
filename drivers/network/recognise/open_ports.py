"""What speaks on the open TCP ports of a device, whatever is declared, and whether one of it must not be open at all.

How a port is recognised is in `speaker.py`, which ports are open in `sweep/ports.py`. Declared services: `services.py`.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drivers.network.questions import ServiceQuestion, clear_services, tcp_questions
from drivers.network.recognise.speaker import PATIENCE, Patience, Recogniser, Spoken
from drivers.network.sweep.canary import CONNECTION, Canary, asked_at
from drivers.network.target import Target
from lab_config.component import Service, Transport
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Fact, Frozen, Observation, Recorder, Witness, all_of, condition

MOST_PORTS = 64
"""So many open ports are asked what they speak; a device with more is rarely a device."""
SECONDS = 60.0
"""No port is begun after this time."""
_AT_ONCE = 8
_LISTED = 6
"""Ports that one fact names."""


class OpenPort(Frozen):
    """An open port, and the protocols that were recognised there, inside TLS if `tls` is true."""

    port: int
    protocols: tuple[str, ...] = ()
    tls: bool = False


class OpenPorts(Observation):
    """What speaks on each open port."""

    open_ports: tuple[OpenPort, ...] = ()

    def speaking(self, protocol: str) -> tuple[OpenPort, ...]:
        """Return the ports on which a protocol was recognised."""
        return tuple(one for one in self.open_ports if protocol in one.protocols)


@dataclass(frozen=True)
class RecogniseOpenPorts:
    """Find out what speaks on each open port, and whether a service that must not be open is among it.

    `ports` are those that a sweep found, and `swept` is its witness; `services` are declared, and asked in their own
    protocol first. `forbidden` are rows of `clear_services()`, each asked on its usual ports as well, should the sweep
    have missed one; another name is a ConfigurationError. Facts are about `tcp/N` and about those rows. Witness: the
    canary connected before and after, the sweep's own holds, and no open port was left unasked. It is no witness for a
    usual port of a forbidden service that accepts connections and says nothing.
    """

    target: Target
    ports: frozenset[int]
    services: tuple[Service, ...]
    canary: int
    swept: Witness | None = None
    forbidden: tuple[str, ...] = ()
    patience: Patience = PATIENCE

    @property
    def name(self) -> str:
        """One observation an address family."""
        return "tcp6_services" if ":" in self.target.address else "tcp_services"

    def run(self, record: Recorder) -> OpenPorts:
        """Ask on every open port and every usual one; BenchError when this machine cannot send."""
        rows = self._rows()
        canary = Canary(self.target, self.canary)
        usual = sorted({port for row in rows for port in row.ports} - self.ports)
        reached = [port for port in usual if self.target.reaches(Transport.TCP, port)]
        spoken = self._ask(self._in_order(), reached, record)
        for port, one in spoken.items():
            if heard := one.talk.heard or one.talk.raw:
                record.keep(f"tcp-{port}.bin", heard)
        facts = [_port_fact(port, spoken.get(port)) for port in sorted(self.ports)]
        facts += [_forbidden_fact(row, spoken) for row in rows]
        for fact in facts:
            record.note(f"{fact.about} {fact.answer}: {fact.detail}")
        known = (one for _, one in sorted(spoken.items()) if one.talk.connected is Answer.SEEN)
        return OpenPorts(
            open_ports=tuple(OpenPort(port=one.port, protocols=one.protocols, tls=one.tls) for one in known),
            question=(
                f"Which services answer on {len(self.ports)} open TCP ports, and which of {len(rows)} forbidden ones?"
            ),
            facts=tuple(facts),
            witness=self._witness(canary, len(self.ports - set(spoken)), len(usual) == len(reached)),
        )

    def _rows(self) -> tuple[ServiceQuestion, ...]:
        table = {row.service: row for row in clear_services()}
        if unknown := sorted(set(self.forbidden) - set(table)):
            raise ConfigurationError(
                f"there is no forbidden service {', '.join(unknown)}.",
                f"Use one of {', '.join(sorted(table))}, or add it to drivers/data/tcp_services.yaml as `clear`.",
            )
        return tuple(table[name] for name in self.forbidden)

    def _in_order(self) -> list[int]:
        """Return the open ports that are asked: of too many, those where something is usual."""
        usual = {port for row in tcp_questions() for port in row.ports}
        return sorted(self.ports, key=lambda port: (port not in usual, port))[:MOST_PORTS]

    def _ask(self, opened: Sequence[int], usual: Sequence[int], record: Recorder) -> dict[int, Spoken]:
        recogniser = Recogniser(self.target, self.patience)
        declared = {service.port: service for service in self.services if service.transport is Transport.TCP}
        deadline, done = time.monotonic() + SECONDS, 0

        def recognise(port: int) -> Spoken | None:
            return recogniser.recognise(port, declared.get(port)) if time.monotonic() < deadline else None

        spoken: dict[int, Spoken] = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = pool.map(recognise, opened)
            others = pool.map(lambda port: _ask_usual(recogniser, port), usual)
            for port, answer in [*zip(opened, answers, strict=True), *zip(usual, others, strict=True)]:
                done += 1
                record.progress(done, len(opened) + len(usual), "services on TCP ports")
                if answer is not None:
                    spoken[port] = answer
        return spoken

    def _witness(self, canary: Canary, unasked: int, all_reached: bool) -> Witness:
        parts = [canary.witness()]
        if self.swept is not None:
            parts.append(self.swept)
        if unasked:
            parts.append(condition(f"the protocol of {unasked} open ports was not probed", holds=False))
        if not all_reached:
            reason = "ports are forwarded to the device, so only the mapped ports could be probed"
            parts.append(condition(reason, holds=False))
        return all_of(parts)


def _ask_usual(recogniser: Recogniser, port: int) -> Spoken:
    """Ask a port that the sweep did not find open for the forbidden services that are usual there, and no more."""
    rows = [row for row in tcp_questions() if row.clear and port in row.ports]
    for row in rows:
        spoken = recogniser.ask(port, row)
        if spoken.row is not None or spoken.talk.connected is not Answer.SEEN:
            break
    return spoken


def _port_fact(port: int, spoken: Spoken | None) -> Fact:
    about = f"tcp/{port}"
    if spoken is None:
        detail = "its protocol was not probed: too many ports are open"
        return Fact(about=about, answer=Answer.SILENT, detail=detail, asked=CONNECTION)
    asked = asked_at(about, "the questions of known protocols", connected=spoken.talk.connected is Answer.SEEN)
    return Fact(about=about, answer=spoken.answer, detail=spoken.words, asked=asked)


def _forbidden_fact(row: ServiceQuestion, spoken: Mapping[int, Spoken]) -> Fact:
    """Join the ports: SEEN when the service spoke on one, whichever; REFUSED only when all usual ones answered RST."""
    found = [f"tcp/{port}: {one.words}" for port, one in sorted(spoken.items()) if row.service in one.clear]
    if found:
        more = f"; and {len(found) - _LISTED} more ports" if len(found) > _LISTED else ""
        return Fact(about=row.service, answer=Answer.SEEN, detail="; ".join(found[:_LISTED]) + more)
    if unclear := list(_unclear(row, spoken)):
        mute = next((port for port in row.ports if port in spoken and spoken[port].is_mute), None)
        asked = asked_at(f"tcp/{mute}", f"a question in {row.service}", connected=mute is not None)
        return Fact(about=row.service, answer=Answer.SILENT, detail="; ".join(unclear[:_LISTED]), asked=asked)
    ports = ", ".join(f"tcp/{port}" for port in row.ports)
    return Fact(about=row.service, answer=Answer.REFUSED, detail=f"RST from {ports}")


def _unclear(row: ServiceQuestion, spoken: Mapping[int, Spoken]) -> Iterable[str]:
    for port in row.ports:
        one = spoken.get(port)
        if one is None:
            yield f"tcp/{port}: not probed"
        elif one.talk.connected is Answer.SILENT:
            yield f"tcp/{port}: no answer"
        elif one.talk.connected is Answer.SEEN:
            yield f"tcp/{port}: open, but it did not answer in {row.service}: {one.words}"
    unknown = [port for port, one in spoken.items() if one.talk.connected is Answer.SEEN and not (one.row or one.tls)]
    if others := sorted(set(unknown) - set(row.ports)):
        yield f"no known protocol answers on {', '.join(f'tcp/{port}' for port in others[:_LISTED])}"
