"""Malformed TLS: records, handshake messages and extensions whose lengths lie (RFC 8446, RFC 5246)."""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import NOT_UTF8, Message, mutations

_ALERT, _CHANGE, _HANDSHAKE, _DATA, _HEARTBEAT = 21, 20, 22, 23, 24
_RECORDS = "RFC 8446 clause 5.1, records of up to 2^14 octets"
_HANDSHAKES = "RFC 8446 clause 4, the length of a handshake message"
_VECTORS = "RFC 8446 clause 3.4, vectors"
_EXTENSIONS = "RFC 8446 clause 4.2, extensions"
_SUITES = struct.pack("!6H", 0x1301, 0x1302, 0xC02B, 0xC02F, 0xC02C, 0xC030)


def tls(random: Random) -> Iterator[Message]:
    """Yield the streams that are named."""
    yield from _records()
    yield from _handshakes()
    yield from _hellos()
    yield from _extensions()
    yield Message(
        "noise", b"\x16\x03\x01\x02\x00" + random.randbytes(512), "random octets from the seed, in one record"
    )


def tls_mutations(random: Random) -> Iterator[Message]:
    """Yield valid ClientHellos that were changed, without end."""
    return mutations((_record(_hello()), _record(_hello(extensions=_usual(b"device")))), random, 20_000)


def _record(data: bytes, kind: int = _HANDSHAKE, length: int | None = None, version: int = 0x0301) -> bytes:
    return struct.pack("!BHH", kind, version, len(data) if length is None else length) + data


def _message(kind: int, body: bytes, length: int | None = None) -> bytes:
    return bytes([kind]) + (len(body) if length is None else length).to_bytes(3, "big") + body


def _vector(data: bytes, size: int, length: int | None = None) -> bytes:
    return (len(data) if length is None else length).to_bytes(size, "big") + data


def _extension(kind: int, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!H", kind) + _vector(data, 2, length)


def _usual(name: bytes) -> bytes:
    """Return the extensions that a server needs to answer: names, groups, signatures, versions, a key share."""
    share = struct.pack("!H", 29) + _vector(b"\x09" + b"\x00" * 31, 2)
    return b"".join(
        (
            _extension(0, _vector(b"\x00" + _vector(name, 2), 2)),
            _extension(10, _vector(struct.pack("!3H", 29, 23, 24), 2)),
            _extension(11, _vector(b"\x00", 1)),
            _extension(13, _vector(struct.pack("!5H", 0x0403, 0x0804, 0x0401, 0x0503, 0x0805), 2)),
            _extension(43, _vector(struct.pack("!2H", 0x0304, 0x0303), 1)),
            _extension(51, _vector(share, 2)),
        )
    )


def _hello(
    *, session: bytes = b"", suites: bytes = _SUITES, compression: bytes = b"\x01\x00", extensions: bytes | None = None
) -> bytes:
    given = _usual(b"device") if extensions is None else extensions
    body = b"\x03\x03" + bytes(range(32)) + _vector(session, 1) + _vector(suites, 2) + compression + _vector(given, 2)
    return _message(1, body)


def _records() -> Iterator[Message]:
    yield Message("zeros", b"\x00" * 1_024, _RECORDS)
    yield Message("ones", b"\xff" * 1_024, _RECORDS)
    yield Message("record_empty", _record(b"") * 64, _RECORDS)
    yield Message("record_65535", _record(b"\x01" * 65_535), _RECORDS)
    yield Message("record_length_65535", _record(_hello(), length=0xFFFF), _RECORDS)
    yield Message("record_length_short", _record(_hello(), length=6), _RECORDS)
    yield Message("record_cut_off", _record(_hello())[:40], _RECORDS)
    yield Message("record_header_cut_off", b"\x16\x03\x01", _RECORDS)
    yield Message("record_kind_unknown", _record(_hello(), kind=99), _RECORDS)
    yield Message("record_version_zero", _record(_hello(), version=0), _RECORDS)
    yield Message("record_version_ones", _record(_hello(), version=0xFFFF), _RECORDS)
    yield Message("data_before_handshake", _record(b"GET / HTTP/1.0\r\n\r\n", kind=_DATA), "RFC 8446 clause 5.1")
    yield Message("change_before_handshake", _record(b"\x01", kind=_CHANGE) * 64, "RFC 8446 clause 5; CVE-2014-0224")
    yield Message("alerts", _record(b"\x01\x5a", kind=_ALERT) * 500, "RFC 8446 clause 6; CVE-2016-8610")
    yield Message("alert_of_one_octet", _record(b"\x01", kind=_ALERT), "RFC 8446 clause 6")
    yield Message("heartbeat", _record(b"\x01\xff\xff", kind=_HEARTBEAT), "RFC 6520 clause 4; CVE-2014-0160")
    yield Message("one_octet_a_record", b"".join(_record(bytes([one])) for one in _hello()), "RFC 8446 clause 5.1")
    yield Message(
        "sslv2_hello", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\xff" * 37, "RFC 5246 appendix E.2"
    )
    yield Message(
        "sslv2_length", b"\xff\xff\x01\x03\x01\xff\xff\xff\xff\xff\xff" + b"\x00" * 64, "RFC 5246 appendix E.2"
    )
    yield Message("plain_http", b"GET / HTTP/1.1\r\nHost: device\r\n\r\n", "another protocol on the port")


def _handshakes() -> Iterator[Message]:
    whole = _hello()
    yield Message("handshake_length_ones", _record(_message(1, whole[4:], 0xFFFFFF)), _HANDSHAKES)
    yield Message("handshake_length_zero", _record(_message(1, whole[4:], 0)), _HANDSHAKES)
    yield Message("handshake_length_short", _record(_message(1, whole[4:], 16)), _HANDSHAKES)
    yield Message("handshake_without_body", _record(b"\x01"), _HANDSHAKES)
    yield Message(
        "hello_of_100000", b"".join(_record(b"\x01\x01\x86\xa0" + b"\x00" * 16_000) for _ in range(6)), _HANDSHAKES
    )
    yield Message("hello_twice", _record(whole) * 2, "RFC 8446 clause 4.1.2")
    yield Message("finished_first", _record(_message(20, b"\x00" * 12)), "RFC 8446 clause 4, the order of messages")
    yield Message("certificate_first", _record(_message(11, b"\xff\xff\xff" * 3)), "RFC 8446 clause 4.4.2")
    yield Message("key_exchange_first", _record(_message(16, b"\xff\xff")), "RFC 5246 clause 7.4.7")
    yield Message("key_update_first", _record(_message(24, b"\x01")) * 32, "RFC 8446 clause 4.6.3")
    yield Message("server_hello", _record(_message(2, whole[4:])), "RFC 8446 clause 4.1.3, from a client")
    yield Message("message_unknown", _record(_message(255, b"\x00" * 64)), "RFC 8446 clause 4")


def _hellos() -> Iterator[Message]:
    yield Message("session_of_255", _record(_hello(session=b"\xaa" * 255)), "RFC 8446 clause 4.1.2, of up to 32 octets")
    yield Message("no_suites", _record(_hello(suites=b"")), _VECTORS)
    yield Message("suites_odd", _record(_hello(suites=_SUITES + b"\x13")), _VECTORS)
    yield Message("suites_32766", _record(_hello(suites=b"\x0a\x0a" * 8_000)), _VECTORS)
    yield Message("no_compression", _record(_hello(compression=b"\x00")), _VECTORS)
    yield Message("compression_255", _record(_hello(compression=b"\xff" + b"\x01" * 255)), _VECTORS)
    cut = b"\x03\x03" + bytes(range(32))
    yield Message("session_beyond_end", _record(_message(1, cut + b"\xff")), _VECTORS)
    yield Message("suites_beyond_end", _record(_message(1, cut + b"\x00\xff\xff\x13\x01")), _VECTORS)
    yield Message("octets_left_over", _record(_message(1, _hello()[4:] + b"\x00" * 64)), _VECTORS)


def _extensions() -> Iterator[Message]:
    for name, extensions in (
        ("extension_beyond_end", _extension(0, b"\x00", 0xFFFF)),
        ("extension_cut_off", b"\x00\x0a\x00"),
        ("extension_twice", _usual(b"device") * 2),
        ("extensions_1000", b"".join(_extension(0x5000 + number, b"") for number in range(1_000)) + _usual(b"device")),
        ("extension_of_16000", _extension(21, b"\x00" * 15_000) + _usual(b"device")),
        ("name_empty", _usual(b"")),
        ("name_of_10000", _usual(b"a" * 10_000)),
        ("name_with_zero", _usual(b"device\x00.example")),
        ("name_not_utf8", _usual(NOT_UTF8)),
        ("name_list_beyond_end", _extension(0, b"\xff\xff\x00\x00\x01a") + _usual(b"device")[11:]),
        ("groups_odd", _extension(10, b"\x00\x03\x00\x1d\x00")),
        ("groups_beyond_end", _extension(10, b"\xff\xff\x00\x1d")),
        ("signatures_empty", _extension(13, b"\x00\x00") + _extension(43, b"\x02\x03\x04")),
        ("versions_odd", _extension(43, b"\x03\x03\x04\x03")),
        ("share_of_nothing", _usual(b"device") + _extension(51, b"\x00\x04\x00\x1d\x00\x00")),
        ("share_beyond_end", _extension(43, b"\x02\x03\x04") + _extension(51, b"\xff\xff\x00\x1d\xff\xff")),
        ("key_shared_before", _extension(41, b"\xff\xff\x00\x00") + _usual(b"device")),
        ("ticket_of_noise", _extension(35, b"\xa5" * 1_000) + _usual(b"device")),
        ("status_request", _extension(5, b"\x01\xff\xff\xff\xff") + _usual(b"device")),
        ("protocols_of_zeros", _extension(16, b"\x00\x04\x00\x00\x00\x00") + _usual(b"device")),
        ("renegotiation", _extension(0xFF01, b"\xff" + b"\x00" * 255) + _usual(b"device")),
    ):
        yield Message(name, _record(_hello(extensions=extensions)), _EXTENSIONS)
