import socket
import struct

import pytest

from drivers.network.sweep.link6 import Link6, link6_to
from drivers.network.sweep.syn import SYN, checksum
from drivers.network.sweep.syn6 import Syn6Template, parse6
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from trustprobe.errors import BenchError

LINK = Link6("eth9", bytes.fromhex("020000000001"), "fd00::1", "fd00::2")


@pytest.mark.parametrize("port", [1, 443, 65_535])
def test_a_frame_asks_its_port_and_its_checksum_is_right(port: int) -> None:
    frame = Syn6Template(LINK, bytes.fromhex("020000000002"), 40_000, 0xFFFFFFFF).to(port)
    assert frame[:14] == bytes.fromhex("020000000002020000000001") + b"\x86\xdd"
    pseudo = frame[22:54] + struct.pack("!II", len(frame) - 54, socket.IPPROTO_TCP)
    assert checksum(pseudo + frame[54:]) == 0
    question = parse6(frame)
    assert question is not None
    assert (question.source, question.destination, question.flags) == (40_000, port, SYN)
    assert question.sender == socket.inet_pton(socket.AF_INET6, "fd00::1")
    assert question.receiver == socket.inet_pton(socket.AF_INET6, "fd00::2")


def test_what_is_no_tcp_over_ipv6_is_none() -> None:
    frame = Syn6Template(LINK, bytes(6), 40_000, 1).to(80)
    assert all(parse6(frame[:length]) is None for length in range(74))
    assert parse6(frame[:14] + b"\x45" + frame[15:]) is None
    assert parse6(frame[:20] + b"\x11" + frame[21:]) is None


def test_an_interface_that_does_not_exist_is_a_bench_error() -> None:
    with pytest.raises(BenchError, match="no interface nowhere0"):
        link6_to(Target(NetworkBench(address="fd00::2", interface="nowhere0")))


def test_loopback_is_no_ethernet() -> None:
    assert link6_to(Target(NetworkBench(address="::1", interface="lo"))) is None
