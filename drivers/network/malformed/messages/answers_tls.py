"""Malformed answers of a TLS server to a client of the device: records, ServerHello, Certificate (RFC 5246, 8446)."""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import Message, mutations

_RECORDS = "RFC 8446 clause 5.1, records"
_HELLO = "RFC 8446 clause 4.1.3, ServerHello (CWE-125)"
_CHAIN = "RFC 5246 clause 7.4.2, Certificate (CWE-130)"
_ALERTS = "RFC 8446 clause 6, alerts"
_ORDER = "RFC 5246 clause 7.3, the order of messages"
_HANDSHAKE, _ALERT, _CHANGE, _DATA, _HEARTBEAT = 22, 21, 20, 23, 24


def tls_answers(random: Random) -> Iterator[Message]:
    """Yield the named answers to a ClientHello. Those that are most likely to do damage come first."""
    yield Message("no_tls", b"HTTP/1.1 400 Bad Request\r\n\r\n", "another protocol on the port")
    yield Message("record_of_65535", _record(_HANDSHAKE, b"\x02" * 4_096, 0xFFFF), _RECORDS)
    yield Message("hello_of_16_mib", _record(_HANDSHAKE, b"\x02\xff\xff\xff" + bytes(64)), _HELLO)
    yield Message("session_of_255", _hello(session=b"\xff" + b"s" * 255), f"{_HELLO}; CVE-2014-3466")
    yield Message("chain_of_16_mib", _hello() + _message(11, b"\xff\xff\xff" + b"\x30" * 64), _CHAIN)
    yield Message("certificate_noise", _hello() + _certificate(random.randbytes(900)), _CHAIN)
    yield Message(
        "certificate_depth", _hello() + _certificate(b"\x30\x82\x0f\xff" * 1_000), "X.690 clause 8.1.3 (CWE-674)"
    )
    yield Message("zeros", bytes(512), _RECORDS)
    yield Message("ones", b"\xff" * 512, _RECORDS)
    yield from _hellos()
    yield from _chains()
    yield Message("alert_of_1", _record(_ALERT, b"\x02"), _ALERTS)
    yield Message("alert_unknown", _record(_ALERT, b"\xff\xff"), _ALERTS)
    yield Message("warnings_many", _record(_ALERT, b"\x01\x5a") * 4_000, "CVE-2016-8610, endless warnings")
    yield Message("records_empty", _record(_HANDSHAKE, b"") * 4_000, "RFC 8446 clause 5.1 (CWE-835)")
    yield Message("requests_many", _message(0, b"") * 2_000, "RFC 5246 clause 7.4.1.1, HelloRequest")
    yield Message("change_first", _record(_CHANGE, b"\x01"), f"{_ORDER}; CVE-2014-0224")
    yield Message("data_first", _record(_DATA, b"hello"), _ORDER)
    yield Message("heartbeat", _record(_HEARTBEAT, b"\x01\xff\xff" + b"x"), "CVE-2014-0160, against a client")
    yield Message("retry_twice", _hello(nonce=_RETRY) * 2, "RFC 8446 clause 4.1.4, HelloRetryRequest")
    yield Message("done_without_chain", _hello() + _message(14, b""), _ORDER)
    yield Message("finished_first", _message(20, bytes(12)), _ORDER)
    yield Message("version_2", b"\x80\x2e\x04\x00\x01\x00\x02" + bytes(40), "SSLv2 SERVER-HELLO, unsolicited")
    yield Message("noise", _record(_HANDSHAKE, random.randbytes(512)), "random octets from the seed")


def tls_answer_changes(random: Random) -> Iterator[Message]:
    """Yield valid beginnings that were changed, without end."""
    return mutations((_hello(), _hello() + _certificate(b"\x30\x03\x02\x01\x01") + _message(14, b"")), random, 16_000)


_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def _record(kind: int, data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(data) if length is None else length) + data


def _message(kind: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return _record(_HANDSHAKE, bytes([kind]) + size.to_bytes(3, "big") + body)


def _hello(
    *,
    version: int = 0x0303,
    nonce: bytes = bytes(range(32)),
    session: bytes = b"\x00",
    suite: int = 0xC02F,
    compression: int = 0,
    extensions: bytes = b"\x00\x00",
) -> bytes:
    body = struct.pack("!H", version) + nonce + session + struct.pack("!HB", suite, compression) + extensions
    return _message(2, body)


def _certificate(*certificates: bytes) -> bytes:
    chain = b"".join(len(one).to_bytes(3, "big") + one for one in certificates)
    return _message(11, len(chain).to_bytes(3, "big") + chain)


def _hellos() -> Iterator[Message]:
    whole = _hello()
    for octets in (1, 5, 9, 20, 43):
        yield Message(f"hello_cut_off_at_{octets}", whole[:octets], _HELLO)
    yield Message("hello_short", _message(2, b"\x03\x03" + bytes(10)), _HELLO)
    yield Message("hello_left_over", _message(2, whole[9:] + b"\xff" * 600), _HELLO)
    for version in (0x0000, 0x0200, 0x0300, 0x0304, 0xFFFF):
        yield Message(f"version_{version:04x}", _hello(version=version), _HELLO)
    yield Message("session_beyond_end", _hello(session=b"\x20abc"), _HELLO)
    for suite in (0x0000, 0x0001, 0x1301, 0x5600, 0xFFFF):
        yield Message(
            f"suite_{suite:04x}", _hello(suite=suite), "RFC 5246 clause 7.4.1.3, a suite that was not offered"
        )
    yield Message("compression_255", _hello(compression=255), _HELLO)
    for name, data in (
        ("beyond_end", b"\xff\xff\x00\x00"),
        ("of_65535", b"\x00\x04\x00\x0b\xff\xff"),
        ("twice", b"\x00\x08" + b"\xff\x01\x00\x00" * 2),
        ("renegotiation", b"\x00\x05\xff\x01\x00\x01\xff"),
        ("protocols_empty", b"\x00\x06\x00\x10\x00\x02\x00\x00"),
        ("key_share_cut_off", b"\x00\x06\x00\x33\x00\x02\x00\x1d"),
        ("many", b"\x27\x10" + b"\x7a\x7a\x00\x00" * 2_500),
    ):
        yield Message(f"extension_{name}", _hello(extensions=data), "RFC 8446 clause 4.2, extensions")


def _chains() -> Iterator[Message]:
    hello = _hello()
    yield Message("chain_empty", hello + _certificate(), _CHAIN)
    yield Message("certificate_empty", hello + _certificate(b""), _CHAIN)
    yield Message("certificate_beyond_end", hello + _message(11, b"\x00\x00\x06\xff\xff\xff\x30\x82\xff"), _CHAIN)
    yield Message("certificates_many", hello + _certificate(*(b"\x30\x03\x02\x01\x01",) * 1_500), _CHAIN)
    yield Message(
        "certificate_indefinite", hello + _certificate(b"\x30\x80" * 400 + b"\x00\x00" * 400), "X.690 8.1.3.6"
    )
    yield Message(
        "certificate_length_of_127", hello + _certificate(b"\x30\xff" + b"\xff" * 127), "X.690 clause 8.1.3.5"
    )
    exchange = _message(12, b"\x03\x00\x1d\xff" + b"k" * 255)
    yield Message("exchange_first", hello + exchange, "RFC 8422 clause 5.4, ServerKeyExchange")
