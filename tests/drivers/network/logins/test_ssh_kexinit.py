"""What is read of an SSH server's KEXINIT, from paramiko's server, from bytes, and from hostile ones."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.logins.ssh_kexinit import (
    Disconnect,
    Kexinit,
    SshAlgorithms,
    SshDecodeError,
    SshKexinit,
    decode_kexinit,
    decode_packets,
    encode_kexinit,
    split_identification,
)
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK, Recorder, serve
from trustprobe.probe import Answer

OLD = (
    "diffie-hellman-group1-sha1",
    "ssh-dss",
    "3des-cbc,arcfour",
    "aes128-cbc,3des-cbc",
    "hmac-md5",
    "hmac-md5,hmac-sha1-96",
    "none",
    "none,zlib",
    "",
    "",
)


def kexinit(lists: tuple[str, ...] = OLD, tail: bytes = bytes(5)) -> bytes:
    return b"\x14" + bytes(16) + b"".join(len(names).to_bytes(4) + names.encode() for names in lists) + tail


def packet(payload: bytes, padding: int = 4) -> bytes:
    return (1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + bytes(padding)


def read(port: int, seconds: float = 6.0) -> SshKexinit:
    return SshAlgorithms(LOOPBACK, port, seconds).run(Recorder())


def says(data: bytes) -> tcp.Handler:
    def handle(connection: socket.socket) -> None:
        connection.sendall(data)
        tcp.silent(connection)

    return handle


def test_the_algorithms_of_a_real_server_are_read() -> None:
    with ssh_server(Rules()) as port:
        found = read(port)
    assert found.seen == {"kexinit"}
    assert found.conclusive
    assert found.banner.startswith("SSH-2.0-paramiko")
    assert "curve25519-sha256@libssh.org" in found.kex
    assert "ecdsa-sha2-nistp256" in found.host_key
    assert "aes128-ctr" in found.cipher
    assert "hmac-sha2-256" in found.mac
    assert "none" in found.compression


def test_old_algorithms_that_no_library_speaks_are_read_in_both_directions() -> None:
    with serve(says(b"Welcome\r\nto the box\nSSH-2.0-old\n" + packet(kexinit()))) as port:
        found = read(port)
    assert found.banner == "SSH-2.0-old"
    assert found.kex == ("diffie-hellman-group1-sha1",)
    assert found.host_key == ("ssh-dss",)
    assert found.cipher == ("3des-cbc", "arcfour", "aes128-cbc")
    assert found.mac == ("hmac-md5", "hmac-sha1-96")
    assert found.compression == ("none", "zlib")


def test_a_server_that_waits_for_our_kexinit_is_read() -> None:
    def handle(connection: socket.socket) -> None:
        heard = connection.recv(64)
        connection.sendall(b"SSH-2.0-shy\r\n")
        while len(heard) < 200:
            heard += connection.recv(4_096)
        connection.sendall(packet(kexinit()))
        tcp.silent(connection)

    with serve(handle) as port:
        assert read(port).seen == {"kexinit"}


def test_a_kexinit_in_single_bytes_is_put_together() -> None:
    data = b"SSH-2.0-slow\r\n" + packet(b"\x02\x00\x00\x00\x00") + packet(kexinit())

    def handle(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            connection.sendall(bytes([byte]))
        tcp.silent(connection)

    with serve(handle) as port:
        assert read(port).kex == ("diffie-hellman-group1-sha1",)


def test_a_disconnect_is_a_refusal_in_the_servers_words() -> None:
    words = b"Too many\x1b[2J connections"
    body = b"\x01\x00\x00\x00\x0c" + len(words).to_bytes(4) + words + bytes(4)
    with serve(says(b"SSH-2.0-full\r\n" + packet(body))) as port:
        found = read(port)
    assert found.refused == {"kexinit"}
    assert "Too many" in found.detail("kexinit")
    assert found.detail("kexinit").isprintable()
    assert not found.conclusive


@pytest.mark.parametrize(
    "handler",
    [
        tcp.closing,
        tcp.resetting,
        tcp.silent,
        tcp.garbage,
        tcp.endless,
        says(b"SSH-2.0-x\r\n"),
        says(b"SSH-2.0-x\r\n" + b"\xff" * 64),
        says(b"no\n" * 60),
        says(b"SSH-2.0-x\r\n" + packet(kexinit(tail=bytes(4)))),
        says(b"SSH-2.0-x\r\n" + packet(b"\x1e" + bytes(40))),
        says(b"SSH-2.0-x\r\n" + 12 * packet(b"\x02\x00\x00\x00\x00")),
    ],
)
def test_what_is_no_whole_kexinit_is_silent_and_cannot_be_judged(handler: tcp.Handler) -> None:
    with serve(handler) as port:
        found = read(port, seconds=0.3)
    assert found.named(Answer.SILENT) == {"kexinit"}
    assert not found.conclusive
    assert (found.kex, found.cipher, found.mac) == ((), (), ())
    assert found.detail("kexinit").isprintable()


def test_a_closed_port_is_silent() -> None:
    assert read(tcp.free_port()).silent == {"kexinit"}


def test_what_was_received_is_kept() -> None:
    record = Recorder()
    with serve(says(b"SSH-2.0-old\n" + packet(kexinit()))) as port:
        SshAlgorithms(LOOPBACK, port).run(record)
    assert record.kept["received.bin"] == b"SSH-2.0-old\n" + packet(kexinit())


def test_our_own_kexinit_is_one_that_we_can_read() -> None:
    own = encode_kexinit()
    assert len(own) % 8 == 0
    found = decode_packets(own)
    assert isinstance(found, Kexinit)
    assert "diffie-hellman-group1-sha1" in found.kex


def test_a_name_that_a_terminal_would_obey_is_made_printable() -> None:
    lists = ("a\x1bb", *OLD[1:])
    assert decode_kexinit(kexinit(lists)).kex == ("a\\x1bb",)


@given(st.binary(max_size=400))
def test_no_packet_raises_anything_but_the_decoders_own_error(data: bytes) -> None:
    for payload in (data, packet(data[:200] or b"\x14"), packet(b"\x14" + data), packet(b"\x01" + data)):
        with contextlib.suppress(SshDecodeError):
            assert isinstance(decode_packets(payload), Kexinit | Disconnect | None)


@given(st.binary(max_size=600))
def test_no_identification_raises_anything_but_the_decoders_own_error(data: bytes) -> None:
    with contextlib.suppress(SshDecodeError):
        split_identification(data)


@given(st.integers(0, len(kexinit()) - 1))
def test_a_kexinit_cut_anywhere_is_an_error(cut: int) -> None:
    with pytest.raises(SshDecodeError):
        decode_kexinit(kexinit()[:cut])


@given(st.integers(0, len(packet(kexinit())) - 1))
def test_a_packet_cut_anywhere_is_not_there_yet(cut: int) -> None:
    assert decode_packets(packet(kexinit())[:cut]) is None
