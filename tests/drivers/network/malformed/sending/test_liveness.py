"""Healthy requests between malformed messages: what counts as answered, as turned away, and as nobody there."""

import socket
from collections.abc import Iterator

import pytest

from drivers.network import conversation
from drivers.network.datagram import DatagramDoor
from drivers.network.logins.ssh_kexinit import encode_kexinit
from drivers.network.malformed.messages.message import DeliveryWay
from drivers.network.malformed.sending import delivery
from drivers.network.malformed.sending.delivery import deliver
from drivers.network.malformed.sending.liveness import Life, Liveness, is_closed
from drivers.network.sweep.link import has_carrier
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.loopback_servers import tcp_server, udp_server
from tests.drivers.network.tcp_servers import Handler
from tests.free_ports import free_port

LOOPBACK = Target(NetworkBench(address="127.0.0.1"))


def service(port: int, protocol: str = "http", transport: str = "tcp") -> Service:
    return Service.model_validate(
        {"id": "one", "transport": transport, "port": port, "protocol": protocol, "purpose": "a test"}
    )


def answering(octets: bytes) -> Handler:
    def handle(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(octets)

    return handle


def test_an_answer_in_the_declared_protocol_is_an_answer() -> None:
    with tcp_server(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        assert Liveness(LOOPBACK, service(port)).ask().life is Life.ANSWERED


def test_a_connection_that_is_taken_and_closed_shows_a_process_that_is_alive() -> None:
    with tcp_server(lambda connection: None) as port:
        assert Liveness(LOOPBACK, service(port)).ask().life is Life.TURNED_AWAY


def test_a_port_that_nobody_has_is_told_from_silence() -> None:
    assert Liveness(LOOPBACK, service(free_port())).ask().life is Life.NOBODY


def test_a_connection_that_nobody_serves_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert Liveness(LOOPBACK, service(listener.getsockname()[1])).ask().life is Life.SILENT


@pytest.mark.parametrize(("status", "life"), [(500, Life.OTHERWISE), (503, Life.TURNED_AWAY), (200, Life.ANSWERED)])
def test_an_answer_is_compared_with_the_one_before(status: int, life: Life) -> None:
    statuses = iter([200, status])
    with tcp_server(lambda connection: answering(b"HTTP/1.1 %d x\r\n\r\n" % next(statuses))(connection)) as port:
        liveness = Liveness(LOOPBACK, service(port))
        liveness.before = liveness.ask()
        assert liveness.ask().life is life


@pytest.mark.parametrize(
    ("first", "then", "life"),
    [
        ("1.0 200", "1.1 200", Life.ANSWERED),
        ("1.0 404", "1.1 404", Life.ANSWERED),
        ("1.0 404", "1.1 200", Life.OTHERWISE),
    ],
)
def test_the_version_of_http_is_no_part_of_a_healthy_answer(first: str, then: str, life: Life) -> None:
    answers = iter([first, then])

    def handle(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(f"HTTP/{next(answers)} x\r\n\r\n".encode())

    with tcp_server(handle) as port:
        liveness = Liveness(LOOPBACK, service(port))
        liveness.before = liveness.ask()
        assert liveness.ask().life is life


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_answer_of_a_busy_or_half_started_service_is_no_answer_to_compare_others_with(status: int) -> None:
    with tcp_server(answering(b"HTTP/1.1 %d x\r\n\r\n" % status)) as port:
        assert Liveness(LOOPBACK, service(port)).ask().life is Life.TURNED_AWAY


def test_ssh_has_answered_when_its_kexinit_came_and_not_before() -> None:
    with tcp_server(answering(b"SSH-2.0-x\r\n" + encode_kexinit())) as port:
        assert Liveness(LOOPBACK, service(port, "ssh")).ask().life is Life.ANSWERED
    with tcp_server(answering(b"SSH-2.0-x\r\n")) as port:
        assert Liveness(LOOPBACK, service(port, "ssh")).ask().life is Life.TURNED_AWAY


def test_a_service_that_says_nothing_unasked_is_asked_for_a_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        liveness = Liveness(LOOPBACK, service(listener.getsockname()[1], "other"))
        assert liveness.ask().life is Life.ANSWERED
        monkeypatch.setattr(conversation, "READ_SECONDS", 0.0)
        assert liveness.ask().life is Life.ANSWERED, "nothing is read any more"


def test_udp_is_asked_in_the_version_that_the_device_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    ask = DatagramDoor.ask

    def patient(door: DatagramDoor, data: bytes, seconds: float) -> Iterator[bytes]:
        return ask(door, data, seconds if data[4:5] == b"\x00" else 10.0)  # an answer ends the longer wait

    monkeypatch.setattr(DatagramDoor, "ask", patient)

    def agent(data: bytes, reply: object) -> None:
        asked.append(data[4:5])
        if data[4:5] == b"\x01":  # version 2c
            assert callable(reply)
            reply(data.replace(b"\xa0", b"\xa2", 1))

    with udp_server(agent) as port:
        liveness = Liveness(LOOPBACK, service(port, "snmp", "udp"))
        assert [liveness.ask().life, liveness.ask().life] == [Life.ANSWERED] * 2
    assert asked == [b"\x00", b"\x01", b"\x01"], "version 1 is not asked again"


def test_a_held_connection_tells_that_it_was_closed() -> None:
    with tcp_server(lambda connection: None) as port, socket.create_connection(("127.0.0.1", port)) as held:
        held.settimeout(5)
        held.recv(1)
        assert is_closed(held)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as held:
        assert not is_closed(held)


def test_a_device_that_talks_without_end_is_heard_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "QUIET_SECONDS", 10.0)  # the limit of octets ends it
    monkeypatch.setattr(delivery, "REACTION_SECONDS", 10.0)

    def babble(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65_536)

    with tcp_server(babble) as port:
        reaction = deliver(LOOPBACK, port, DeliveryWay.TCP, b"bad")
    assert reaction.carried
    assert len(reaction.heard) == 4_096


def test_a_message_for_tls_that_finds_none_was_not_carried() -> None:
    with tcp_server(answering(b"no TLS")) as port:
        assert not deliver(LOOPBACK, port, DeliveryWay.TLS, b"bad").carried


def test_an_interface_that_is_up_has_a_carrier_and_one_that_is_not_there_has_none() -> None:
    assert has_carrier("lo")
    assert not has_carrier("nothing0")
