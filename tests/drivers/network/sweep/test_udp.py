import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

import pytest

from drivers.network.iot.safe_xml import read_xml
from drivers.network.questions import ServiceQuestion, clear_services, declared_services, udp_questions
from drivers.network.sweep import udp
from drivers.network.sweep.udp import READ_LIMIT, ROUNDS, UdpAsking, UdpPorts, UdpSweep, questions_for
from drivers.network.sweep.udp_port import UdpPort
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from tests.drivers.network.loopback_servers import closed_port, udp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Fact, Witness

MATCHES = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    b"<s:Body><d:ProbeMatches><d:ProbeMatch/></d:ProbeMatches></s:Body></s:Envelope>"
)
COAP_CONTENT = bytes.fromhex("6245") + b"tptp\xc1\x28\xff</>"
Reply = Callable[[bytes], object]
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Which of the processes that run tests side by side this is: their devices must not meet on one address."""
_hosts = count(2)


def declare(protocol: str, port: int) -> Service:
    return Service.model_validate(
        {"id": f"service_{port}", "transport": "udp", "port": port, "protocol": protocol, "purpose": "test"}
    )


def answers_probe(data: bytes, reply: Reply) -> None:
    if b"2005/04/discovery/Probe" in data:
        reply(MATCHES)


def answers_coap(data: bytes, reply: Reply) -> None:
    reply(COAP_CONTENT)


def says_nothing(data: bytes, reply: Reply) -> None:
    """Nothing comes back."""


@pytest.fixture
def address() -> str:
    """An address of loopback that no other test uses: the ports of the table are the device's own there."""
    return f"127.83.{_WORKER}.{next(_hosts)}"


@contextlib.contextmanager
def device(address: str, **handlers: Callable[[bytes, Reply], None]) -> Iterator[Target]:
    """A device on loopback whose handlers are given as `p3702=...`."""
    with ExitStack() as stack:
        for name, handler in handlers.items():
            stack.enter_context(udp_server(handler, (address, int(name[1:]))))
        yield Target(NetworkBench(address=address))


def sweep(target: Target, *declared: Service) -> tuple[UdpPorts, MemoryRecorder]:
    record = MemoryRecorder()
    return UdpSweep(target, declared, first_controls=1).run(record), record


# --- the sweep ---------------------------------------------------------------------------------------------------


def test_a_declared_service_that_answers_is_seen_and_is_the_witness_of_the_rest(address: str) -> None:
    with device(address, p3702=answers_probe) as target:
        seen, record = sweep(target, declare("ws_discovery", 3702))
    assert seen.open == {3702}
    assert "ProbeMatches" in seen.detail("udp/3702")
    assert seen.witness is not None
    assert seen.witness.holds
    assert "udp/3702" in seen.witness.what
    assert MATCHES in record.kept.values()


def test_an_undeclared_service_that_answers_is_seen(address: str) -> None:
    with device(address, p3702=answers_probe, p5683=answers_coap) as target:
        seen, _ = sweep(target, declare("ws_discovery", 3702))
    assert seen.open == {3702, 5683}
    assert seen.detail("udp/5683").startswith("coap: ")


def test_a_closed_port_refuses_and_a_mute_one_is_unanswered(address: str) -> None:
    with device(address, p5683=says_nothing) as target:
        seen, _ = sweep(target)
    assert "udp/47808" in seen.refused
    assert 47808 in seen.closed
    assert "udp/5683" in seen.silent
    assert seen.unanswered == {5683}


def test_without_a_declared_service_silence_proves_nothing(address: str) -> None:
    with device(address, p5683=says_nothing) as target:
        seen, _ = sweep(target)
    assert seen.witness is not None
    assert not seen.witness.holds
    assert "no declared UDP service" in seen.witness.what


def test_a_declared_service_that_dies_in_the_sweep_is_no_witness(address: str) -> None:
    answered = 0

    def answers_once(data: bytes, reply: Reply) -> None:
        nonlocal answered
        answered += 1
        if answered == 1:
            reply(MATCHES)

    with device(address, p3702=answers_once) as target:
        seen, _ = sweep(target, declare("ws_discovery", 3702))
    assert seen.witness is not None
    assert not seen.witness.holds


def answers_at_last() -> Callable[[bytes, Reply], None]:
    """Return a service whose answers get lost in all rounds, and then come."""
    asked = count(1)

    def answer(data: bytes, reply: Reply) -> None:
        if next(asked) > ROUNDS:
            reply(COAP_CONTENT)

    return answer


def test_answers_of_one_declared_service_that_get_lost_are_no_witness_though_another_one_answers(address: str) -> None:
    with device(address, p3702=answers_probe, p5683=answers_at_last(), p47808=says_nothing) as target:
        seen, _ = sweep(target, declare("ws_discovery", 3702), declare("coap", 5683))
    assert seen.witness is not None
    assert not seen.witness.holds
    assert "udp/5683 did not answer each time" in seen.witness.what


def test_a_device_that_is_away_during_the_sweep_and_answers_before_and_after_is_no_witness(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, others, ask = count(1), count(1), UdpAsking.ask

    def patient_controls(asking: UdpAsking, ports: Iterable[UdpPort], *, patiently: bool = False) -> None:
        monkeypatch.setattr(udp, "ROUND_SECONDS", 0.5 if patiently else 10.0)  # the answer ends a control
        ask(asking, ports, patiently=patiently)

    monkeypatch.setattr(UdpAsking, "ask", patient_controls)

    def is_away_in_the_sweep(data: bytes, reply: Reply) -> None:
        if not 2 <= next(asked) <= 1 + ROUNDS:  # the first is the control before, and the rounds follow it
            reply(COAP_CONTENT)

    def is_away_as_well(data: bytes, reply: Reply) -> None:
        if next(others) > ROUNDS:
            reply(b"an answer that the sweep does not wait for")

    with device(address, p5683=is_away_in_the_sweep, p47808=is_away_as_well) as target:
        probe = UdpSweep(target, (declare("coap", 5683),), only=frozenset({47808}), first_controls=1)
        seen = probe.run(MemoryRecorder())
    assert seen.open == frozenset()
    assert seen.unanswered == {5683, 47808}
    assert next(asked) == 1 + 1 + ROUNDS + 1  # the declared port is asked in each round like any other
    assert seen.witness is not None
    assert not seen.witness.holds
    assert "udp/5683 did not answer during the sweep" in seen.witness.what


def test_a_declared_service_that_answers_before_during_and_after_is_said_to_have(address: str) -> None:
    with device(address, p3702=answers_probe, p47808=says_nothing) as target:
        seen, _ = sweep(target, declare("ws_discovery", 3702))
    assert seen.witness is not None
    assert seen.witness.holds
    assert seen.witness.what == "the declared udp/3702 answered before, during and after the sweep"


def test_lost_answers_of_a_declared_service_open_nothing_where_every_other_port_gave_its_own_word(address: str) -> None:
    with device(address, p3702=answers_probe, p5683=answers_at_last()) as target:
        seen, _ = sweep(target, declare("ws_discovery", 3702), declare("coap", 5683))
    assert seen.unanswered == frozenset()
    assert seen.witness is not None
    assert seen.witness.holds


def test_a_service_that_answers_from_a_port_of_its_own_is_seen_as_tftp_does_it(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((address, 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, device(address) as target:
            asked.bind((address, 5683))
            asked.settimeout(10)
            sweep_of_coap = in_thread(lambda: sweep(target))
            _, peer = asked.recvfrom(4_096)
            other.sendto(COAP_CONTENT, peer)
            seen, _ = sweep_of_coap()
        moved = other.getsockname()[1]
    assert 5683 in seen.open
    assert f"from udp/{moved}" in seen.detail("udp/5683")


def in_thread(work: Callable[[], tuple[UdpPorts, MemoryRecorder]]) -> Callable[[], tuple[UdpPorts, MemoryRecorder]]:
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)

    def result() -> tuple[UdpPorts, MemoryRecorder]:
        pool.shutdown()
        return future.result()

    return result


def test_a_flood_with_escape_sequences_is_bounded_and_made_printable(address: str) -> None:
    def floods(data: bytes, reply: Reply) -> None:
        for _ in range(300):
            reply(b"\x1b]0;owned\x07\xe2\x80\xae" + b"A" * 60_000)

    with device(address, p5683=floods) as target:
        seen, record = sweep(target)
    assert 5683 in seen.open
    detail = seen.detail("udp/5683")
    assert detail.startswith("something other than coap")
    assert detail.isprintable()
    assert len(record.kept) == 1
    assert max(map(len, record.kept.values())) <= READ_LIMIT


def test_behind_forwarding_only_mapped_ports_are_asked_and_nothing_is_proven() -> None:
    with udp_server(answers_probe) as port:
        bench = NetworkBench(
            address="127.0.0.1", port_map={"udp/3702": port, "udp/161": closed_port(socket.SOCK_DGRAM)}
        )
        seen, _ = sweep(Target(bench), declare("ws_discovery", 3702))
    assert seen.open == {3702}
    assert seen.closed == {161}
    assert seen.detail("udp/53").startswith("the bench forwards no udp/53 to the device")
    assert not seen.conclusive


# --- the tables --------------------------------------------------------------------------------------------------


PROBE_MATCHES = (
    b'<s:Envelope xmlns:s="x"><s:Body><d:ProbeMatches><d:ProbeMatch/></d:ProbeMatches></s:Body></s:Envelope>'
)
SOAP_FAULT = b'<?xml version="1.0"?><SOAP-ENV:Envelope><SOAP-ENV:Body><SOAP-ENV:Fault></SOAP-ENV:Fault></SOAP-ENV:Body>'


def row(service: str, number: int = 0) -> ServiceQuestion:
    return [row for row in udp_questions() if row.service == service][number]


def test_every_row_of_every_table_has_an_origin_and_does_not_answer_itself() -> None:
    for question in udp_questions() + clear_services() + declared_services():
        assert question.origin
        assert len(question.payload()) <= 1_200
        echoes = question.service in ("other", "echo")  # whose right answer is the question
        assert echoes or not question.is_answered_by(question.payload())


def test_a_placeholder_becomes_a_fresh_uuid_each_time() -> None:
    probe = row("ws_discovery")
    assert b"{uuid}" not in probe.payload()
    assert probe.payload() != probe.payload()


def test_probes_of_ws_discovery_are_xml_and_name_the_usual_kinds_of_devices() -> None:
    probes = [one.payload() for one in udp_questions() if one.service == "ws_discovery"]
    types = {kind.text for probe in probes for kind in read_xml(probe).each("Types")}
    assert types == {"t:NetworkVideoTransmitter", "t:PrintDeviceType", "t:PrinterServiceType", "t:Device"}
    assert all(read_xml(probe).each("MessageID") and read_xml(probe).each("Probe") for probe in probes)


@pytest.mark.parametrize("port", [8883, 22000, 47808])
def test_quic_is_asked_for_at_the_number_of_each_declared_tcp_port_with_tls(address: str, port: int) -> None:
    def speaks_quic(data: bytes, reply: Reply) -> None:
        if data.startswith(row("quic").payload()[:7]):
            reply(b"\x9a\0\0\0\0\x08probetst\x08trustprb\0\0\0\1")

    with device(address, **{f"p{port}": speaks_quic}) as target:
        probe = UdpSweep(target, (), only=frozenset({47808}), tls_ports=frozenset({port}))
        seen = probe.run(MemoryRecorder())
    assert seen.open == {port}
    assert seen.detail(f"udp/{port}").startswith("quic: ")


def test_a_quic_question_fills_a_datagram_that_servers_must_answer() -> None:
    assert len(row("quic").payload()) == 1_200


@pytest.mark.parametrize(
    ("service", "number", "reply"),
    [
        ("dns", 0, row("dns").payload()[:2] + b"\x81\x80" + row("dns").payload()[4:]),
        ("tftp", 0, b"\0\5\0\1File not found\0"),
        ("ntp", 0, b"\x24\x02\x06\xec" + bytes(44)),
        ("ntp", 0, b"\x1c\x02\x06\xec" + bytes(44)),
        ("snmp", 1, bytes.fromhex("302c02010104067075626c6963a21f020474727562020100020100301130") + b"..sysDescr"),
        ("stun", 0, b"\x01\x01\0\x0c\x21\x12\xa4\x42trustprobe01" + bytes(12)),
        ("coap", 0, COAP_CONTENT),
        ("coap", 0, b"\x70\0tp"),
        ("ssdp", 0, b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n"),
        ("mdns", 0, b"\0\0\x84\0\0\1\0\1" + bytes(20)),
        ("ike", 0, b"trustprb" + b"respondr" + b"\x01\x10\x02\0" + bytes(8)),
        ("quic", 0, b"\x9a\0\0\0\0\x08probetst\x08trustprb\0\0\0\1"),
        ("echo", 0, b"trustprobe echo"),
        ("time", 0, b"\xec\x5b\x2a\x01"),
        ("nat_pmp", 0, b"\0\x80\0\0\0\0\1\0\xcb\0\x71\7"),
        ("pcp", 0, b"\2\x80\0\0" + bytes(20)),
        ("pcp", 0, b"\0\x80\0\1\0\0\1\0"),
        *(("ws_discovery", number, PROBE_MATCHES) for number in range(9)),
        *(("ws_discovery", number, SOAP_FAULT) for number in range(9)),
    ],
)
def test_a_proper_reply_is_known_and_the_same_reply_cut_short_or_garbled_is_not(
    service: str, number: int, reply: bytes
) -> None:
    question = row(service, number)
    assert question.is_answered_by(reply)
    assert not question.is_answered_by(reply[:1])
    assert not question.is_answered_by(b"\xff" + reply)
    assert not question.is_answered_by(b"")


def test_snmp_questions_are_ber_whose_lengths_are_right() -> None:
    for number in range(3):
        payload = row("snmp", number).payload()
        assert payload[0] == 0x30
        assert payload[1] == len(payload) - 2


def test_a_dtls_hello_s_lengths_are_right() -> None:
    hello = row("coaps").payload()
    (length,) = struct.unpack_from("!H", hello, 11)
    assert length == len(hello) - 13
    assert int.from_bytes(hello[14:17], "big") == length - 12


def test_questions_for_a_declared_service_follow_its_protocol_wherever_it_lives() -> None:
    table = udp_questions()
    assert {found.service for found in questions_for(declare("dns", 3702), table)} == {"dns"}
    assert {found.service for found in questions_for(declare("other", 161), table)} == {"snmp"}
    assert {found.service for found in questions_for(declare("other", 40_000), table)} == {"other"}
    assert declare("dns", 53).transport is Transport.UDP


# --- refusals need no witness ------------------------------------------------------------------------------------


def test_a_device_that_refuses_every_port_needs_no_witness(address: str) -> None:
    with device(address) as target:
        seen, _ = sweep(target)
    assert len(seen.refused) > 40
    assert (seen.silent, seen.witness, seen.conclusive) == (frozenset(), None, True)
    assert seen.about("tftp").conclusive


@pytest.mark.parametrize("protocol", ["other", "ws_discovery"])
def test_a_silent_declared_service_leaves_the_refusals_of_the_others_alone(address: str, protocol: str) -> None:
    with device(address, p3702=says_nothing) as target:
        seen, _ = sweep(target, declare(protocol, 3702))
    assert not seen.conclusive
    assert not seen.about("udp/3702").conclusive
    assert seen.besides({3702}).conclusive
    assert seen.about("tftp").conclusive


def test_a_silent_undeclared_port_still_needs_a_witness(address: str) -> None:
    with device(address, p5683=says_nothing) as target:
        seen, _ = sweep(target)
    assert not seen.besides({3702}).conclusive
    assert seen.about("udp/47808").conclusive


def test_behind_forwarding_ports_that_were_not_probed_prove_nothing() -> None:
    swept = UdpPorts(
        question="?",
        facts=(
            Fact(about="udp/53", answer=Answer.REFUSED),
            Fact(about="udp/69", answer=Answer.SILENT, detail="not forwarded"),
        ),
        witness=Witness(what="ports are forwarded", holds=False),
        open=frozenset(),
        closed=frozenset({53}),
        unanswered=frozenset({69}),
    )
    assert not swept.conclusive
    assert swept.about("udp/53").conclusive
    assert not swept.about("udp/69").conclusive
