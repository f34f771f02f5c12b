import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace

import pytest

from drivers.network.datagram import DatagramDoor, group_of
from drivers.network.iot.coap import CoapClient, Datagrams
from drivers.network.iot.coap_message import CONTENT, CoapMessage, Type, parse
from drivers.network.iot.upnp import search
from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.sending.liveness import Life, Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.send import SendMalformed
from drivers.network.questions import udp_questions
from drivers.network.recognise.banners import ReadBanners
from drivers.network.recognise.services import RecogniseServices
from drivers.network.sweep import udp
from drivers.network.sweep.udp import UdpAsking, UdpSweep
from drivers.network.sweep.udp_port import UdpPort
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import group_server, udp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

Reply = Callable[[bytes], object]
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_hosts = count(2)
FOUND = b"HTTP/1.1 200 OK\r\nSERVER: Linux UPnP/1.0 MiniDLNA/1.3.0\r\nST: upnp:rootdevice\r\n\r\n"
MATCHES = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    b"<s:Body><d:ProbeMatches><d:ProbeMatch/></d:ProbeMatches></s:Body></s:Envelope>"
)
TYPES = bytes.fromhex(
    "747084000000000100000000095f7365727669636573075f646e732d7364045f756470056c6f63616c00000c00010000000a0011"
    "045f697070045f746370056c6f63616c00"
)


@pytest.fixture
def address() -> str:
    """An address of loopback that no other test uses."""
    return f"127.84.{_WORKER}.{next(_hosts)}"


def target(address: str, interface: str | None = "lo") -> Target:
    return Target(NetworkBench(address=address, interface=interface))


def ssdp(data: bytes, reply: Reply) -> None:
    if data.startswith(b"M-SEARCH"):
        reply(FOUND)


def ws_discovery(data: bytes, reply: Reply) -> None:
    if b"2005/04/discovery/Probe" in data:
        reply(MATCHES)


def mdns(data: bytes, reply: Reply) -> None:
    reply(data[:2] + TYPES[2:])


def coap(data: bytes, reply: Reply) -> None:
    asked = parse(data)
    if asked is not None and asked.type is Type.NON and asked.code == 1:  # a group accepts nothing else
        reply(CoapMessage(Type.NON, CONTENT, 7, asked.token, (), b"</state>").octets())


SERVICES = {
    "ssdp": (1900, ssdp, "239.255.255.250"),
    "ws_discovery": (3702, ws_discovery, "239.255.255.250"),
    "mdns": (5353, mdns, "224.0.0.251"),
    "coap": (5683, coap, "224.0.1.187"),
}


def declare(protocol: str) -> Service:
    port = SERVICES[protocol][0]
    return Service.model_validate(
        {"id": protocol, "transport": "udp", "port": port, "protocol": protocol, "purpose": "test"}
    )


@contextlib.contextmanager
def listening(protocol: str, address: str) -> Iterator[None]:
    """A device whose service listens at its group, and whose port itself is closed."""
    port, handle, group = SERVICES[protocol]

    def own(data: bytes, reply: Reply) -> None:
        handle(data, reply)

    with group_server(own, address, group, port):
        yield


@pytest.mark.parametrize("protocol", SERVICES)
def test_a_declared_service_that_answers_its_group_only_is_there(protocol: str, address: str) -> None:
    with listening(protocol, address):
        seen = RecogniseServices(target(address), (declare(protocol),)).run(MemoryRecorder())
    assert [fact.answer for fact in seen.facts] == [Answer.SEEN]
    assert "for the port itself is closed" in seen.facts[0].detail
    assert seen.witness is not None and seen.witness.holds


@pytest.mark.parametrize("protocol", SERVICES)
def test_an_undeclared_service_that_answers_its_group_only_is_open(protocol: str, address: str) -> None:
    port = SERVICES[protocol][0]
    with listening(protocol, address):
        swept = UdpSweep(target(address), (), only=frozenset({port})).run(MemoryRecorder())
    assert swept.open == {port}
    assert not swept.closed


@pytest.mark.parametrize("protocol", SERVICES)
@pytest.mark.parametrize("ago", [0.0, 0.75, 60.0])
def test_the_time_in_which_a_group_may_answer_begins_with_its_question(
    protocol: str, ago: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = list[float]()
    monkeypatch.setattr(udp, "time", SimpleNamespace(monotonic=lambda: 100.0))
    monkeypatch.setattr(UdpAsking, "_listen", lambda _asking, seconds, _left: waited.append(seconds))
    row = next(row for row in udp_questions() if row.service == protocol)
    assert row.multicast is not None
    asking = UdpAsking(Target(NetworkBench(address="127.0.0.1")), MemoryRecorder())
    port = UdpPort(row.ports[0], (row,), at_group=True, group="its group", group_asked=100.0 - ago)
    with DatagramDoor(Target(NetworkBench(address="127.0.0.1")), port.port) as door:
        asking._await_groups([udp._Asked(port, row, door)])
    assert waited == [pytest.approx(max(row.multicast.leisure - ago, udp._LEAST_SECONDS))]
    assert not port.at_group


def test_a_declared_service_that_answers_neither_way_is_refused(address: str) -> None:
    service = declare("ws_discovery")
    seen = RecogniseServices(target(address), (service,)).run(MemoryRecorder())
    assert [fact.answer for fact in seen.facts] == [Answer.REFUSED]
    assert seen.facts[0].detail == "ICMP port unreachable; no answer to the same question at 239.255.255.250"
    assert not seen.doubts


@pytest.mark.parametrize("protocol", SERVICES)
def test_without_an_interface_a_closed_port_does_not_show_that_a_service_with_a_group_is_missing(
    protocol: str, address: str
) -> None:
    with listening(protocol, address):
        seen = RecogniseServices(target(address, None), (declare(protocol),)).run(MemoryRecorder())
    assert [fact.answer for fact in seen.facts] == [Answer.SILENT]
    assert ["network.interface" in doubt for doubt in seen.doubts] == [True]


def test_an_answer_to_the_group_from_another_host_does_not_count(address: str) -> None:
    other = f"127.85.{_WORKER}.2"
    with listening("ssdp", other):
        seen = RecogniseServices(target(address), (declare("ssdp"),)).run(MemoryRecorder())
        assert search(target(address)) == []
    assert [fact.answer for fact in seen.facts] == [Answer.REFUSED]


def test_a_service_that_answers_at_its_port_is_not_asked_at_its_group(address: str) -> None:
    heard: list[bytes] = []
    port, handle, group = SERVICES["ssdp"]
    with udp_server(handle, (address, port)), group_server(lambda data, _: heard.append(data), address, group, port):
        seen = RecogniseServices(target(address), (declare("ssdp"),)).run(MemoryRecorder())
        answers = search(target(address))
    assert seen.seen and answers == [FOUND]
    assert not heard


def test_the_other_questions_to_such_a_service_are_answered_as_well(address: str) -> None:
    with listening("ssdp", address):
        assert search(target(address)) == [FOUND]
        shown = ReadBanners(target(address), (declare("ssdp"),)).run(MemoryRecorder())
        assert "MiniDLNA/1.3.0" in shown.facts[0].detail
        assert Liveness(target(address), declare("ssdp")).ask().life is Life.ANSWERED
    with listening("mdns", address):
        shown = ReadBanners(target(address), (declare("mdns"),)).run(MemoryRecorder())
        assert shown.facts[0].answer is Answer.SEEN


def test_malformed_messages_are_not_sent_to_a_group_that_other_devices_listen_to(address: str) -> None:
    series = MessageSeries("ssdp", 7, (Message("zeros", bytes(64), "a test"),))
    heard: list[bytes] = []

    def notes(data: bytes, reply: Reply) -> None:
        heard.append(data)
        ssdp(data, reply)

    with group_server(notes, address, "239.255.255.250", 1900):
        probe = SendMalformed(target(address), declare("ssdp"), DeliveryWay.UDP, series, Revival(1.5, ()))
        seen = probe.run(MemoryRecorder())
    assert bytes(64) not in heard
    assert not seen.refused
    assert "multicast group only" in seen.unproven


def test_a_group_of_coap_is_asked_to_read_and_never_to_write(address: str) -> None:
    heard: list[int] = []

    def notes(data: bytes, reply: Reply) -> None:
        heard.append(data[1])
        coap(data, reply)

    with group_server(notes, address, "224.0.1.187", 5683), Datagrams(target(address), 5683) as channel:
        client = CoapClient(channel)
        assert client.request("GET", "/.well-known/core").body == b"</state>"
        written = client.request("PUT", "/state", b"1")
    assert written.refused == "ICMP port unreachable"
    assert set(heard) == {1}


def test_a_flood_from_a_group_is_bounded(address: str) -> None:
    def floods(data: bytes, reply: Reply) -> None:
        for _ in range(1_000):
            reply(FOUND)

    with group_server(floods, address, "239.255.255.250", 1900), DatagramDoor(target(address), 1900) as door:
        assert 0 < len(list(door.ask(b"M-SEARCH", 30.0))) <= 64


def test_every_group_has_multicast_addresses() -> None:
    groups = [group for port in range(65_536) if (group := group_of(port)) is not None]
    assert len(groups) >= 6
    for group in groups:
        assert socket.inet_aton(group.ipv4)[0] in range(224, 240)
        assert not group.ipv6 or socket.inet_pton(socket.AF_INET6, group.ipv6)[:2] == b"\xff\x02"


def test_an_interface_that_does_not_exist_is_the_bench_s_fault(address: str) -> None:
    with pytest.raises(BenchError, match="no interface tp-none"):
        DatagramDoor(target(address, "tp-none"), 1900)
