"""DNS by dnspython: one-shot multicast queries (RFC 6762, 6.7), and what a message asks and answers (RFC 1035, 4.1).

Nothing here opens a socket. dnspython bounds names, and follows compression pointers backwards only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.message import Message

CNAME, PTR, TXT = 5, 12, 16
SERVICE_TYPES = "_services._dns-sd._udp.local"


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
    from dns.message import make_query
    from dns.name import Name
    from dns.rdatatype import RdataType

    return make_query(Name((*labels, b"")), RdataType(kind), "CLASS32769", flags=0, id=0x7470).to_wire()


def records(message: bytes) -> tuple[ResourceRecord, ...]:
    """Return the records of a response, of all its sections. Raises DnsDecodeError."""
    return tuple(_records(_parsed(message)))


def records_until_cut(message: bytes) -> tuple[ResourceRecord, ...]:
    """Return the records of a response that can be parsed, of which only the beginning may be there."""
    try:
        return tuple(_records(_parsed(message, whole=False)))
    except DnsDecodeError:
        return ()


def asked(message: bytes) -> tuple[tuple[bytes, ...], ...]:
    """Return the names that a query asks for; nothing for a response. Raises DnsDecodeError."""
    asks = _parsed(message, asked_only=True)
    return () if asks.flags & 0x8000 else tuple(one.name.labels[:-1] for one in asks.question)


def _parsed(message: bytes, *, whole: bool = True, asked_only: bool = False) -> "Message":
    """Parse a message. DnsDecodeError if it is malformed, or if `whole` and a part of it cannot be parsed."""
    from dns.exception import DNSException
    from dns.message import from_wire

    try:
        found = from_wire(
            message, question_only=asked_only, one_rr_per_rrset=True, ignore_trailing=True, continue_on_error=True
        )
    except DNSException as error:
        raise DnsDecodeError(str(error)) from error
    if whole and found.errors:
        raise DnsDecodeError(str(found.errors[0].exception))
    return found


def _records(message: "Message") -> Iterator[ResourceRecord]:
    for found in (found for section in message.sections[1:] for found in section):
        for data in found:
            target = data.target.labels[:-1] if found.rdtype in {CNAME, PTR} else ()
            strings = tuple(data.strings) if found.rdtype == TXT else ()
            yield ResourceRecord(
                found.name.labels[:-1], int(found.rdtype), target, strings, getattr(data, "address", "")
            )
