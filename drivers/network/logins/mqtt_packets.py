"""MQTT control packets of our own: CONNECT, SUBSCRIBE and PUBLISH of 3.1.1 and 5, and what a broker answers to them.

What an answer means is said in `mqtt.py` and `mqtt_topics.py`.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

V311, V5 = 4, 5
_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90
_AT_LEAST_ONCE = 0x02
_NUMBER = b"\0\2"
"""The packet identifier of what is published."""
_USER, _PASSWORD, _CLEAN = 0x80, 0x40, 0x02
_KEEP_ALIVE = 30
_GRANTED = range(3)
"""The codes of a SUBACK that grant a subscription (3.1.1 clause 3.9.3, 5 clause 3.9.3)."""
CODES = {
    0: "accepted",
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8C: "bad authentication method",
    0x9F: "connection rate exceeded",
}
"""Return codes of CONNACK (3.1.1 clause 3.2.2.3) and reason codes (5 clause 3.2.2.2)."""


@dataclass(frozen=True)
class BrokerAnswers:
    """What a broker answered: the code of its CONNACK, whether `#` was granted, and the first topic that it sent."""

    code: int | None = None
    subscribed: bool | None = None
    topic: bytes | None = None


def connect(level: int, user: str | None = None, password: str = "") -> bytes:
    """Return a CONNECT with a clean session, without a user where none is given."""
    client = f"tp{secrets.token_hex(8)}".encode()
    flags = _CLEAN | (0 if user is None else _USER | _PASSWORD)
    body = _text(b"MQTT") + bytes([level, flags]) + _KEEP_ALIVE.to_bytes(2, "big") + _properties(level) + _text(client)
    if user is not None:
        body += _text(user.encode()) + _text(password.encode())
    return _packet(_CONNECT, body)


def subscribe(level: int, topic: str = "#") -> bytes:
    """Return a SUBSCRIBE to one topic filter; a client need not wait for CONNACK (3.1.1 clause 3.1.4)."""
    return _packet(_SUBSCRIBE, b"\0\1" + _properties(level) + _text(topic.encode()) + b"\0")


def publish(level: int, topic: str, message: bytes) -> bytes:
    """Return a PUBLISH with QoS 1, so that it is acknowledged, which is not kept (clause 3.3)."""
    return _packet(_PUBLISH | _AT_LEAST_ONCE, _text(topic.encode()) + _NUMBER + _properties(level) + message)


def acknowledged(heard: bytes, level: int) -> int | None:
    """Return the reason code of the PUBACK: of 3.1.1 always 0, for it has none; None where no PUBACK came."""
    for kind, body in _packets(heard):
        if kind == _PUBACK and body[:2] == _NUMBER:
            return body[2] if level == V5 and len(body) > 2 else 0
    return None


def messages(heard: bytes, level: int) -> list[tuple[bytes, bytes]]:
    """Return topic and content of each message that was delivered."""
    found = []
    for kind, body in _packets(heard):
        if kind & 0xF0 == _PUBLISH:
            size = int.from_bytes(body[:2], "big")
            rest = body[2 + size + (2 if kind & 0x06 else 0) :]
            found.append((body[2 : 2 + size], rest if level == V311 else _behind_properties(rest)))
    return found


def answers(heard: bytes, level: int) -> BrokerAnswers:
    """Return what these bytes hold; what is cut off or comes before a CONNACK is passed over."""
    code: int | None = None
    subscribed: bool | None = None
    topic: bytes | None = None
    for kind, body in _packets(heard):
        if code is None:
            if kind != _CONNACK or len(body) < 2 or body[0] > 1 or (body[1] and body[0]):
                return BrokerAnswers()
            code = body[1]
        elif kind == _SUBACK and body[:2] == b"\0\1" and subscribed is None:
            granted = body[2:] if level == V311 else _behind_properties(body[2:])
            subscribed = bool(granted) and granted[0] in _GRANTED
        elif kind & 0xF0 == _PUBLISH and topic is None:
            topic = body[2 : 2 + int.from_bytes(body[:2], "big")]
    return BrokerAnswers(code, subscribed, topic)


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 2:
        size, used = _variable(data[1:])
        if used == 0 or len(data) < 1 + used + size:
            return
        yield data[0], data[1 + used : 1 + used + size]
        data = data[1 + used + size :]


def _variable(data: bytes) -> tuple[int, int]:
    """Return a variable byte integer and its length in bytes. (0, 0) if it is malformed."""
    value = 0
    for index, octet in enumerate(data[:4]):
        value |= (octet & 0x7F) << 7 * index
        if not octet & 0x80:
            return value, index + 1
    return 0, 0


def _behind_properties(data: bytes) -> bytes:
    size, used = _variable(data)
    return data[used + size :] if used else b""


def _properties(level: int) -> bytes:
    return b"" if level == V311 else b"\0"


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, octet = size >> 7, size & 0x7F
        length.append(octet | (0x80 if size else 0))
        if not size:
            return bytes([kind]) + bytes(length) + body
