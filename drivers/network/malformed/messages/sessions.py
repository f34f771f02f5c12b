"""Malformed MQTT and SSH after a login: packets of an accepted client, requests on an open channel.

What is sent without a login is in `mqtt.py` and `ssh.py`; the octets here hold no user and no password.
"""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations
from drivers.network.malformed.messages.mqtt import mqtt_behind_connect, mqtt_publish, mqtt_subscribe

_REQUEST = "RFC 4254 clause 5.4, channel requests"
_OPEN = "RFC 4254 clause 5.1, opening a channel"
_DATA = "RFC 4254 clause 5.2, data and windows (CWE-190)"
_ORDER = "RFC 4253 clause 11, messages out of order"


def mqtt_session(random: Random) -> Iterator[Message]:
    """Yield the named packets, to be sent after an accepted CONNECT."""
    yield from mqtt_behind_connect()
    yield Message("noise", random.randbytes(256), "random octets from the seed")


def mqtt_session_changes(random: Random) -> Iterator[Message]:
    """Yield valid packets that were changed, without end."""
    return mutations((mqtt_publish(b"tp/a"), mqtt_subscribe(b"tp/+"), b"\xc0\x00"), random, 20_000)


def ssh_session(random: Random) -> Iterator[Message]:
    """Yield the payloads that are named; channel 0 stands for the device's number of the session's channel."""
    huge = struct.pack("!IIII", 0xFFFFFFFF, 0xFFFFFFFF, 0, 0)
    for name, payload, origin in (
        ("terminal_huge", _request(b"pty-req", _string(b"vt100") + huge + _string(b"\x00")), _REQUEST),
        ("terminal_long", _request(b"pty-req", _string(b"A" * 20_000) + huge + _string(b"")), _REQUEST),
        ("modes_beyond_end", _request(b"pty-req", _string(b"x") + huge + _string(b"\x01", 0xFFFFFFFF)), _REQUEST),
        ("modes_cut_off", _request(b"pty-req", _string(b"x") + huge + _string(b"\x80\xff")), "RFC 4254 clause 8"),
        ("exec_beyond_end", _request(b"exec", _string(b"true", 0xFFFFFFFF)), _REQUEST),
        ("exec_negative", _request(b"exec", _string(b"true", 0x80000000)), _REQUEST),
        ("exec_missing", _request(b"exec", b""), _REQUEST),
        ("subsystem_long", _request(b"subsystem", _string(b"A" * 30_000)), _REQUEST),
        ("subsystem_format", _request(b"subsystem", _string(FORMATS)), "CWE-134"),
        ("subsystem_not_utf8", _request(b"subsystem", _string(NOT_UTF8)), _REQUEST),
        ("variable_long", _request(b"env", _string(b"A" * 9_000) + _string(b"B" * 9_000)), _REQUEST),
        ("variable_cut_off", _request(b"env", _string(b"A") + b"\x00\x00"), _REQUEST),
        ("window_cut_off", _request(b"window-change", b"\x00\x01"), _REQUEST),
        ("type_long", _request(b"x" * 30_000, b""), _REQUEST),
        ("type_empty", _request(b"", b""), _REQUEST),
        ("signal_long", _request(b"signal", _string(b"S" * 9_000)), _REQUEST),
        ("channel_unknown", b"\x62" + struct.pack("!I", 0xFFFFFFFF) + _string(b"shell") + b"\x01", _REQUEST),
        ("channel_cut_off", b"\x62\x00", _REQUEST),
        ("data_beyond_end", b"\x5e\x00\x00\x00\x00" + _string(b"x", 0xFFFFFFFF), _DATA),
        ("data_unknown", b"\x5e\xff\xff\xff\xff" + _string(b"x"), _DATA),
        ("data_extended", b"\x5f\x00\x00\x00\x00\xff\xff\xff\xff" + _string(b"x", 0x7FFFFFFF), _DATA),
        ("window_overflow", b"\x5d\x00\x00\x00\x00\xff\xff\xff\xff", _DATA),
        ("open_cut_off", b"\x5a" + _string(b"session") + b"\x00", _OPEN),
        ("open_unknown", b"\x5a" + _string(b"A" * 20_000) + struct.pack("!III", 7, 0, 0), _OPEN),
        ("open_size_zero", b"\x5a" + _string(b"session") + struct.pack("!III", 8, 0, 0), _OPEN),
        ("open_forward", b"\x5a" + _string(b"direct-tcpip") + struct.pack("!III", 9, 1, 1) + b"\xff" * 20, _OPEN),
        ("confirm_unasked", b"\x5b" + struct.pack("!IIII", 77, 77, 1, 1), _OPEN),
        ("global_beyond_end", b"\x50" + _string(b"tcpip-forward") + b"\x01" + _string(b"", 0xFFFFFFFF), "RFC 4254 4"),
        ("global_unknown", b"\x50" + _string(FORMATS * 64) + b"\x01", "RFC 4254 clause 4, global requests"),
        ("eof_unknown", b"\x60\x00\x00\x00\x63", "RFC 4254 clause 5.3"),
        ("debug_beyond_end", b"\x04\x01" + _string(b"x", 0xFFFFFFF0), "RFC 4253 clause 11.3"),
        ("kexinit_cut_off", b"\x14" + bytes(20), "RFC 4253 clause 9, another key exchange"),
        ("newkeys_alone", b"\x15", "RFC 4253 clause 9, another key exchange"),
        ("message_0", bytes(16), _ORDER),
        ("message_255", b"\xff" * 64, _ORDER),
        ("service_long", b"\x05" + _string(b"A" * 20_000), "RFC 4253 clause 10"),
    ):
        yield Message(name, payload, origin)
    yield Message("noise", b"\x62" + random.randbytes(256), "random octets from the seed")


def ssh_session_changes(random: Random) -> Iterator[Message]:
    """Yield valid channel requests that were changed, without end; none runs a command."""
    window = _request(b"window-change", struct.pack("!IIII", 80, 24, 0, 0))
    for message in mutations((window, _request(b"env", _string(b"LANG") + _string(b"C"))), random, 8_000):
        yield Message(message.name, b"\x62" + message.data[1:], message.origin)


def _string(data: bytes, length: int | None = None) -> bytes:
    return struct.pack("!I", len(data) if length is None else length) + data


def _request(kind: bytes, rest: bytes) -> bytes:
    return b"\x62\x00\x00\x00\x00" + _string(kind) + b"\x01" + rest
