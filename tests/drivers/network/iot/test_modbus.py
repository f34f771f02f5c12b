import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from drivers.network.iot import modbus_client
from drivers.network.iot.modbus import AskModbus, ModbusPort, modbus_ports
from drivers.network.iot.modbus_client import ModbusClient
from drivers.network.iot.modbus_message import ModbusReply, ModbusReplyKind, identity, read, reply_to, request, size_of
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from lab_config.interfaces import ModbusPoint
from tests.drivers.network.iot.modbus_server import Server
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tcp_servers import silent
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation

TARGET = Target(NetworkBench(address="127.0.0.1"))
CA_OF_THE_PEER = trustme.CA()
VALVE = ModbusPoint(table="holding_registers", address=7, rewrite=True)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends with the answer; a server of the tests that gets no processor answers late."""
    monkeypatch.setattr(modbus_client, "SECONDS", 5.0)


def brief_where(dropped: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have anonymous sessions wait briefly for answers to functions that get none, and patiently for all others."""
    connected = modbus_client.connected

    class Brief(ModbusClient):
        def ask(self, unit: int, pdu: bytes) -> ModbusReply:
            with monkeypatch.context() as patience:
                patience.setattr(modbus_client, "SECONDS", 0.2 if pdu[0] in dropped else 5.0)
                return super().ask(unit, pdu)

    @contextlib.contextmanager
    def briefly(target: Target, port: int, *, tls: bool) -> Iterator[ModbusClient]:
        with connected(target, port, tls=tls) as client:
            yield Brief(client.sock)

    monkeypatch.setattr(modbus_client, "connected", briefly)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, patient: None) -> None:
    """For servers that are not to answer."""
    monkeypatch.setattr(modbus_client, "SECONDS", 0.2)


def ask(
    server: Callable[..., None], points: tuple[ModbusPoint, ...] = (), *, declared: bool = False, may_write: bool = True
) -> Observation:
    with tcp_server(server) as port, tcp_server(lambda client: None) as canary:
        asked = ModbusPort(port, False, "plc" if declared else None, points=points)
        seen = AskModbus(TARGET, (asked,), canary, may_write=may_write).run(MemoryRecorder())
    return seen.model_copy(
        update={"facts": tuple(f.model_copy(update={"about": f.about.replace(str(port), "N")}) for f in seen.facts)}
    ).model_copy(update={"left_open": {a.replace(str(port), "N"): why for a, why in seen.left_open.items()}})


@pytest.mark.parametrize("address", [0, 1_000])
def test_a_register_that_whoever_comes_can_read_is_seen(address: int) -> None:
    seen = ask(Server({address: 0x1234}))
    assert seen.seen == {"tcp/N"}
    assert f"holding_registers {address} reads 12 34" in seen.detail("tcp/N")
    assert "Acme PLC\\x1b1" in seen.detail("tcp/N")


@pytest.mark.parametrize(
    ("read_only", "words"), [(False, "requests to write holding_registers are served"), (True, "")]
)
def test_write_access_is_named_and_nothing_is_written_for_it(read_only: bool, words: str) -> None:
    server = Server({0: 0x1234}, read_only=read_only)
    detail = ask(server, may_write=False).detail("tcp/N")
    assert words in detail
    assert ("write" in detail) is not read_only
    assert server.written == {}


def test_a_server_on_a_unit_of_its_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(Server({0: 1}, units=(1,), other_unit=11)).seen == {"tcp/N"}
    monkeypatch.setattr(modbus_client, "SECONDS", 1.5)  # the unit that is not there says nothing
    assert ask(Server({0: 1}, units=(1,))).seen == {"tcp/N"}


def test_the_illegal_function_is_a_refusal_in_the_devices_own_bytes() -> None:
    seen = ask(Server(exception=1))
    assert seen.refused == {"tcp/N"}
    assert seen.about("tcp/N").conclusive


@pytest.mark.parametrize(
    "server", [Server(units=(), other_unit=11), Server(units=(), other_unit=10), Server(exception=2)]
)
def test_a_unit_or_an_address_that_is_not_there_refuses_nothing(server: Server) -> None:
    seen = ask(server)
    assert seen.silent == {"tcp/N"}
    assert not seen.about("tcp/N").conclusive


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("mangle", ["number", "unit", "short", "long", "close"])
def test_answers_that_are_none_show_no_access(mangle: str) -> None:
    assert ask(Server({0: 1}, mangle=mangle)).silent == {"tcp/N"}


@pytest.mark.usefixtures("short")
def test_a_canary_is_no_witness_for_a_port_that_accepts_connections_and_says_nothing() -> None:
    seen = ask(silent)
    assert seen.silent == {"tcp/N"}
    assert not seen.about("tcp/N").conclusive


def test_a_closed_port_refuses() -> None:
    with tcp_server(lambda client: None) as canary:
        port = ModbusPort(closed_port(), False)
        assert AskModbus(TARGET, (port,), canary).run(MemoryRecorder()).refused == {port.about}


def test_a_banner_without_end_is_no_modbus() -> None:
    def banner(client: socket.socket) -> None:
        client.sendall(b"A" * 1_000_000)
        while client.recv(4096):  # an end before the request was read is an RST, which takes what was sent with it
            pass

    seen = ask(banner)
    assert seen.silent == {"tcp/N"}
    assert "something other than Modbus" in seen.detail("tcp/N")


def test_a_declared_register_is_read_and_written_back_as_it_is() -> None:
    server = Server({7: 4711})
    seen = ask(server, (VALVE,), declared=True)
    assert {"plc read holding_registers 7", "plc write holding_registers 7"} <= seen.seen
    assert server.written == {7: 4711}


def test_nothing_is_written_where_the_bench_does_not_allow_it() -> None:
    server = Server({7: 4711})
    seen = ask(server, (VALVE,), declared=True, may_write=False)
    assert not server.written
    assert not seen.about("plc write holding_registers 7").conclusive


def test_what_is_public_is_no_access() -> None:
    public = ModbusPoint(table="holding_registers", address=0, public=True)
    seen = ask(Server({0: 1}), (public,), declared=True)
    assert not seen.seen


@pytest.mark.usefixtures("short")
def test_a_declared_service_that_answers_nothing_proves_nothing() -> None:
    assert not ask(silent, (VALVE,), declared=True).conclusive


def test_what_came_before_the_connection_broke_is_kept() -> None:
    class Breaking(Server):
        def answer(self, pdu: bytes) -> bytes:
            self.mangle = "close" if pdu[1:3] == b"\0\x07" else ""
            return super().answer(pdu)

    seen = ask(Breaking({0: 1, 7: 1}), (VALVE,), declared=True)
    assert "tcp/N" in seen.seen
    assert "plc read holding_registers 7" in seen.silent


@pytest.mark.parametrize("dropped", [{*range(256)} - {3}, {0x2B}, {1}, {0x2B, 1, 2, 4}])
def test_a_function_that_gets_no_answer_does_not_hide_an_open_register(
    dropped: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    brief_where(dropped, monkeypatch)
    seen = ask(Server({7: 4711}, dropped=dropped), (VALVE,), declared=True)
    assert "plc read holding_registers 7" in seen.seen
    assert seen.silent == {"tcp/N"} | ({"plc write holding_registers 7"} if 16 in dropped else set())
    assert all(not seen.about(about).conclusive for about in seen.silent)


def test_a_function_that_is_answered_by_an_rst_does_not_hide_an_open_register() -> None:
    seen = ask(Server({7: 4711}, reset={0x2B}), (VALVE,), declared=True)
    assert seen.seen == {"plc read holding_registers 7", "plc write holding_registers 7"}


def test_an_rst_is_no_refusal_where_the_control_is_anonymous_too() -> None:
    class Later(Server):
        def answer(self, pdu: bytes) -> bytes:
            self.reset = {3, 16} if pdu[0] == 0x2B else self.reset
            return super().answer(pdu)

    seen = ask(Later({7: 4711}), (VALVE,), declared=True)
    assert "plc read holding_registers 7" in seen.refused
    assert not any(seen.about(fact.about).conclusive for fact in seen.facts)


def test_a_port_that_answers_every_request_with_an_rst_refuses() -> None:
    seen = ask(Server(reset={*range(256)}))
    assert seen.refused == {"tcp/N"}
    assert seen.about("tcp/N").conclusive


def test_a_register_is_found_on_a_server_that_answers_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = {*range(256)} - {3}
    brief_where(dropped, monkeypatch)
    assert ask(Server({0: 0x1234}, dropped=dropped)).seen == {"tcp/N"}


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ClientCertificate]:
    """A server's context that asks for a client certificate, and the certificate that it takes."""
    folder, authority = tmp_path_factory.mktemp("peer"), CA_OF_THE_PEER
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    own = authority.issue_cert("panel.example")
    own.private_key_and_cert_chain_pem.write_to_path(folder / "peer.pem")
    return context, ClientCertificate(Path(folder / "peer.pem"), Path(folder / "peer.pem"))


@pytest.mark.parametrize("knows_peer", [True, False])
def test_modbus_security_lets_in_the_paired_peer_alone(
    paired: tuple[ssl.SSLContext, ClientCertificate], knows_peer: bool
) -> None:
    context, own = paired
    server = Server({7: 1})

    def handle(client: object) -> None:
        with context.wrap_socket(client, server_side=True) as inside:  # type: ignore[arg-type]
            server(inside)

    with tcp_server(handle) as number, tcp_server(lambda client: None) as canary:
        port = ModbusPort(number, True, "plc", points=(VALVE,))
        peers = (("plc", own),) if knows_peer else ()
        seen = AskModbus(TARGET, (port,), canary, peers).run(MemoryRecorder())
    assert not seen.seen
    assert seen.conclusive is knows_peer


@pytest.mark.parametrize("dropped", [{*range(256)}, {0x2B, 1, 2}])
def test_inside_tls_only_complete_silence_is_proven_by_the_paired_peer(
    paired: tuple[ssl.SSLContext, ClientCertificate], dropped: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    brief_where(dropped, monkeypatch)
    _, own = paired
    context, authority = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=CA_OF_THE_PEER.cert_pem.bytes().decode())

    def handle(client: object) -> None:
        with context.wrap_socket(client, server_side=True) as inside:  # type: ignore[arg-type]
            Server({7: 1}, dropped=set() if inside.getpeercert() else dropped)(inside)

    with tcp_server(handle) as number, tcp_server(lambda client: None) as canary:
        port = ModbusPort(number, True, "plc", points=(VALVE,))
        seen = AskModbus(TARGET, (port,), canary, (("plc", own),)).run(MemoryRecorder())
    is_served = 3 not in dropped
    assert ("plc read holding_registers 7" in seen.seen) is is_served
    assert seen.conclusive is not is_served


def test_declared_ports_stand_before_the_usual_ones_and_replace_them() -> None:
    plc = Service(id="plc", transport=Transport.TCP, port=502, protocol="modbus", purpose="control")
    ports = modbus_ports((plc,), {"plc": (3, (VALVE,))})
    assert [(port.port, port.tls, port.units) for port in ports] == [(502, False, (3,)), (802, True, (255, 1))]


def test_messages_follow_the_standard() -> None:
    assert request(0x1501, 0xFF, read("holding_registers", 0x6B, 3)).hex() == "150100000006ff03006b0003"
    assert size_of(bytes.fromhex("150100000006ff")) == 12
    assert size_of(bytes.fromhex("150100010006ff")) is None
    answer = bytes.fromhex("150100000009ff0306022b00000064")
    assert reply_to(0x1501, 0xFF, read("holding_registers", 0x6B, 3), answer) == ModbusReply(
        ModbusReplyKind.DATA, bytes.fromhex("022b00000064")
    )
    assert identity(ModbusReply(ModbusReplyKind.DATA, bytes.fromhex("0e0101000002000441636d65ff"))) == "Acme"
