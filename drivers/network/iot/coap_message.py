"""CoAP messages of our own (RFC 7252 clause 3), with the options of RFC 7641 (Observe) and RFC 7959 (Block2).

What an answer means for access is said in `coap_access.py`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

OBSERVE, URI_PATH, CONTENT_FORMAT, URI_QUERY, BLOCK2 = 6, 11, 12, 15, 23
"""Option numbers."""
METHODS = {"GET": 1, "POST": 2, "PUT": 3, "DELETE": 4}
CONTENT, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED = 0x45, 0x81, 0x83, 0x84, 0x85
CODES = {
    0x41: "Created",
    0x42: "Deleted",
    0x43: "Valid",
    0x44: "Changed",
    0x45: "Content",
    0x5F: "Continue",
    0x80: "Bad Request",
    0x81: "Unauthorized",
    0x82: "Bad Option",
    0x83: "Forbidden",
    0x84: "Not Found",
    0x85: "Method Not Allowed",
    0x86: "Not Acceptable",
    0x9D: "Too Many Requests",
    0xA0: "Internal Server Error",
    0xA3: "Service Unavailable",
}
"""Response codes (clause 12.1.2)."""
_VERSION = 0x40
_PAYLOAD = 0xFF
_OPTIONS = 64
"""Options of one message that are read."""
_LINKS = 200
_LINK = re.compile(r"<(/[^<>\s]{0,255})>([^,<]*(?:\"[^\"]*\"[^,<]*)*)")


class Type(IntEnum):
    """Message types (clause 4)."""

    CON, NON, ACK, RST = range(4)


@dataclass(frozen=True)
class CoapMessage:
    """One message. `options` holds pairs of number and value in their order."""

    type: Type
    code: int
    number: int
    token: bytes = b""
    options: tuple[tuple[int, bytes], ...] = ()
    payload: bytes = b""

    def option(self, number: int) -> bytes | None:
        """Return the first value of an option."""
        return next((value for known, value in self.options if known == number), None)

    @property
    def words(self) -> str:
        """The code as it is written in the standard: `4.01 Unauthorized`."""
        return f"{self.code >> 5}.{self.code & 0x1F:02d} {CODES.get(self.code, '')}".rstrip()

    @property
    def ok(self) -> bool:
        """Whether it is a response of class 2."""
        return self.code >> 5 == 2

    @property
    def block(self) -> tuple[int, bool, int] | None:
        """Number, whether more follow, and size exponent of its Block2 (RFC 7959 clause 2.2)."""
        value = self.option(BLOCK2)
        if value is None or len(value) > 3:
            return None
        bits = int.from_bytes(value, "big")
        return bits >> 4, bool(bits & 8), bits & 7

    def octets(self) -> bytes:
        """Return the message as it is sent."""
        head = bytes([_VERSION | self.type << 4 | len(self.token), self.code]) + self.number.to_bytes(2, "big")
        body = bytes([_PAYLOAD]) + self.payload if self.payload else b""
        return head + self.token + b"".join(_encoded(self.options)) + body


def _encoded(options: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    last = 0
    for number, value in sorted(options, key=lambda one: one[0]):
        delta, more = _nibble(number - last)
        length, longer = _nibble(len(value))
        yield bytes([delta << 4 | length]) + more + longer + value
        last = number


def _nibble(value: int) -> tuple[int, bytes]:
    if value < 13:
        return value, b""
    return (13, bytes([value - 13])) if value < 269 else (14, (value - 269).to_bytes(2, "big"))


def parse(data: bytes) -> CoapMessage | None:
    """Parse a datagram as a message. None if it is malformed."""
    if len(data) < 4 or data[0] >> 6 != 1 or data[0] & 0xF > 8:
        return None
    size = 4 + (data[0] & 0xF)
    if len(data) < size:
        return None
    options: list[tuple[int, bytes]] = []
    at, number = size, 0
    while at < len(data) and data[at] != _PAYLOAD:
        if len(options) == _OPTIONS:
            return None
        octet, at = data[at], at + 1
        delta, at = _extended(octet >> 4, data, at)
        length, at = _extended(octet & 0xF, data, at)
        if delta < 0 or length < 0 or at + length > len(data):
            return None
        number += delta
        options.append((number, data[at : at + length]))
        at += length
    kind, token = Type(data[0] >> 4 & 3), data[4:size]
    return CoapMessage(kind, data[1], int.from_bytes(data[2:4], "big"), token, tuple(options), data[at + 1 :])


def _extended(nibble: int, data: bytes, at: int) -> tuple[int, int]:
    """Return a delta or length, and where what follows begins; -1 for the reserved 15."""
    if nibble < 13:
        return nibble, at
    if nibble == 13:
        return 13 + int.from_bytes(data[at : at + 1], "big"), at + 1
    return (269 + int.from_bytes(data[at : at + 2], "big"), at + 2) if nibble == 14 else (-1, at)


def path_options(path: str) -> tuple[tuple[int, bytes], ...]:
    """Return Uri-Path and Uri-Query of a path (clause 6.4)."""
    route, _, query = path.partition("?")
    parts = [(URI_PATH, part.encode()) for part in route.strip("/").split("/") if part]
    return (*parts, *((URI_QUERY, part.encode()) for part in query.split("&") if part))


def links(document: bytes) -> dict[str, str]:
    """Return the paths that a link format document lists, with their attributes (RFC 6690 clause 2)."""
    text = document.decode("utf-8", "replace")
    found = {match[1]: match[2] for match in _LINK.finditer(text)}
    return dict(list(found.items())[:_LINKS])
