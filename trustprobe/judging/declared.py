"""The declaration compared with the observations: which ports and parts are declared, and what was seen of them.

This is for the reader only. The cases give the verdicts.
"""

from collections.abc import Iterable, Sequence

from drivers.network.sweep.ports import TcpPorts
from drivers.network.sweep.udp import UdpPorts
from lab_config.base import Absent, Model
from lab_config.component import Component, Service, Transport
from reports.results import PartRow, PortRow, PortWord
from trustprobe.probe import Observation

Ports = TcpPorts | UdpPorts
MAIN_SWEEPS = ("tcp_sweep", "udp_sweep")
_SPEAKERS = {"tcp_sweep": "tcp_services", "tcp6_sweep": "tcp6_services"}
"""The probe that asked what speaks on the ports that a sweep found open."""
_INTERFACES = {
    "console": "serial",
    "jtag": "debug",
    "gdb": "debug",
    "update": "update",
    "logging": "logs",
}
"""Parts that have an interface of drivers/ to themselves; the others are asked over the network."""


def port_rows(component: Component, observations: Iterable[Observation]) -> tuple[PortRow, ...]:
    """Return a row for each declared port and each that answered, of the transports that were swept.

    Of a further sweep (over IPv6) only what answered is listed: a declaration does not say over which it must.
    """
    observations = tuple(observations)
    swept = [observation for observation in observations if isinstance(observation, Ports)]
    latest = {ports.probe: ports for ports in sorted(swept, key=lambda ports: ports.started)}
    spoken = {
        (one.probe, fact.about): fact.detail
        for one in observations
        if one.probe in _SPEAKERS.values()
        for fact in one.facts
    }
    rows: list[PortRow] = []
    for probe, ports in sorted(latest.items()):
        transport = Transport.TCP if isinstance(ports, TcpPorts) else Transport.UDP
        services = {s.port: s for s in component.declared if s.transport is transport}
        listed = {*services, *ports.open} if probe in MAIN_SWEEPS else ports.open
        for number in sorted(listed):
            words = spoken.get((_SPEAKERS.get(probe, ""), f"{transport}/{number}"), "")
            rows.append(_row(number, transport, services.get(number), ports, words))
    return tuple(rows)


def _row(number: int, transport: Transport, service: Service | None, ports: Ports, spoken: str) -> PortRow:
    about = f"{transport}/{number}"
    detail = spoken or ports.detail(about)
    if number in ports.open:
        state, word = "open", PortWord.AS_DECLARED if service else PortWord.NOT_DECLARED
    elif about in ports.refused:
        state, word = "closed", PortWord.NOT_THERE
    else:
        state, word = "silent", PortWord.NO_ANSWER
    declared = ""
    if service:
        inside = " in TLS" if service.tls else ""
        declared = f"{service.protocol.replace('_', ' ')}{inside}: {service.purpose}"
    return PortRow(
        port=number,
        transport=transport.value,
        declared=declared,
        observed=f"{state}: {detail}" if detail else state,
        word=word,
        sweep=ports.probe,
    )


def part_rows(component: Component, observations: Sequence[Observation]) -> tuple[PartRow, ...]:
    """Return a row for each part that a product may have, and how much was observed on the interface it has alone."""
    once = {observation.probe: observation for observation in observations}
    rows = []
    for name in type(component).model_fields:
        value = component.declared if name == "services" and component.declared else getattr(component, name)
        if isinstance(value, Absent):
            declared = f"absent: {value.absent}"
        elif isinstance(value, Model):
            declared = "present"
        elif name == "services":
            declared = f"present: {len(component.declared)}"
        else:
            continue
        interface = _INTERFACES.get(name)
        here = [observation for observation in once.values() if observation.interface == interface]
        rows.append(PartRow(part=name.replace("_", " "), declared=declared, observed=_amount(interface, here)))
    return tuple(rows)


def _amount(interface: str | None, observations: Sequence[Observation]) -> str:
    if interface is None:
        return "see the cases"
    if not observations:
        return "no observation"
    facts = [fact for observation in observations for fact in observation.facts]
    counts = {answer: sum(fact.answer == answer for fact in facts) for answer in ("seen", "refused", "silent")}
    answered = ", ".join(f"{count} {answer}" for answer, count in counts.items() if count)
    questions = "1 question" if len(observations) == 1 else f"{len(observations)} questions"
    return f"{questions}: {answered}"
