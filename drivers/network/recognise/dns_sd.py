"""DNS as bytes: one-shot multicast queries (RFC 6762, 6.7), and what a message asks and answers (RFC 1035, 4.1).

Nothing here opens a socket; names are bounded, and compression pointers lead backwards only.
"""

import ipaddress
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

CNAME, PTR, TXT = 5, 12, 16
_ADDRESSES = {1: 4, 28: 16}
"""Octets of an address, by the kind of record: A and AAAA."""
SERVICE_TYPES = "_services._dns-sd._udp.local"
_LABELS, _RECORDS = 64, 64


class DnsDecodeError(ValueError):
    """Bytes from the device that are no DNS message; a fact about the device."""


@dataclass(frozen=True)
class ResourceRecord:
    """One resource record. `target` is the name in a PTR or CNAME, `strings` is for TXT, `address` for A and AAAA."""

    labels: tuple[bytes, ...]
    kind: int
    target: tuple[bytes, ...] = ()
    strings: tuple[bytes, ...] = ()
    address: str = ""


def query(labels: tuple[bytes, ...], kind: int) -> bytes:
    """Return a query with one question that asks for a unicast answer."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return b"tp" + struct.pack("!HHHHH", 0, 1, 0, 0, 0) + name + struct.pack("!HH", kind, 0x8001)


def records(message: bytes) -> tuple[ResourceRecord, ...]:
    """Return the records of a response, of all its sections. Raises DnsDecodeError."""
    try:
        return tuple(_records(message))
    except (struct.error, IndexError) as error:
        raise DnsDecodeError(f"the message ends too early: {error}") from error


def records_until_cut(message: bytes) -> tuple[ResourceRecord, ...]:
    """Return the records of a response of which only the beginning is there, up to the first that cannot be read."""
    found = []
    with suppress(DnsDecodeError, struct.error, IndexError):
        for record in _records(message):
            found.append(record)  # one by one: what stands before the cut is kept
    return tuple(found)


def asked(message: bytes) -> tuple[tuple[bytes, ...], ...]:
    """Return the names that a query asks for; nothing for a response. Raises DnsDecodeError."""
    try:
        _, flags, questions = struct.unpack_from("!3H", message)
        at, found = 12, []
        for _ in range(0 if flags & 0x8000 else min(questions, _RECORDS)):
            labels, at = _name(message, at)
            at += 4
            found.append(labels)
    except (struct.error, IndexError) as error:
        raise DnsDecodeError(f"the message ends too early: {error}") from error
    return tuple(found)


def _records(message: bytes) -> Iterator[ResourceRecord]:
    _, _, questions, *counts = struct.unpack_from("!6H", message)
    at = 12
    for _ in range(min(questions, _RECORDS)):
        _, at = _name(message, at)
        at += 4
    for _ in range(min(sum(counts), _RECORDS)):
        record, at = _record(message, at)
        yield record


def _record(message: bytes, at: int) -> tuple[ResourceRecord, int]:
    labels, at = _name(message, at)
    kind, _, _, length = struct.unpack_from("!HHIH", message, at)
    start, end = at + 10, at + 10 + length
    if end > len(message):
        raise DnsDecodeError("a record that ends behind the message")
    target = _name(message, start)[0] if kind in {CNAME, PTR} else ()
    strings = []
    while kind == TXT and start < end:
        strings.append(message[start + 1 : min(end, start + 1 + message[start])])
        start += 1 + message[start]
    address = str(ipaddress.ip_address(message[at + 10 : end])) if _ADDRESSES.get(kind) == length else ""
    return ResourceRecord(labels, kind, target, tuple(strings), address), end


def _name(message: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    """Return the labels of a name and where what follows it begins."""
    labels: list[bytes] = []
    after = None
    while length := message[at]:
        if length >= 0xC0:
            pointer = int.from_bytes(message[at : at + 2]) & 0x3FFF
            if pointer >= at:
                raise DnsDecodeError("a compression pointer that leads forwards")
            after, at = after if after is not None else at + 2, pointer
        elif length > 63 or len(labels) >= _LABELS:
            raise DnsDecodeError("a name that is none")
        else:
            labels.append(message[at + 1 : at + 1 + length])
            at += 1 + length
    return tuple(labels), after if after is not None else at + 1
