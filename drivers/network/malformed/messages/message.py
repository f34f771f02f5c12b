"""One malformed message, where its idea comes from, and the changes that any protocol's messages can be given.

Everything here is deterministic: the same seed gives the same octets on every machine.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from random import Random
from typing import TypeVar

Sent = TypeVar("Sent")

MESSAGE_LIMIT = 1 << 17
"""Octets of the largest message: above what a careless buffer holds, below what is a flood."""
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Where counters of one, two and four octets turn over, or change their sign."""
FORMATS = b"%n%n%s%s%x%x%1000000d"
"""Conversions of printf: harmless as text, fatal as a format (CWE-134)."""
NOT_UTF8 = b"\xc0\x80\xed\xa0\x80\xf8\x88\x80\x80\x80\xff\xfe"
"""Overlong, surrogate, five octets, and octets that UTF-8 never has (RFC 3629 clause 3)."""


class DeliveryWay(StrEnum):
    """What carries a message."""

    TCP = "tcp"
    TLS = "tls"
    """Inside a TLS session over TCP."""
    UDP = "udp"


@dataclass(frozen=True)
class Message:
    """Octets that break a rule. `origin` names the rule, or the flaw that such octets have found elsewhere."""

    name: str
    data: bytes
    origin: str

    def __post_init__(self) -> None:
        """Hold the size: no message is a flood."""
        if not self.data or len(self.data) > MESSAGE_LIMIT:
            raise ValueError(f"{self.name} has {len(self.data)} octets, 1 to {MESSAGE_LIMIT} can be sent")


@dataclass(frozen=True)
class MessageSeries:
    """The malformed messages of one layer. They follow from the seed: the same seed gives the same octets."""

    layer: str
    seed: int
    messages: tuple[Message, ...]


def mutations(valid: tuple[bytes, ...], random: Random, most: int = MESSAGE_LIMIT) -> Iterator[Message]:
    """Change valid messages, one change after another, without end; none is longer than `most`."""
    number = 0
    while True:
        number += 1
        octets = bytearray(random.choice(valid))
        changes = [random.choice(_CHANGES) for _ in range(random.randint(1, 3))]
        for change in changes:
            change(octets, random)
        words = ", ".join(change.__name__.strip("_").replace("_", " ") for change in changes)
        if octets:
            yield Message(f"mutation_{number:03d}", bytes(octets[:most]), f"a valid message, changed: {words}")


def bounded(named: Iterable[Sent], more: Iterator[Sent], count: int) -> tuple[Sent, ...]:
    """Return the named messages, then as many of the others as fill up to `count`."""
    first = tuple(islice(named, count))
    return (*first, *islice(more, count - len(first)))


def _flip_a_bit(octets: bytearray, random: Random) -> None:
    if octets:
        octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)


def _put_an_edge(octets: bytearray, random: Random) -> None:
    if octets:
        edge = random.choice(EDGES)
        size = max(1, (edge.bit_length() + 7) // 8)
        at = random.randrange(len(octets))
        octets[at : at + size] = edge.to_bytes(size, random.choice(("big", "little")))


def _truncate(octets: bytearray, random: Random) -> None:
    del octets[random.randrange(1, len(octets) + 1) if octets else 0 :]


def _repeat_a_part(octets: bytearray, random: Random) -> None:
    if octets:
        start = random.randrange(len(octets))
        part = octets[start : start + random.randint(1, 64)]
        octets[start:start] = part * random.choice((1, 2, 16, 64))


def _remove_a_part(octets: bytearray, random: Random) -> None:
    if octets:
        start = random.randrange(len(octets))
        del octets[start : start + random.randint(1, 16)]


def _put_zeros_or_ones(octets: bytearray, random: Random) -> None:
    if octets:
        start, size = random.randrange(len(octets)), random.randint(1, 16)
        octets[start : start + size] = random.choice((b"\x00", b"\xff")) * size


def _put_a_format(octets: bytearray, random: Random) -> None:
    at = random.randrange(len(octets) + 1)
    octets[at:at] = random.choice((FORMATS, NOT_UTF8, b"../../../../etc/passwd\x00", b"\r\n\x00"))


_CHANGES = (
    _flip_a_bit,
    _put_an_edge,
    _truncate,
    _repeat_a_part,
    _remove_a_part,
    _put_zeros_or_ones,
    _put_a_format,
)
