"""Behind forwarded ports: another service of the machine that forwards them is never talked to, and proves nothing."""

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from drivers.debug.gdb import ReadGdbMemory, gdb_ports
from drivers.guessing.attempt import Door, Pair
from drivers.guessing.logins import GuessLogins
from drivers.network.iot.coap_access import AskCoap, CoapPort
from drivers.network.iot.modbus import AskModbus, ModbusPort
from drivers.network.iot.mqtt_topics import AnyTopic, TopicAccess
from drivers.network.iot.upnp import SSDP, UpnpLocation
from drivers.network.iot.upnp_access import AskUpnp
from drivers.network.logins.ftp import FtpDoor
from drivers.network.logins.mqtt import AskBrokers, Broker, GuessUndeclaredBroker, MqttDoor
from drivers.network.logins.mqtt_session import Who
from drivers.network.logins.rtsp import Endpoint, RtspDoor
from drivers.network.logins.rtsp_access import AskStreams
from drivers.network.logins.snmp import GuessCommunities, names
from drivers.network.logins.ssh import SshDoor
from drivers.network.logins.ssh_algorithms import SshAlgorithms
from drivers.network.logins.telnet import TelnetDoor
from drivers.network.logins.undeclared import GuessUndeclared
from drivers.network.recognise.banners import ReadBanners
from drivers.network.recognise.open_ports import RecogniseOpenPorts
from drivers.network.recognise.services import RecogniseServices
from drivers.network.sweep.boot_window import BootWindow
from drivers.network.sweep.ports import TcpSweep
from drivers.network.sweep.udp import UdpSweep
from drivers.network.sweep.wire import wire_to
from drivers.network.target import Target
from drivers.network.tls.certificate import ReadCertificate
from drivers.network.tls.versions_and_suites import TlsSuites, TlsVersions
from drivers.network.web.login.basic_digest import HttpDoor
from drivers.network.web.probes.websocket_access import UsualWebSockets
from lab_config.base import Role
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from lab_config.interfaces import MqttTopic, UpnpDeclaration
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError, NotForwardedError
from trustprobe.probe import Observation, Probe, Witness

CANARY = 443
PAIRS = (Pair("admin", "admin", "made up"),)
HELD = Witness(what="the sweep saw everything", holds=True)


@dataclass
class Machine:
    """A machine that forwards one port to a device, and has services of its own, none of which accepts anything."""

    address: str
    canary: int
    own: list[socket.socket]

    @property
    def target(self) -> Target:
        """The device behind it."""
        return Target(NetworkBench(address=self.address, port_map={f"tcp/{CANARY}": self.canary}))

    @property
    def port(self) -> int:
        """A port of the machine on which it has a service over TCP and one over UDP."""
        return int(self.own[0].getsockname()[1])

    def visitors(self) -> int:
        """How many connections and datagrams came to its own services."""
        return sum(map(_came, self.own))


def _came(sock: socket.socket) -> int:
    sock.setblocking(False)
    count = 0
    try:
        while True:
            sock.accept()[0].close() if sock.type == socket.SOCK_STREAM else sock.recv(1)
            count += 1
    except BlockingIOError:
        return count


@pytest.fixture
def machine() -> Iterator[Machine]:
    address = "127." + ".".join(str(1 + secrets.randbelow(250)) for _ in range(3))
    fixed = [(socket.SOCK_STREAM, port) for port in gdb_ports()] + [(socket.SOCK_DGRAM, SSDP)]
    with ExitStack() as opened:
        canary = opened.enter_context(socket.create_server((address, 0)))
        own = [opened.enter_context(socket.create_server((address, 0)))]
        for kind, port in ((socket.SOCK_DGRAM, own[0].getsockname()[1]), *fixed):
            sock = opened.enter_context(socket.socket(socket.AF_INET, kind))
            # Beside a program of this machine that listens for SSDP on all addresses, as players do
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            if kind == socket.SOCK_STREAM:
                sock.listen()
            own.append(sock)
        yield Machine(address, canary.getsockname()[1], own)


def service(port: int, protocol: str, *, transport: str = "tcp", tls: bool = False) -> Service:
    return Service.model_validate(
        {"id": "it", "transport": transport, "port": port, "protocol": protocol, "tls": tls, "purpose": "x"}
    )


def guess(door: Door) -> GuessLogins:
    return GuessLogins(door, PAIRS, "root", "right")


TOPIC = MqttTopic(service="it", topic="hub/heating", read=(Role.VIEWER,), write=(Role.ADMINISTRATOR,))
LOGINS = ((Role.VIEWER, Who("viewer", "right")), (Role.ADMINISTRATOR, Who("root", "right")))
PROBES: dict[str, Callable[[Target, int], Probe[Observation]]] = {
    "coap": lambda target, port: AskCoap(target, CoapPort(port, tls=False)),
    "coaps": lambda target, port: AskCoap(target, CoapPort(port, tls=True)),
    "modbus": lambda target, port: AskModbus(target, (ModbusPort(port, tls=False),), CANARY),
    "modbus, declared": lambda target, port: AskModbus(target, (ModbusPort(port, tls=False, service="it"),), CANARY),
    "mqtt, anonymous": lambda target, port: AskBrokers(target, (Broker(port, tls=False),), CANARY),
    "mqtt, any topic": lambda target, port: AnyTopic(target, (Broker(port, tls=True),), CANARY),
    "mqtt, topics": lambda target, port: TopicAccess(target, Broker(port, tls=False), "it", (TOPIC,), LOGINS),
    "mqtt, guessed at": lambda target, port: guess(MqttDoor(target, Broker(port, tls=False), "it")),
    "mqtt, guessed at undeclared": lambda target, port: GuessUndeclaredBroker(
        target, PAIRS, CANARY, (Broker(port, tls=False),)
    ),
    "rtsp, anonymous": lambda target, port: AskStreams(target, (Endpoint(port, tls=False),), CANARY),
    "rtsp, guessed at": lambda target, port: guess(RtspDoor(target, Endpoint(port, tls=False), "/", "it")),
    "gdb": lambda target, _: ReadGdbMemory(0, target, CANARY),
    "upnp, heard": lambda target, _: AskUpnp(target, UpnpDeclaration(), may_map=True),
    "upnp, declared": lambda target, port: AskUpnp(
        target, UpnpDeclaration(description="/root.xml", port=port), may_map=True, heard=False
    ),
    "upnp, usual": lambda target, port: AskUpnp(
        target, UpnpDeclaration(), may_map=True, heard=False, usual=(UpnpLocation(port, "/root.xml"),)
    ),
    "snmp": lambda target, port: GuessCommunities(target, names(["public"], ["admin"]), port),
    "ssh, guessed at": lambda target, port: guess(SshDoor(target, port, "it")),
    "ssh, algorithms": lambda target, port: SshAlgorithms(target, port),
    "telnet, guessed at": lambda target, port: guess(TelnetDoor(target, port, "it")),
    "telnet, guessed at undeclared": lambda target, port: GuessUndeclared(
        "telnet", target, (TelnetDoor(target, port, "it"),), PAIRS, CANARY
    ),
    "ftp, guessed at": lambda target, port: guess(FtpDoor(target, port, "it")),
    "http, guessed at": lambda target, port: guess(HttpDoor(target, service(port, "http"), "/", "it")),
    "websockets": lambda target, port: UsualWebSockets(target, service(port, "http"), ("/ws",)),
    "tls, versions": lambda target, port: TlsVersions(target, port),
    "tls, suites": lambda target, port: TlsSuites(target, port),
    "tls, certificate": lambda target, port: ReadCertificate(target, port, None, ()),
    "recognise": lambda target, port: RecogniseServices(target, (service(port, "http"),)),
    "recognise udp": lambda target, port: RecogniseServices(target, (service(port, "mdns", transport="udp"),)),
    "recognise an open port": lambda target, port: RecogniseOpenPorts(
        target, frozenset((port,)), (), CANARY, HELD, ("gdbserver",)
    ),
    "recognise usual ports": lambda target, _: RecogniseOpenPorts(
        target, frozenset(), (), CANARY, HELD, ("gdbserver",)
    ),
    "banners": lambda target, port: ReadBanners(target, (service(port, "ssh"),)),
    "banners, mdns": lambda target, port: ReadBanners(target, (service(port, "mdns", transport="udp"),)),
    "tcp": lambda target, port: TcpSweep(target, frozenset((port,)), CANARY),
    "udp": lambda target, port: UdpSweep(target, (service(port, "mdns", transport="udp"),), frozenset()),
    "boot window": lambda target, port: BootWindow(target, frozenset((port,)), CANARY, lambda: None, 5),
}
OF_THE_SWEEP = {f"tcp/{CANARY}", "how the sweep went"}


@pytest.mark.parametrize("name", PROBES)
def test_no_probe_talks_to_a_service_of_the_machine_that_forwards_or_concludes_anything(
    name: str, machine: Machine
) -> None:
    try:
        seen = PROBES[name](machine.target, machine.port).run(MemoryRecorder())
    except NotForwardedError as error:
        words = error.words
    else:
        assert not seen.conclusive
        assert not (seen.seen | seen.refused) - OF_THE_SWEEP
        words = " ".join(fact.detail for fact in seen.facts) + (seen.witness.what if seen.witness else "")
    assert machine.visitors() == 0
    assert "forward" in words


def test_the_probes_would_be_seen_where_the_port_is_forwarded(machine: Machine) -> None:
    port_map = {f"tcp/{CANARY}": machine.canary, f"tcp/{machine.port}": machine.port}
    target = Target(NetworkBench(address=machine.address, port_map=port_map))
    PROBES["mqtt, anonymous"](target, machine.port).run(MemoryRecorder())
    assert machine.visitors() >= 1


def test_the_port_that_is_forwarded_is_judged_although_another_one_is_not(machine: Machine) -> None:
    with socket.create_server((machine.address, 0)) as listener:
        closed = listener.getsockname()[1]
    port_map = {f"tcp/{CANARY}": machine.canary, "tcp/1883": closed}
    target = Target(NetworkBench(address=machine.address, port_map=port_map))
    brokers = (Broker(1883, tls=False), Broker(machine.port, tls=True))
    seen = AskBrokers(target, brokers, CANARY).run(MemoryRecorder())
    assert seen.about("tcp/1883").conclusive
    assert seen.about("tcp/1883").refused
    assert not seen.about(f"tcp/{machine.port}").conclusive


ASKS: dict[str, Callable[[Target], Any]] = {
    "connect": lambda target: target.connect(9),
    "datagram": lambda target: target.datagram(9),
    "port": lambda target: target.port(Transport.TCP, 9),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_target_refuses_a_port_that_the_bench_does_not_forward(ask: Callable[[Target], Any]) -> None:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": 10443}))
    with pytest.raises(NotForwardedError, match=r"Add `(tcp|udp)/9: PORT` to `network.port_map` of the bench file"):
        ask(target)
    assert not target.reaches(Transport.TCP, 9)


def test_a_port_is_forwarded_for_one_transport_and_not_for_the_other() -> None:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"udp/53": 10053}))
    assert target.port(Transport.UDP, 53) == 10053
    assert target.reaches(Transport.UDP, 53)
    assert not target.reaches(Transport.TCP, 53)


def test_without_a_port_map_every_port_is_the_device_s_own() -> None:
    target = Target(NetworkBench(address="127.0.0.1"))
    assert target.reaches(Transport.TCP, 9)
    assert target.port(Transport.TCP, 9) == 9


def test_frames_are_sent_to_no_machine_that_forwards_ports() -> None:
    target = Target(NetworkBench(address="127.0.0.1", interface="lo", port_map={"tcp/443": 10443}))
    assert target.interface is None
    assert "ports are forwarded to the device" in str(wire_to(target))


def test_an_address_that_this_machine_may_not_send_to_is_the_fault_of_the_bench() -> None:
    with pytest.raises(BenchError, match=r"cannot send to 255\.255\.255\.255: Permission denied"):
        Target(NetworkBench(address="127.0.0.1").model_copy(update={"address": "255.255.255.255"})).datagram(7)


def test_this_machine_s_own_address_is_known_without_a_port_that_is_forwarded() -> None:
    assert Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": 10443})).own_address() == "127.0.0.1"
