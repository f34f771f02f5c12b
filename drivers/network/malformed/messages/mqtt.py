"""Malformed MQTT: remaining lengths, strings and properties that lie (MQTT 3.1.1, MQTT 5). No user is ever named."""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_LENGTH = "MQTT 3.1.1 clause 2.2.3, the remaining length"
_CONNECT = "MQTT 3.1.1 clause 3.1, CONNECT"
_STRINGS = "MQTT 3.1.1 clause 1.5.3, UTF-8 strings"
_PROPERTIES = "MQTT 5 clause 2.2.2, properties"


def mqtt(random: Random) -> Iterator[Message]:
    """Yield the streams that are named."""
    yield from _lengths()
    yield from _connects()
    yield from _behind_connect()
    yield Message("noise", random.randbytes(512), "random octets from the seed")


def mqtt_mutations(random: Random) -> Iterator[Message]:
    """Yield valid beginnings that were changed, without end."""
    will = _connect(flags=0x06, more=_text(b"tp/will") + _text(b"gone"))
    return mutations(
        (_connect(), _connect() + mqtt_publish(b"tp/a"), _connect() + mqtt_subscribe(b"tp/#"), will), random, 20_000
    )


def _text(data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!H", len(data) if length is None else length) + data


def _packet(kind: int, body: bytes, length: int | None = None) -> bytes:
    size, octets = (len(body) if length is None else length), bytearray()
    while True:
        size, octet = size >> 7, size & 0x7F
        octets.append(octet | (0x80 if size else 0))
        if not size:
            return bytes([kind]) + bytes(octets) + body


def _connect(
    *, name: bytes = b"MQTT", level: int = 4, flags: int = 0x02, client: bytes = b"trustprobe", more: bytes = b""
) -> bytes:
    properties = b"\x00" if level == 5 else b""
    return _packet(0x10, _text(name) + bytes([level, flags, 0, 10]) + properties + _text(client) + more)


def mqtt_publish(topic: bytes, payload: bytes = b"x", kind: int = 0x30) -> bytes:
    """Return a PUBLISH."""
    return _packet(kind, _text(topic) + payload)


def mqtt_subscribe(topic: bytes) -> bytes:
    """Return a SUBSCRIBE."""
    return _packet(0x82, b"\x00\x01" + _text(topic) + b"\x00")


def _lengths() -> Iterator[Message]:
    yield Message("zeros", b"\x00" * 512, _LENGTH)
    yield Message("ones", b"\xff" * 512, _LENGTH)
    yield Message("length_of_five_octets", b"\x10\xff\xff\xff\xff\x7f" + b"\x00" * 64, _LENGTH)
    yield Message("length_without_end", b"\x10" + b"\x80" * 4_096, _LENGTH)
    yield Message("length_greatest", b"\x10\xff\xff\xff\x7f" + b"\x00" * 4_096, _LENGTH)
    yield Message("length_cut_off", b"\x10\x80", _LENGTH)
    yield Message("length_zero", b"\x10\x00", _LENGTH)
    yield Message("length_short", _packet(0x10, _connect()[2:], 4), _LENGTH)
    yield Message("length_long", _packet(0x10, _connect()[2:], 200), _LENGTH)
    yield Message("length_overlong_form", b"\x10\x96\x80\x80\x00" + _connect()[2:], _LENGTH)
    yield Message("packet_of_120000", _packet(0x10, b"\x00" * 120_000), _LENGTH)
    yield Message("plain_http", b"GET / HTTP/1.1\r\nHost: device\r\n\r\n", "another protocol on the port")


def _connects() -> Iterator[Message]:
    yield Message("protocol_name_empty", _connect(name=b""), _CONNECT)
    yield Message("protocol_name_long", _connect(name=b"M" * 60_000), _CONNECT)
    yield Message("protocol_name_beyond_end", _packet(0x10, b"\xff\xffMQTT\x04\x02\x00\x0a"), _CONNECT)
    yield Message("level_255", _connect(level=255), _CONNECT)
    yield Message("flags_ones", _connect(flags=0xFF), _CONNECT)
    yield Message("flag_reserved", _connect(flags=0x03), _CONNECT)
    yield Message("password_without_user", _connect(flags=0x42), _CONNECT)
    yield Message("will_missing", _connect(flags=0x06), _CONNECT)
    yield Message("will_beyond_end", _connect(flags=0x06, more=b"\xff\xffa"), _CONNECT)
    yield Message("will_quality_3", _connect(flags=0x1E, more=_text(b"a") + _text(b"b")), _CONNECT)
    yield Message("client_of_65535", _connect(client=b"c" * 65_535), _CONNECT)
    yield Message("client_beyond_end", _packet(0x10, _text(b"MQTT") + b"\x04\x02\x00\x0a\xff\xffc"), _CONNECT)
    yield Message("client_empty", _connect(flags=0, client=b""), "MQTT 3.1.1 clause 3.1.3.1")
    yield Message("client_not_utf8", _connect(client=NOT_UTF8), _STRINGS)
    yield Message("client_zeros", _connect(client=b"\x00" * 32), _STRINGS)
    yield Message("client_format", _connect(client=FORMATS), "CWE-134")
    yield Message("client_wildcards", _connect(client=b"#/+/../../$SYS"), _STRINGS)
    yield Message("connect_twice", _connect() * 2, "MQTT 3.1.1 clause 3.1, a second CONNECT")
    yield Message("connect_cut_off", _connect()[:9], _CONNECT)
    yield Message("properties_length", _packet(0x10, _text(b"MQTT") + b"\x05\x02\x00\x0a\xff\xff\xff\x7f"), _PROPERTIES)
    yield Message("property_unknown", _five(b"\x02\x7f\x00"), _PROPERTIES)
    yield Message("property_twice", _five(b"\x0a\x11\x00\x00\x00\x01\x11\x00\x00\x00\x01"), _PROPERTIES)
    yield Message("property_cut_off", _five(b"\x03\x26\xff\xff"), _PROPERTIES)
    users = b"".join(b"\x26" + _text(b"k") + _text(b"v") for _ in range(2_000))
    yield Message("many_properties", _five(_packet(0, users)[1:]), _PROPERTIES)


def _five(properties: bytes) -> bytes:
    return _packet(0x10, _text(b"MQTT") + b"\x05\x02\x00\x0a" + properties + _text(b"trustprobe"))


def _behind_connect() -> Iterator[Message]:
    first = "MQTT 3.1.1 clause 3.1, CONNECT is the first packet"
    yield Message("publish_first", mqtt_publish(b"tp/a"), first)
    yield Message("subscribe_first", mqtt_subscribe(b"#"), first)
    yield Message("pings_first", b"\xc0\x00" * 2_000, first)
    for one in mqtt_behind_connect():
        yield Message(one.name, _connect() + one.data, one.origin)


def mqtt_behind_connect() -> Iterator[Message]:
    """Yield the packets that follow a CONNECT, without it."""
    for name, packet, origin in (
        ("publish_empty_topic", mqtt_publish(b""), "clause 3.3.2.1"),
        ("publish_wildcard", mqtt_publish(b"tp/#/+"), "clause 3.3.2.1"),
        ("publish_beyond_end", _packet(0x30, b"\xff\xfftp"), "clause 3.3.2.1"),
        ("publish_quality_3", mqtt_publish(b"tp/a", kind=0x36), "clause 3.3.1.2"),
        ("publish_without_identifier", _packet(0x32, _text(b"tp/a")), "clause 3.3.2.2"),
        ("publish_deep_topic", mqtt_publish(b"/" * 60_000), "CVE-2019-11779, a topic of many levels"),
        ("publish_not_utf8", mqtt_publish(NOT_UTF8), "clause 1.5.3"),
        ("subscribe_deep", mqtt_subscribe(b"/" * 60_000), "CVE-2019-11779"),
        ("subscribe_nothing", _packet(0x82, b"\x00\x01"), "clause 3.8.3"),
        ("subscribe_beyond_end", _packet(0x82, b"\x00\x01\xff\xffa"), "clause 3.8.3"),
        ("subscribe_flags", _packet(0x80, b"\x00\x01" + _text(b"a") + b"\x00"), "clause 3.8.1"),
        ("subscribe_many", _packet(0x82, b"\x00\x01" + (_text(b"tp/a") + b"\x00") * 4_000), "clause 3.8"),
        ("subscribe_wildcards", mqtt_subscribe(b"+/#/+##"), "clause 4.7.1"),
        ("unsubscribe_nothing", _packet(0xA2, b"\x00\x01"), "clause 3.10.3"),
        (
            "acknowledge_unasked",
            _packet(0x40, b"\xff\xff") + _packet(0x50, b"\xff\xff") + _packet(0x70, b""),
            "clause 3.4",
        ),
        ("server_packets", _packet(0x20, b"\x00\x00") + _packet(0x90, b"\x00\x01\x00") + b"\xd0\x00", "clause 2.2.1"),
        ("packet_zero", _packet(0x00, b"x" * 16) + _packet(0xF0, b"x" * 16), "clause 2.2.1"),
    ):
        yield Message(name, packet, f"MQTT 3.1.1 {origin}")
