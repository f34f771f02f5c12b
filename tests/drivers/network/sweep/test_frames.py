import socket
import struct

import pytest

from drivers.network.sweep.frames import BATCH, SLOT, Incoming, Outgoing


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep each message apart, as a packet socket does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.setblocking(False)
    return ours, theirs


def test_frames_of_one_call_arrive_one_by_one() -> None:
    ours, theirs = pair()
    with ours, theirs:
        assert Outgoing(ours, 4).send([b"abcd", b"efgh", b"ijkl"]) == 3
        assert [theirs.recv(SLOT) for _ in range(3)] == [b"abcd", b"efgh", b"ijkl"]


def test_a_full_batch_is_received_with_the_length_of_each() -> None:
    ours, theirs = pair()
    with ours, theirs:
        incoming = Incoming(theirs)
        for number in range(10):
            ours.send(bytes([number]) * (number + 1))
        assert incoming.receive() == 10
        assert [length for (length,) in incoming.lengths(10)] == list(range(1, 11))
        assert incoming.frame(3) == b"\x03" * 4
        layout = struct.Struct(f"!B{SLOT - 1}x")
        assert [first for (first,) in incoming.fields(layout, 10)] == list(range(10))


def test_nothing_that_waits_is_no_frame_and_no_error() -> None:
    ours, theirs = pair()
    with ours, theirs:
        assert Incoming(theirs).receive() == 0


def test_a_frame_that_is_longer_than_a_slot_is_cut() -> None:
    ours, theirs = pair()
    with ours, theirs:
        ours.send(b"x" * 1_000)
        incoming = Incoming(theirs)
        assert incoming.receive() == 1
        assert incoming.frame(0) == b"x" * SLOT


def test_a_socket_that_is_gone_is_an_error_of_the_kernel_s_kind() -> None:
    ours, theirs = pair()
    theirs.close()
    with ours, pytest.raises(ConnectionError):
        Outgoing(ours, 4).send([b"abcd"] * BATCH)
