"""Malformed Modbus, WebSocket and TFTP: lengths and functions that lie (Modbus over TCP 1.0b, RFC 6455, RFC 1350).

Nothing writes: no message of Modbus has a function that sets a coil or a register.
"""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_MBAP = "MODBUS Messaging on TCP/IP 1.0b clause 3.1.3, the header"
_PDU = "MODBUS Application Protocol 1.1b3 clause 6, functions"
_FRAMES = "RFC 6455 clause 5.2, frames"
_TFTP = "RFC 1350 clause 5; RFC 2347, options"
_WRITES = frozenset({5, 6, 15, 16, 21, 22, 23})


def modbus(random: Random) -> Iterator[Message]:
    """Yield the Modbus requests that are named."""
    read = b"\x03\x00\x00\x00\x01"
    for name, data, origin in (
        ("length_0", _adu(read, length=0), _MBAP),
        ("length_1", _adu(read, length=1), _MBAP),
        ("length_65535", _adu(read, length=0xFFFF), f"{_MBAP}; CVE-2019-14462"),
        ("length_short", _adu(read, length=3), _MBAP),
        ("length_of_255", _adu(b"\x03" + b"\x00" * 254), _MBAP),
        ("protocol_65535", _adu(read, protocol=0xFFFF), _MBAP),
        ("unit_255", _adu(read, unit=0xFF), _MBAP),
        ("header_cut_off", _adu(read)[:5], _MBAP),
        ("function_missing", _adu(b""), _PDU),
        ("function_0", _adu(b"\x00\x00\x00\x00\x01"), _PDU),
        ("function_127", _adu(b"\x7f\x00\x00\x00\x01"), _PDU),
        ("function_error", _adu(b"\x83\x02"), _PDU),
        ("count_0", _adu(b"\x03\x00\x00\x00\x00"), "clause 6.3, a quantity of 1 to 125"),
        ("count_126", _adu(b"\x03\x00\x00\x00\x7e"), "clause 6.3, a quantity of 1 to 125; CVE-2019-14463"),
        ("count_65535", _adu(b"\x03\x00\x00\xff\xff"), "clause 6.3, a quantity of 1 to 125"),
        ("address_overflow", _adu(b"\x03\xff\xff\x00\x02"), "clause 6.3, beyond the last register (CWE-190)"),
        ("coils_65535", _adu(b"\x01\x00\x00\xff\xff"), "clause 6.1, a quantity of 1 to 2000"),
        ("inputs_2001", _adu(b"\x02\x00\x00\x07\xd1"), "clause 6.2"),
        ("request_cut_off", _adu(b"\x03\x00"), _PDU),
        ("request_left_over", _adu(read + b"\xff" * 200), _PDU),
        ("file_length_255", _adu(b"\x14\xff" + b"\x06\x00\x00\x00\x00\xff\xff"), "clause 6.14, file records"),
        ("file_length_0", _adu(b"\x14\x00"), "clause 6.14, file records"),
        ("file_type", _adu(b"\x14\x07\xff" + b"\xff" * 6), "clause 6.14, file records"),
        ("queue", _adu(b"\x18\xff\xff"), "clause 6.18, a queue"),
        ("diagnosis_65535", _adu(b"\x08\xff\xff\xff\xff"), "clause 6.8, an unknown sub-function"),
        ("identity_255", _adu(b"\x2b\x0e\xff\xff"), "clause 6.21, device identification"),
        ("transport_255", _adu(b"\x2b\xff" + b"\xff" * 100), "clause 6.19"),
        ("pipelined", _adu(read) * 2_000, "clause 4.2, requests without waiting for answers"),
        ("zeros", bytes(512), _MBAP),
        ("ones", b"\xff" * 512, _MBAP),
    ):
        yield Message(name, data, origin)
    yield Message(
        "noise", _adu(b"\x41" + random.randbytes(200)), "random octets from the seed, for an unassigned function"
    )


def modbus_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end; what has become a write is left out."""
    valid = (_adu(b"\x03\x00\x00\x00\x01"), _adu(b"\x01\x00\x00\x00\x08"), _adu(b"\x2b\x0e\x01\x00"))
    for message in mutations(valid, random, 260):
        if not _WRITES.intersection(message.data):
            yield message


def _adu(pdu: bytes, *, length: int | None = None, protocol: int = 0, unit: int = 1) -> bytes:
    return struct.pack("!HHHB", 0x7470, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


def websocket(random: Random) -> Iterator[Message]:
    """Yield the named streams: an upgrade, and frames after it."""
    for name, frames in (
        ("length_63_bit", b"\x82\xff\x7f" + b"\xff" * 7 + bytes(4)),
        ("length_64_bit", b"\x82\xff\xff" + b"\xff" * 7 + bytes(4)),
        ("length_beyond_end", b"\x82\xfe\xff\xff" + bytes(4) + b"x" * 64),
        ("length_not_short", b"\x82\xfe\x00\x01" + bytes(4) + b"x"),
        ("length_cut_off", b"\x82\xff\x00"),
        ("mask_missing", b"\x81\x05hello"),
        ("reserved_bits", _frame(0xF1, b"hello")),
        ("code_reserved", _frame(0x83, b"hello") + _frame(0x8F, b"hello")),
        ("control_long", b"\x89\xfe\x00\x7e" + bytes(4) + b"x" * 126),
        ("control_in_parts", _frame(0x09, b"a")),
        ("continuation_first", _frame(0x80, b"a")),
        ("parts_many", _frame(0x01, b"a") + _frame(0x00, b"b") * 8_000),
        ("parts_mixed", _frame(0x01, b"a") + _frame(0x02, b"b")),
        ("parts_empty", _frame(0x01, b"") + _frame(0x00, b"") * 8_000),
        ("text_not_utf8", _frame(0x81, NOT_UTF8)),
        ("text_format", _frame(0x81, FORMATS)),
        ("text_deep", _frame(0x81, b"[" * 20_000)),
        ("close_of_1", _frame(0x88, b"\x03")),
        ("close_code_0", _frame(0x88, b"\x00\x00")),
        ("close_not_utf8", _frame(0x88, b"\x03\xe8" + NOT_UTF8)),
        ("data_after_close", _frame(0x88, b"\x03\xe8") + _frame(0x81, b"a") * 100),
        ("pings_many", _frame(0x89, b"a" * 125) * 500),
        ("pongs_unasked", _frame(0x8A, b"a") * 500),
        ("compressed_wrong", _frame(0xC1, b"\xff" * 64)),
        ("zeros", bytes(512)),
        ("ones", b"\xff" * 512),
        ("noise", random.randbytes(512)),
    ):
        yield Message(name, _upgrade() + frames, _FRAMES)
    for name, upgrade in (
        ("key_short", _upgrade(b"YQ==")),
        ("key_long", _upgrade(b"A" * 8_000)),
        ("key_no_base64", _upgrade(b"\xff\x00!")),
        ("version_overflow", _upgrade().replace(b"Version: 13", b"Version: 4294967309")),
        ("extensions_many", _upgrade(more=b"Sec-WebSocket-Extensions: " + b"a;b=c," * 2_000 + b"d\r\n")),
    ):
        yield Message(f"upgrade_{name}", upgrade, "RFC 6455 clause 4.2.1, the handshake")


def websocket_mutations(random: Random) -> Iterator[Message]:
    """Yield changed valid frames, endlessly, after an upgrade."""
    for message in mutations((_frame(0x81, b'{"a": 1}'), _frame(0x01, b"a") + _frame(0x80, b"b")), random, 16_000):
        yield Message(message.name, _upgrade() + message.data, message.origin)


def _upgrade(key: bytes = b"dHJ1c3Rwcm9iZSBrZXkuLg==", more: bytes = b"") -> bytes:
    return (
        b"GET /ws HTTP/1.1\r\nHost: device\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n" % (key, more)
    )


def _frame(first: int, data: bytes) -> bytes:
    """Return a masked frame; the mask is zero, so that the octets stay as they are."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([first]) + length + bytes(4) + data


def tftp(random: Random) -> Iterator[Message]:
    """Yield the TFTP datagrams that are named; none asks to write."""
    for name, data in (
        ("one_octet", b"\x00"),
        ("operation_0", b"\x00\x00a\x00octet\x00"),
        ("operation_65535", b"\xff\xff" * 8),
        ("name_without_end", b"\x00\x01" + b"A" * 500),
        ("name_long", b"\x00\x01" + b"A" * 1_200 + b"\x00octet\x00"),
        ("name_format", b"\x00\x01" + FORMATS + b"\x00octet\x00"),
        ("name_not_utf8", b"\x00\x01" + NOT_UTF8 + b"\x00octet\x00"),
        ("name_traversal", b"\x00\x01" + b"../" * 64 + b"etc/passwd\x00octet\x00"),
        ("name_empty", b"\x00\x01\x00\x00"),
        ("mode_missing", b"\x00\x01tp\x00"),
        ("mode_long", b"\x00\x01tp\x00" + b"A" * 1_200 + b"\x00"),
        ("mode_without_end", b"\x00\x01tp\x00octet"),
        ("block_size_0", b"\x00\x01tp\x00octet\x00blksize\x000\x00"),
        ("block_size_overflow", b"\x00\x01tp\x00octet\x00blksize\x0099999999999\x00"),
        ("block_size_negative", b"\x00\x01tp\x00octet\x00blksize\x00-1\x00"),
        ("window_overflow", b"\x00\x01tp\x00octet\x00windowsize\x0065536\x00"),
        ("option_cut_off", b"\x00\x01tp\x00octet\x00blksize"),
        ("options_many", b"\x00\x01tp\x00octet\x00" + b"a\x00b\x00" * 300),
        ("data_unasked", b"\x00\x03\x00\x01" + b"x" * 512),
        ("acknowledged_unasked", b"\x00\x04\xff\xff"),
        ("error_without_end", b"\x00\x05\xff\xff" + b"A" * 500),
        ("zeros", bytes(512)),
        ("ones", b"\xff" * 512),
        ("noise", b"\x00\x09" + random.randbytes(400)),
    ):
        yield Message(name, data, _TFTP)


def tftp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end; what has become a write is left out."""
    for message in mutations(
        (b"\x00\x01tp\x00octet\x00", b"\x00\x01tp\x00octet\x00blksize\x001024\x00"), random, 1_400
    ):
        if message.data[:2] != b"\x00\x02":
            yield message
