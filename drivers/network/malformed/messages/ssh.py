"""Malformed SSH before a login: identifications, packet lengths, padding and KEXINIT lists that lie (RFC 4253).

Names of users and passwords are sent nowhere: no message counts as a failed login.
"""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_IDENTIFICATION = b"SSH-2.0-trustprobe\r\n"
_LINE = "RFC 4253 clause 4.2, the identification"
_PACKET = "RFC 4253 clause 6, the binary packet"
_LISTS = "RFC 4253 clause 7.1, KEXINIT; RFC 4251 clause 5, name-lists"
_ORDER = "RFC 4253 clause 7, the order of messages"
_NAMES = (
    b"curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group16-sha512",
    b"ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256",
    *2 * (b"aes128-ctr,aes256-ctr,chacha20-poly1305@openssh.com",),
    *2 * (b"hmac-sha2-256,hmac-sha2-512",),
    *2 * (b"none",),
    *2 * (b"",),
)


def ssh(random: Random) -> Iterator[Message]:
    """Yield the streams that are named."""
    yield from _identifications()
    yield from _packets()
    yield from _kexinits()
    yield from _messages()
    yield Message(
        "noise", _IDENTIFICATION + random.randbytes(1_024), "random octets from the seed after the identification"
    )


def ssh_mutations(random: Random) -> Iterator[Message]:
    """Yield valid beginnings that were changed, without end."""
    return mutations((_IDENTIFICATION + _packet(_kexinit()), _stream(_kexinit(), _exchange())), random, 40_000)


def _stream(*payloads: bytes) -> bytes:
    return _IDENTIFICATION + b"".join(_packet(payload) for payload in payloads)


def _packet(payload: bytes, *, length: int | None = None, padding: int | None = None) -> bytes:
    fill = 8 - (5 + len(payload)) % 8 + 4
    right = 1 + len(payload) + fill
    head = struct.pack("!IB", right if length is None else length, fill if padding is None else padding)
    return head + payload + b"\x00" * fill


def _string(data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!I", len(data) if length is None else length) + data


def _kexinit(lists: tuple[bytes, ...] = _NAMES, last: bytes = b"\x00" * 5) -> bytes:
    return b"\x14" + bytes(range(16)) + b"".join(_string(names) for names in lists) + last


def _exchange(key: bytes = b"\x09" + b"\x00" * 31) -> bytes:
    return b"\x1e" + _string(key)


def _identifications() -> Iterator[Message]:
    yield Message("zeros", b"\x00" * 1_024, _LINE)
    yield Message("ones", b"\xff" * 1_024, _LINE)
    yield Message("line_without_end", b"SSH-2.0-" + b"A" * 32_768, _LINE)
    yield Message("line_of_4000", b"SSH-2.0-" + b"A" * 4_000 + b"\r\n", _LINE)
    yield Message("many_lines_before", b"hello\r\n" * 4_000 + _IDENTIFICATION, _LINE)
    yield Message("version_1", b"SSH-1.5-old\r\n", _LINE)
    yield Message("version_overflow", b"SSH-4294967296.99999999999-x\r\n", _LINE)
    yield Message("no_software", b"SSH-2.0\r\n", _LINE)
    yield Message("only_dashes", b"SSH-" + b"-" * 512 + b"\r\n", _LINE)
    yield Message("software_format", b"SSH-2.0-" + FORMATS + b"\r\n", "CWE-134")
    yield Message("software_not_utf8", b"SSH-2.0-" + NOT_UTF8 + b"\r\n", _LINE)
    yield Message("zero_within_line", b"SSH-2.0-a\x00b\r\n", _LINE)
    yield Message("only_line_ends", b"\r\n" * 4_000, _LINE)
    yield Message("plain_http", b"GET / HTTP/1.1\r\nHost: device\r\n\r\n", "another protocol on the port")


def _packets() -> Iterator[Message]:
    whole = _kexinit()
    for name, length in (
        ("length_ones", 0xFFFFFFFF),
        ("length_negative", 0x80000000),
        ("length_35001", 35_001),
        ("length_256_mib", 0x10000000),
        ("length_zero", 0),
        ("length_1", 1),
        ("length_odd", len(whole) + 4),
    ):
        yield Message(name, _IDENTIFICATION + _packet(whole, length=length), _PACKET)
    yield Message("padding_255", _IDENTIFICATION + _packet(b"\x02", padding=255), _PACKET)
    yield Message("padding_zero", _IDENTIFICATION + _packet(whole, padding=0), _PACKET)
    yield Message("packet_empty", _IDENTIFICATION + struct.pack("!IB", 12, 11) + b"\x00" * 11, _PACKET)
    yield Message("packet_cut_off", _IDENTIFICATION + _packet(whole)[:100], _PACKET)
    yield Message("packet_of_100000", _IDENTIFICATION + _packet(b"\x02" + b"\x00" * 100_000), _PACKET)
    yield Message(
        "many_packets", _stream(*(b"\x02" + _string(b"x") for _ in range(2_000))), "RFC 4253 clause 11.2, IGNORE"
    )


def _kexinits() -> Iterator[Message]:
    yield Message("kexinit_cookie_cut_off", _stream(b"\x14" + b"\x00" * 8), _LISTS)
    yield Message("list_length_ones", _stream(b"\x14" + bytes(16) + _string(b"a", 0xFFFFFFFF)), _LISTS)
    yield Message("list_length_negative", _stream(b"\x14" + bytes(16) + _string(b"a", 0x80000000)), _LISTS)
    yield Message("list_beyond_end", _stream(_kexinit()[:60]), _LISTS)
    yield Message("lists_empty", _stream(_kexinit((b"",) * 10)), _LISTS)
    yield Message("list_of_commas", _stream(_kexinit((b"," * 20_000, *_NAMES[1:]))), _LISTS)
    yield Message("long_name", _stream(_kexinit((b"a" * 30_000, *_NAMES[1:]))), _LISTS)
    yield Message("many_names", _stream(_kexinit((b"a," * 15_000 + b"a", *_NAMES[1:]))), _LISTS)
    yield Message("names_not_ascii", _stream(_kexinit((NOT_UTF8 * 8, *_NAMES[1:]))), "RFC 4251 clause 6, names")
    yield Message("names_with_zeros", _stream(_kexinit((b"\x00" * 64, *_NAMES[1:]))), "RFC 4251 clause 6, names")
    yield Message("names_format", _stream(_kexinit((FORMATS, *_NAMES[1:]))), "CWE-134")
    yield Message("first_packet_follows", _stream(_kexinit(last=b"\x01" + b"\xff" * 4), b"\x1e"), _LISTS)
    yield Message("octets_left_over", _stream(_kexinit(last=b"\x00" * 600)), _LISTS)
    yield Message("kexinit_many_times", _stream(*(_kexinit() for _ in range(60))), _ORDER)


def _messages() -> Iterator[Message]:
    order = (
        ("newkeys_first", b"\x15"),
        ("service_first", b"\x05" + _string(b"ssh-userauth")),
        ("channel_first", b"\x5a"),
    )
    for name, payload in order:
        yield Message(name, _stream(payload), _ORDER)
    yield Message("newkeys_after_kexinit", _stream(_kexinit(), b"\x15"), _ORDER)
    yield Message("message_zero", _stream(b"\x00" * 16), _ORDER)
    yield Message("message_255", _stream(_kexinit(), b"\xff" * 64), _ORDER)
    yield Message("disconnect_cut_off", _stream(b"\x01\x00"), "RFC 4253 clause 11.1")
    disconnect = b"\x01" + b"\xff" * 4 + _string(b"x", 0xFFFFFFFF)
    yield Message("disconnect_length", _stream(disconnect), "RFC 4253 clause 11.1")
    yield Message("debug_length", _stream(b"\x04\x01" + _string(b"x", 0xFFFFFFF0)), "RFC 4253 clause 11.3")
    for name, key in (
        ("empty", b""),
        ("short", b"\x01"),
        ("zeros", b"\x00" * 32),
        ("long", b"\x04" + b"\xff" * 20_000),
    ):
        yield Message(f"key_{name}", _stream(_kexinit(), _exchange(key)), "RFC 8731 clause 3, keys that are not points")
    yield Message("key_length_ones", _stream(_kexinit(), b"\x1e" + _string(b"\x09", 0xFFFFFFFF)), "RFC 4251 clause 5")
    yield Message("key_missing", _stream(_kexinit(), b"\x1e"), "RFC 4253 clause 8")
