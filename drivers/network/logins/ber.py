"""The part of BER (ITU-T X.690) that SNMP needs: definite lengths, integers, object identifiers.

Nothing here trusts what came: what is cut off or has the wrong tag is a BerError.
"""

from collections.abc import Iterator

INTEGER, OCTETS, NULL, OBJECT, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30


class BerError(ValueError):
    """What came is not BER, or not the element that belongs there."""


def element(tag: int, *parts: bytes) -> bytes:
    """Return an element of up to 65,535 octets."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def integer(value: int) -> bytes:
    """Return an INTEGER of a value that is not negative."""
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def object_identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER from `1.3.6.1`."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    return element(OBJECT, *(_base128(number) for number in (40 * first + second, *rest)))


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.insert(0, number & 0x7F | 0x80)
    return bytes(octets)


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Go through the elements that follow each other: tag and content. BerError where one is cut off."""
    while data:
        tag, content, data = _first(data)
        yield tag, content


def content_of(data: bytes, tag: int) -> bytes:
    """Return the content of the first element, which must have this tag."""
    found, content, _ = _first(data)
    if found != tag:
        raise BerError(f"tag {found:#04x} instead of {tag:#04x}")
    return content


def number_of(tag: int, content: bytes) -> int:
    """Return the value of an INTEGER of up to eight octets."""
    if tag != INTEGER or not 1 <= len(content) <= 8:
        raise BerError("not an integer")
    return int.from_bytes(content, "big", signed=True)


def _first(data: bytes) -> tuple[int, bytes, bytes]:
    if len(data) < 2:
        raise BerError("truncated")
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4:
            raise BerError("an unusable length")
        start += octets
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise BerError("truncated")
    return tag, data[start : start + length], data[start + length :]
