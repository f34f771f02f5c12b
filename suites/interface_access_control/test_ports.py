"""Ports: only declared ports can be reached, and every declared port can be reached."""

from drivers.network.sweep.boot_window import BootWindowSeen
from drivers.network.sweep.ports import TcpPorts
from drivers.network.sweep.udp import UdpPorts
from lab_config.bench import Permission
from lab_config.component import Component, Transport
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "ports.tcp.undeclared",
    covers=["IAC-1a", "EN303645 5.6-1", "EN18031 GEC-2", "EN18031 GEC-4"],
    fails_on="presence",
    advice="Stop the service, bind it to loopback, or declare the port with its purpose.",
)
def test_every_open_tcp_port_is_declared(
    component: Component, tcp_ports: TcpPorts, tcp_undeclared: Observation
) -> None:
    """Sweep TCP 1-65535 on the component's address, and compare the open ports with the declaration.

    An undeclared port that answers SYN-ACK is a failure. Such a port is probed, and the failure names the service.
    Witness: the declared canary port answered throughout the sweep and at its end.
    """
    undeclared = tcp_ports.open - component.ports(Transport.TCP)
    assert not undeclared, f"open but not declared: TCP {_with_speakers(undeclared, tcp_undeclared)}"


@case(
    "ports.udp.undeclared",
    covers=["IAC-1a", "EN303645 5.6-1", "EN18031 GEC-2", "EN18031 GEC-4"],
    fails_on="presence",
    advice="Stop the service, bind it to loopback, or declare the port with its purpose.",
)
def test_every_answering_udp_port_is_declared(component: Component, udp_undeclared: UdpPorts) -> None:
    """Send each well-known UDP service its own payload, and compare the ports that answer with the declaration.

    An answer from an undeclared port is a failure. A silent port is open or filtered, and is not a failure. Witness:
    the declared UDP service answered before, during and after. If every port answers or refuses, none is needed.
    """
    undeclared = udp_undeclared.open - component.ports(Transport.UDP)
    assert not undeclared, f"answering but not declared: UDP {_with_speakers(undeclared, udp_undeclared)}"


@case(
    "ports.tcp6.undeclared",
    covers=["IAC-1a", "EN303645 5.6-1", "EN18031 GEC-2", "EN18031 GEC-4"],
    fails_on="presence",
    advice="Give the firewall the same rules for IPv6, stop the service, or declare the port with its purpose.",
)
def test_every_open_tcp_port_of_the_ipv6_address_is_declared(
    component: Component, tcp6_ports: TcpPorts, tcp6_undeclared: Observation
) -> None:
    """Sweep TCP 1-65535 on the component's IPv6 address, and compare the open ports with the declaration.

    Witness: the declared canary port answered on that address throughout the sweep and at its end.
    """
    undeclared = tcp6_ports.open - component.ports6(Transport.TCP)
    assert not undeclared, f"open over IPv6 but not declared: TCP {_with_speakers(undeclared, tcp6_undeclared)}"


@case(
    "ports.udp6.undeclared",
    covers=["IAC-1a", "EN303645 5.6-1", "EN18031 GEC-2", "EN18031 GEC-4"],
    fails_on="presence",
    advice="Give the firewall the same rules for IPv6, stop the service, or declare the port with its purpose.",
)
def test_every_answering_udp_port_of_the_ipv6_address_is_declared(
    component: Component, udp6_undeclared: UdpPorts
) -> None:
    """Send each well-known UDP service its payload over IPv6, and compare the ports that answer with the declaration.

    Witness: a declared UDP service answered on that address before, during and after.
    """
    undeclared = udp6_undeclared.open - component.ports6(Transport.UDP)
    assert not undeclared, f"answering over IPv6 but not declared: UDP {_with_speakers(undeclared, udp6_undeclared)}"


@case(
    "ports.boot_window",
    covers=["IAC-2c", "IAC-1a", "EN303645 5.6-1"],
    fails_on="presence",
    needs=(Permission.POWER,),
    advice="Load the firewall's rules before the first interface comes up, and start no service before that.",
)
def test_nothing_undeclared_opens_while_the_device_boots(component: Component, boot_window: BootWindowSeen) -> None:
    """Switch the power off and on, and probe the known TCP ports in quick rounds until the canary port answers.

    The case fails if a port opens that is not declared and is closed in operation. The case ports.tcp.undeclared judges
    ports that stay open. Witness: ports were seen closed while the device booted, and the canary answered at the end.
    """
    undeclared = sorted(boot_window.opened - boot_window.lasting - component.ports(Transport.TCP))
    when = "; ".join(f"TCP {port} {boot_window.detail(f'tcp/{port}')}" for port in undeclared)
    assert not undeclared, f"open only while the device boots: {when}"


@case(
    "ports.declared.open",
    covers=["DOC-1a-iii", "EN18031 GEC-4"],
    fails_on="absence",
    advice="Correct the declaration, or find out why the declared service does not speak its protocol.",
)
def test_declared_port_speaks_its_declared_protocol(declared_port: Observation) -> None:
    """Probe each declared port with its declared protocol, over IPv6 as well if the declaration says `same_services`.

    If the device contradicts the declaration, the case fails, because nobody can review interfaces on that basis.
    Witness for a silent port: another declared service of the same device answered in the same minute. A silent UDP
    port whose protocol is `other` is left open, because no known question makes it answer.
    """
    mute = declared_port.refused | declared_port.silent
    assert not mute, "; ".join(f"{about}: {declared_port.detail(about)}" for about in sorted(mute))


@case(
    "services.forbidden",
    covers=["IAC-1a", "EN303645 5.6-1", "EN18031 GEC-2"],
    fails_on="presence",
    advice="Remove the service. If it is needed, protect it with TLS or SSH.",
)
def test_no_service_carries_passwords_in_clear_text(clear_service: Observation) -> None:
    """Identify the service on each open TCP port, and look for passwords or debug access in clear text.

    A service is recognised by its answers, on any port. Its usual ports are probed even if the sweep saw nothing there.
    Witness: the witness of the sweep, and the canary port answered before and after.
    """
    found = ", ".join(f"{about} ({clear_service.detail(about)})" for about in sorted(clear_service.seen))
    assert not found, f"speaks in clear text: {found}"


def _with_speakers(ports: frozenset[int], speakers: Observation) -> str:
    """Return the ports with the services that speak there, from facts about `tcp/N` or `udp/N`."""
    words = {int(fact.about.partition("/")[2]): fact.detail for fact in speakers.facts if "/" in fact.about}
    return ", ".join(f"{port} ({words.get(port) or 'not probed'})" for port in sorted(ports))
