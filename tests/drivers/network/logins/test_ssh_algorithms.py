"""What is read of an SSH server's offer, from paramiko's server, from bytes, and from hostile ones."""

import contextlib
import socket
from collections.abc import Callable, Sequence

import pytest

from drivers.network.logins.ssh_algorithms import PROTOCOL_1, SshAlgorithms, SshKexinit
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.network.logins.ssh_bytes import OLD, kexinit, packet
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK, Recorder, serve
from tests.free_ports import free_port
from trustprobe.probe import Answer


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


CHACHA, CBC = "chacha20-poly1305@openssh.com", "aes128-cbc"
ETM, PLAIN_MAC = "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"


@pytest.mark.parametrize(
    ("kex", "there", "back", "truncatable"),
    [
        ("curve25519-sha256", (CHACHA, PLAIN_MAC), (CHACHA, PLAIN_MAC), (CHACHA,)),
        ("curve25519-sha256", ("aes256-ctr", PLAIN_MAC), (f"aes256-ctr,{CHACHA}", PLAIN_MAC), (CHACHA,)),
        ("curve25519-sha256", (CBC, f"{PLAIN_MAC},{ETM}"), ("aes256-ctr", ETM), (CBC,)),
        ("curve25519-sha256,kex-strict-c-v00@openssh.com", (CHACHA, ETM), (CBC, ETM), (CHACHA, CBC)),
        ("curve25519-sha256", (CBC, PLAIN_MAC), ("aes256-ctr", ETM), ()),
        ("curve25519-sha256", ("aes256-ctr", ETM), ("aes256-gcm@openssh.com", ETM), ()),
        ("curve25519-sha256,kex-strict-s-v00@openssh.com", (CHACHA, ETM), (CBC, ETM), ()),
        ("curve25519-sha256,kex-strict-s", (CHACHA, ETM), (CBC, ETM), ()),
    ],
)
def test_ciphers_that_need_strict_key_exchange_are_named_if_the_server_has_none(
    kex: str, there: tuple[str, str], back: tuple[str, str], truncatable: tuple[str, ...]
) -> None:
    lists = (kex, "ssh-ed25519", there[0], back[0], there[1], back[1], "none", "none", "", "")
    with serve(says(b"SSH-2.0-x\r\n" + packet(kexinit(lists)))) as port:
        found = read(port)
    assert [name for name in found.cipher if ":" in name] == [f"no-strict-kex:{name}" for name in truncatable]


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
    assert read(free_port()).silent == {"kexinit"}


def test_what_was_received_is_kept() -> None:
    record = Recorder()
    with serve(says(b"SSH-2.0-old\n" + packet(kexinit()))) as port:
        SshAlgorithms(LOOPBACK, port).run(record)
    assert record.kept["received.bin"] == b"SSH-2.0-old\n" + packet(kexinit())


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def mpint(number: int) -> bytes:
    return string(number.to_bytes(number.bit_length() // 8 + 1))


def rsa_blob(bits: int, kind: bytes = b"ssh-rsa") -> bytes:
    return string(kind) + mpint(65537) + mpint((1 << bits) - 1)


PLAIN = (
    "curve25519-sha256",
    "rsa-sha2-512",
    "aes256-ctr",
    "aes256-ctr",
    "hmac-sha2-256",
    "hmac-sha2-256",
    "none",
    "none",
)
Reply = Callable[[int, bytes], bytes | None]


def exchanging(lists: tuple[str, ...], reply: Reply, split: int = 0) -> tcp.Handler:
    """Serve a KEXINIT of these lists and answer what follows ours: from kind and body to a payload, None to end it."""

    def handle(connection: socket.socket) -> None:
        begin = b"SSH-2.0-sizes\r\n" + packet(kexinit((*lists, "", "")), padding=9)
        connection.sendall(begin[: split or len(begin)])
        connection.sendall(begin[split:] if split else b"")
        heard = connection.recv(65_536)
        while b"\r\n" not in heard:
            heard += connection.recv(65_536)
        heard = heard.partition(b"\r\n")[2]
        with contextlib.suppress(OSError):
            while True:
                while len(heard) < 5 or len(heard) < 4 + int.from_bytes(heard[:4]):
                    if not (chunk := connection.recv(65_536)):
                        return
                    heard += chunk
                length, padding = int.from_bytes(heard[:4]), heard[4]
                payload, heard = heard[5 : 4 + length - padding], heard[4 + length :]
                if payload[0] == 20:
                    continue
                if (said := reply(payload[0], payload[1:])) is None:
                    return
                connection.sendall(packet(b"\x02" + bytes(4)) + packet(said))

    return handle


def shows(blob: bytes, group: int = 2048) -> Reply:
    """Show a host key in each key exchange, and a prime of so many bits in a group exchange."""

    def reply(kind: int, _body: bytes) -> bytes | None:
        if kind == 34:
            return b"\x1f" + mpint((1 << group) - 1) + mpint(2)
        return bytes([33 if kind == 32 else 31]) + string(blob) + mpint(7) + string(b"signature")

    return reply


@pytest.mark.parametrize("bits", [512, 1024, 2048, 4096])
@pytest.mark.parametrize(
    "method",
    [
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group-exchange-sha256",
    ],
)
def test_the_size_of_an_rsa_host_key_is_read_in_each_key_exchange(method: str, bits: int) -> None:
    with serve(exchanging((method, *PLAIN[1:]), shows(rsa_blob(bits)))) as port:
        found = read(port)
    assert found.rsa_bits == bits
    assert not found.unmeasured


@pytest.mark.parametrize("name", ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"])
def test_each_algorithm_of_an_rsa_key_shows_it(name: str) -> None:
    lists = (PLAIN[0], f"ssh-ed25519,{name}", *PLAIN[2:])
    with serve(exchanging(lists, shows(rsa_blob(1024)), split=40)) as port:
        assert read(port).rsa_bits == 1024


@pytest.mark.parametrize("bits", [1024, 1536, 2048, 8192])
@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_the_size_of_the_group_that_a_server_gives_is_read(hash_name: str, bits: int) -> None:
    lists = (f"curve25519-sha256,diffie-hellman-group-exchange-{hash_name}", "ssh-ed25519", *PLAIN[2:])
    with serve(exchanging(lists, shows(b"", group=bits))) as port:
        found = read(port)
    assert (found.group_bits, found.rsa_bits) == (bits, None)
    assert not found.unmeasured


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda _kind, _body: None, "the server closed the connection in the key exchange"),
        (lambda _kind, _body: b"\x01" + bytes(12), "the server ended the key exchange"),
        (lambda _kind, _body: b"\x1f" + bytes(3), "a message ends too early"),
        (lambda _kind, _body: b"\x63", "message 99 instead of 31"),
    ],
)
def test_a_size_that_the_server_does_not_show_is_said_to_be_unknown(reply: Reply, why: str) -> None:
    lists = ("curve25519-sha256,diffie-hellman-group-exchange-sha256", *PLAIN[1:])
    with serve(exchanging(lists, reply)) as port:
        found = read(port)
    assert found.seen == {"kexinit"}
    assert (found.rsa_bits, found.group_bits) == (None, None)
    assert [words.partition(": ")[2] for words in found.unmeasured] == [why, why]


def test_a_host_key_of_another_kind_is_no_size_of_an_rsa_key() -> None:
    with serve(exchanging(PLAIN, shows(rsa_blob(1024, b"ssh-ed25519")))) as port:
        found = read(port)
    assert found.rsa_bits is None
    assert "another kind than RSA" in found.unmeasured[0]


def keyless(replies: Sequence[bytes | None]) -> tcp.Handler:
    """Name RSA beside another host key, and answer one key exchange after the other so; None closes the connection."""
    left = iter(replies)

    def reply(_kind: int, _body: bytes) -> bytes | None:
        blob = next(left)
        return None if blob is None else bytes([31]) + string(blob) + mpint(7) + string(b"signature")

    return exchanging((PLAIN[0], "ssh-ed25519,rsa-sha2-256,ssh-rsa", *PLAIN[2:]), reply)


ED25519 = string(b"ssh-ed25519") + string(bytes(32))


def test_a_server_that_names_rsa_without_a_key_for_it_has_nothing_to_measure() -> None:
    with serve(keyless((None, ED25519, None))) as port:
        found = read(port)
    assert (found.rsa_bits, found.unmeasured) == (None, ())


@pytest.mark.parametrize(
    "replies", [(None, None, None), (None, ED25519, ED25519), (None, rsa_blob(1024), None)], ids=["mute", "once", "rsa"]
)
def test_an_exchange_that_ended_once_or_without_a_control_does_not_show_that_there_is_no_key(
    replies: Sequence[bytes | None],
) -> None:
    with serve(keyless(replies)) as port:
        found = read(port)
    assert found.rsa_bits is None
    assert "closed the connection in the key exchange" in found.unmeasured[0]


def test_a_server_without_rsa_and_group_exchange_has_nothing_to_measure() -> None:
    with serve(exchanging((PLAIN[0], "ssh-ed25519", *PLAIN[2:]), shows(b""))) as port:
        found = read(port)
    assert (found.rsa_bits, found.group_bits, found.unmeasured) == (None, None, ())


@pytest.mark.parametrize("banner", [b"SSH-1.5-old\n", b"SSH-1.3-older\r\n"])
def test_a_server_of_protocol_1_alone_offers_nothing_else(banner: bytes) -> None:
    with serve(says(banner + bytes(60))) as port:
        found = read(port)
    assert found.conclusive
    assert {found.kex, found.host_key, found.cipher, found.mac} == {(PROTOCOL_1,)}


def test_a_server_of_both_protocols_offers_protocol_1_as_well() -> None:
    with serve(says(b"SSH-1.99-both\r\n" + packet(kexinit()))) as port:
        found = read(port)
    assert found.kex == (*OLD[0].split(","), PROTOCOL_1)
    assert PROTOCOL_1 not in found.cipher


def test_a_notice_of_long_lines_before_the_identification_hides_nothing() -> None:
    notice = b"This system is for authorised use only. " * 9 + b"\r\n"
    with serve(says(60 * notice + b"SSH-2.0-old\n" + packet(kexinit()))) as port:
        assert read(port).banner == "SSH-2.0-old"
