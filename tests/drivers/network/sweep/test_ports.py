import base64
import contextlib
import errno
import json
import resource
import socket
import struct
from typing import Any

import pytest

from drivers.network.questions import udp_questions
from drivers.network.sweep.answers import PortAnswers, SweepCanary
from drivers.network.sweep.connect import ConnectAsker
from drivers.network.sweep.course import PortSweep
from drivers.network.sweep.link import EthernetLink, link_to
from drivers.network.sweep.ports import COURSE, OTHER_CLOSED, OTHER_FILTERED, TcpPorts, TcpSweep
from drivers.network.sweep.syn import SYN, SynTemplate, checksum, parse
from drivers.network.sweep.udp import UdpPorts
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.loopback_servers import closed_port, mute_port, tcp_server
from tests.drivers.network.namespaces import said_by
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError

LINK = EthernetLink("lab0", bytes.fromhex("020000000001"), "192.0.2.1", "192.0.2.10")


class TarpitListener(contextlib.ExitStack):
    """Four hundred ports of an address that nobody else uses, all of which accept."""

    def __enter__(self) -> str:  # type: ignore[override]
        for port in range(20_000, 20_400):
            self.enter_context(socket.create_server(("127.84.0.2", port)))
        return "127.84.0.2"


def in_namespace(**arguments: Any) -> dict[str, Any]:
    return said_by("sweep.veth_lab", json.dumps(arguments))


def sweep_in_namespace(**arguments: Any) -> tuple[TcpPorts, dict[str, bytes]]:
    result = in_namespace(declared=[443], **arguments) if "declared" not in arguments else in_namespace(**arguments)
    evidence = {name: base64.b64decode(data) for name, data in result["evidence"].items()}
    return TcpPorts.model_validate(result["observation"]), evidence


def loopback(**port_map: int) -> Target:
    return Target(
        NetworkBench(address="127.0.0.1", port_map={f"tcp/{key[1:]}": port for key, port in port_map.items()})
    )


def by_connect(canary: int, record: MemoryRecorder | None = None) -> PortSweep:
    return PortSweep(ConnectAsker(loopback(), SweepCanary(canary)), 50_000, record or MemoryRecorder())


def accept(connection: socket.socket) -> None:
    """Nothing is said."""


# --- frames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [1, 443, 65_535])
def test_a_syn_frame_is_correct_down_to_its_checksums(port: int) -> None:
    frame = SynTemplate(LINK, bytes.fromhex("020000000002"), 40_000, 0xFFFFFFFF).to(port)
    assert frame[:14].hex() == "0200000000020200000000010800"
    assert checksum(frame[14:34]) == 0
    assert checksum(frame[26:34] + struct.pack("!HH", 6, len(frame) - 34) + frame[34:]) == 0
    answer = parse(frame)
    assert answer is not None
    assert (answer.source, answer.destination, answer.flags) == (40_000, port, SYN)


def test_frames_that_are_cut_or_fragmented_or_not_tcp_are_no_answers() -> None:
    frame = SynTemplate(LINK, bytes(6), 40_000, 1).to(80)
    assert all(parse(frame[:length]) is None for length in range(54))
    assert parse(frame[:20] + b"\x20\x00" + frame[22:]) is None
    assert parse(frame[:23] + b"\x11" + frame[24:]) is None
    assert parse(frame[:14] + b"\x41" + frame[15:]) is None
    assert parse(frame[:14] + b"\x4f" + frame[15:]) is None


def test_an_interface_that_does_not_exist_is_the_bench_s_fault() -> None:
    with pytest.raises(BenchError, match="no interface nowhere0"):
        link_to(Target(NetworkBench(address="192.0.2.10", interface="nowhere0")))


def test_loopback_and_ipv6_have_no_link_for_raw_frames() -> None:
    assert link_to(Target(NetworkBench(address="127.0.0.1", interface="lo"))) is None
    assert link_to(Target(NetworkBench(address="::1", interface="lo"))) is None


# --- what both ways share ----------------------------------------------------------------------------------------


def test_a_canary_holds_only_if_its_last_answer_came() -> None:
    canary = SweepCanary(443)
    assert not canary.witness().holds
    for _ in range(20):
        canary.count(True, repeated=False)
    assert canary.witness().holds
    canary.count(False, repeated=True)
    assert not canary.witness().holds
    canary.count(True, repeated=False)
    assert canary.witness().holds
    assert canary.witness().what.startswith("canary tcp/443 answered 21 of 22 times")


def test_a_canary_that_lost_more_than_a_tenth_does_not_hold() -> None:
    canary = SweepCanary(443)
    for number in range(20):
        canary.count(number not in (3, 4, 5), repeated=False)
    assert canary.last
    assert not canary.witness().holds


# --- connect() on loopback ---------------------------------------------------------------------------------------


def test_a_full_sweep_by_connect_finds_the_open_port_and_reports_a_declared_closed_one() -> None:
    closed, address = closed_port(), "127.0.97.1"  # where no server of another test is disturbed
    with tcp_server(accept, (address, 0)) as canary, tcp_server(accept, (address, 0)) as other:
        target = Target(NetworkBench(address=address))
        seen = TcpSweep(target, frozenset({canary, closed}), canary).run(MemoryRecorder())
    assert seen.method == "connect"
    assert {canary, other} <= seen.open
    assert seen.detail(f"tcp/{other}") == "SYN-ACK"
    assert seen.about(f"tcp/{closed}").refused
    assert seen.witness is not None
    assert seen.witness.holds, seen.witness.what
    assert len(seen.open) + seen.closed + seen.filtered == 65_535


def test_behind_forwarding_only_mapped_and_declared_ports_are_asked_and_nothing_is_proven() -> None:
    with tcp_server(accept) as here, tcp_server(accept) as of_the_host:
        target = loopback(p443=here, p23=closed_port())
        seen = TcpSweep(target, frozenset({443}), 443).run(MemoryRecorder())
    assert seen.open == {443}
    assert of_the_host not in seen.open
    assert seen.closed == 1
    assert seen.witness is not None
    assert not seen.witness.holds
    assert "ports are forwarded" in seen.witness.what


def test_a_port_that_drops_questions_is_silent_and_was_asked_again() -> None:
    record = MemoryRecorder()
    with tcp_server(accept) as canary, mute_port() as mute:
        answers = by_connect(canary, record).run([canary, mute])
    assert answers.silent_of([canary, mute]) == [mute]
    assert answers.lost >= 1
    assert answers.canary.witness().holds


def test_a_device_that_answers_nothing_ends_the_sweep_early_without_a_witness() -> None:
    with mute_port() as mute:
        answers = by_connect(mute).run([mute])
    assert not answers.heard
    assert answers.sent < 12
    assert not answers.witness().holds
    assert "ended early" in answers.witness().what


def test_too_few_files_slow_a_sweep_down_and_do_not_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.network.sweep.course.MISSED", 1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        # Without a thread that accepts, which would run out of files as well.
        canary = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        mute = [stack.enter_context(mute_port()) for _ in range(3)]
        probe = stack.enter_context(socket.socket())
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 4, hard))
        try:
            answers = by_connect(canary).run([canary, *mute])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(answers.silent_of([canary, *mute])) == sorted(mute)
    assert answers.open == {canary}
    assert answers.canary.last


def test_a_machine_without_any_socket_left_is_the_bench_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    sweep = by_connect(443)
    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(BenchError, match="cannot open a socket"):
        sweep.run([443])


# --- UDP in a namespace: loopback does not limit ICMP ---------------------------------------------------------------


def test_each_closed_udp_port_of_a_device_that_limits_its_icmp_is_heard_in_the_end() -> None:
    closed = sorted({port for row in udp_questions() for port in row.ports})[:25]
    seen = UdpPorts.model_validate(in_namespace(kernel=[443], ratelimit=200, udp=closed))
    assert seen.closed == set(closed)
    assert not seen.unanswered
    assert seen.icmp_interval is not None
    assert 0.05 <= seen.icmp_interval < 1.0


# --- raw frames in a namespace -----------------------------------------------------------------------------------


def test_a_raw_sweep_of_a_linux_device_finds_each_open_port_and_counts_the_closed() -> None:
    seen, evidence = sweep_in_namespace(kernel=[22, 443, 8899], declared=[22, 80, 443])
    assert seen.method == "syn"
    assert seen.open == {22, 443, 8899}
    assert seen.closed == 65_532
    assert seen.about("tcp/80").refused
    assert seen.detail(OTHER_CLOSED) == "65531 ports answered RST"
    assert seen.witness is not None
    assert seen.witness.holds, seen.witness.what
    assert seen.conclusive
    capture = evidence["answers.pcap"]
    assert struct.unpack_from("<I", capture)[0] == 0xA1B23C4D
    assert 1_000 < len(capture) < 100_000


def test_without_raw_sockets_the_same_device_is_swept_by_connect() -> None:
    seen, _ = sweep_in_namespace(kernel=[443, 8899], no_raw=True)
    assert seen.method == "connect"
    assert seen.open == {443, 8899}
    assert seen.closed == 65_533
    assert seen.conclusive


def test_a_device_with_its_link_down_is_silent_without_a_witness() -> None:
    seen, _ = sweep_in_namespace(link_down=True)
    assert not seen.open
    assert seen.silent == {"tcp/443", OTHER_FILTERED}
    assert not seen.conclusive
    assert "no ARP answer" in seen.detail("tcp/443")


def test_answers_to_nobody_s_question_are_not_counted() -> None:
    seen, _ = sweep_in_namespace(habits={"open": [443, 8899], "wrong_ack": True})
    assert seen.open == {443, 8899}
    assert seen.closed == 0
    assert seen.filtered == 65_533
    assert seen.conclusive


def test_a_device_that_loses_the_first_question_to_each_port_is_asked_again() -> None:
    seen, _ = sweep_in_namespace(habits={"open": [443, 8899], "drop_first": True})
    assert seen.open == {443, 8899}
    assert seen.closed == 65_533
    assert seen.lost >= 65_534
    assert seen.conclusive


def test_a_device_that_dies_in_the_sweep_leaves_no_witness() -> None:
    seen, _ = sweep_in_namespace(habits={"dies_after": 5_000}, rest_seconds=1)
    assert not seen.conclusive
    assert seen.witness is not None
    assert "became silent" in seen.witness.what
    assert seen.filtered > 50_000


def test_a_canary_that_is_closed_hides_nothing_where_every_port_gives_an_answer_of_its_own() -> None:
    seen, _ = sweep_in_namespace(habits={"open": [8899]})
    assert seen.open == {8899}
    assert seen.about("tcp/443").refused
    assert seen.conclusive
    assert seen.witness is None


def test_a_canary_that_is_closed_is_no_witness_for_silence() -> None:
    seen, _ = sweep_in_namespace(habits={"open": [8899], "closed_answer": False})
    assert seen.silent
    assert not seen.conclusive


def test_another_declared_port_that_is_open_is_the_canary_where_the_canary_port_is_closed() -> None:
    address = "127.0.97.2"
    with tcp_server(accept, (address, 0)) as other:
        closed = closed_port()
        probe = TcpSweep(Target(NetworkBench(address=address)), frozenset({closed, other}), closed, (closed, other))
        seen = probe.run(MemoryRecorder())
    assert seen.witness is not None
    assert seen.witness.holds
    assert seen.witness.what.startswith(f"canary tcp/{other} answered ")
    assert seen.refused >= {f"tcp/{closed}"}


@pytest.mark.parametrize(
    ("answered", "closed", "unfinished", "needless"),
    [
        ((), 9, "", True),
        ((True,), 9, "", True),
        ((True, False), 9, "", False),  # what came after its last answer may come from a filter
        ((), 8, "", False),
        ((), 9, "the sweep ran out of time", False),
    ],
)
def test_a_sweep_needs_no_witness_only_where_nothing_was_silent(
    answered: tuple[bool, ...], closed: int, unfinished: str, needless: bool
) -> None:
    answers = PortAnswers("syn", SweepCanary(443), closed=set(range(closed)), asked=9, unfinished=unfinished)
    for one in answered:
        answers.canary.count(one, repeated=False)
    assert answers.needs_no_witness is needless


def test_a_rate_limit_slows_the_sweep_down_and_hides_no_port() -> None:
    hidden = list(range(100, 3_100, 100))
    habits = {"open": [443, *hidden], "closed_answer": False, "per_second": 3_000}
    result = in_namespace(habits=habits, first_ports=3_100)
    assert set(result["open"]) == {443, *hidden}
    assert result["lost"] > 0


def test_a_device_that_goes_silent_when_it_is_asked_faster_is_rested_and_nothing_is_missed() -> None:
    hidden = list(range(100, 900, 100))
    habits = {"open": [443, *hidden], "per_second": 400, "silent_seconds": 2.0}
    result = in_namespace(habits=habits, first_ports=900)
    assert set(result["open"]) == {443, *hidden}
    assert result["closed"] == 899 - 1 - len(hidden)
    assert result["rests"]
    assert result["witness"], result["why"]


def test_a_device_that_blocks_a_sweep_for_good_is_said_to_protect_itself_and_closes_nothing_more() -> None:
    habits = {"per_second": 100, "silent_seconds": 1_000.0}
    result = in_namespace(habits=habits, first_ports=900, rest_seconds=1)
    assert not result["witness"]
    assert "protects itself" in result["why"]
    assert result["closed"] < 400


def test_a_canary_that_is_limited_by_itself_is_no_witness_and_ends_no_sweep() -> None:
    result = in_namespace(habits={"open": [443, 899], "canary_syns": 3}, first_ports=900)
    assert set(result["open"]) == {443, 899}
    assert result["closed"] == 897
    assert not result["witness"]


def test_a_device_that_refuses_every_port_after_a_while_is_not_called_closed() -> None:
    result = in_namespace(habits={"refuses_after": 300}, first_ports=900, rest_seconds=1)
    assert not result["witness"]
    assert "refused its canary port, which was open before" in result["why"]
    assert result["closed"] <= 300


def test_closed_ports_of_a_device_that_limits_its_rsts_alone_leave_the_sweep_conclusive() -> None:
    result = in_namespace(habits={"open": [443, 800], "closed_per_second": 20}, first_ports=900)
    assert set(result["open"]) == {443, 800}
    assert result["witness"], result["why"]
    assert result["missed"] < 1e-3


def test_a_tarpit_that_answers_on_every_port_is_no_service_and_no_witness() -> None:
    seen, _ = sweep_in_namespace(habits={"tarpit": True})
    assert not seen.open
    assert seen.indistinct >= 256
    assert seen.sent < 2_000
    assert not seen.conclusive
    assert seen.witness is not None
    assert "as with a tarpit or a SYN proxy" in seen.witness.what
    assert "like nearly every port" in seen.detail("tcp/443") or "tarpit" in seen.detail("tcp/443")
    assert not seen.seen - {COURSE}


def test_the_same_tarpit_is_seen_by_connect() -> None:
    with TarpitListener() as address:
        target = Target(NetworkBench(address=address))
        answers = PortSweep(ConnectAsker(target, SweepCanary(20_000)), 50_000, MemoryRecorder()).run(
            range(20_000, 20_400)
        )
    assert answers.indistinct
    assert "tarpit" in answers.witness().what


def test_the_first_answer_of_a_port_that_was_open_stands() -> None:
    answers = PortAnswers("syn", SweepCanary(1))
    answers.enter(80, True)
    answers.enter(80, False)
    assert (answers.open, answers.closed) == ({80}, set())
