"""The identification, the packets and the KEXINIT of SSH as bytes, and hostile ones."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.logins.ssh_kexinit import (
    MAX_LINE,
    MAX_NOTICE,
    Disconnect,
    Kexinit,
    SshDecodeError,
    decode_kexinit,
    decode_packets,
    encode_kexinit,
    split_identification,
)
from tests.drivers.network.logins.ssh_bytes import OLD, kexinit, packet

NOTICES = {
    "nothing": b"",
    "a long line": b"This system is for authorised use only. " * 9 + b"\r\n",
    "a line of 8 KiB": b"x" * 8_192 + b"\n",
    "1,000 lines": b"line\r\n" * 1_000,
    "empty lines": b"\r\n\n\n",
    "a line that names SSH": b"Welcome to SSH-2.0-fake\r\n",
    "bytes that are no text": bytes(range(128, 256)) + b"\n",
}


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_any_lines_may_come_before_the_identification(notice: str, end: bytes) -> None:
    data = NOTICES[notice] + b"SSH-2.0-box_1.0 with words" + end
    assert split_identification(data + b"rest") == (b"SSH-2.0-box_1.0 with words", b"rest")
    assert split_identification(data[: -len(end)]) is None


@pytest.mark.parametrize("data", [b"SSH-2.0-" + b"x" * (MAX_LINE + 1), b"no\n" * MAX_NOTICE, b"n" * (MAX_NOTICE + 1)])
def test_what_has_no_identification_in_so_many_bytes_is_an_error(data: bytes) -> None:
    with pytest.raises(SshDecodeError):
        split_identification(data)


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
