"""Malformed DNS and mDNS queries: names that loop, counts and lengths that lie (RFC 1035, RFC 6762).

Over TCP each message has its length before it (RFC 1035 clause 4.2.2), some a wrong one.
"""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_PTR, _ANY, _AXFR, _OPT, _TKEY, _TSIG = 12, 255, 252, 41, 249, 250
_SERVICES = b"\x09_services\x07_dns-sd\x04_udp\x05local\x00"
_NAMES = "RFC 1035 clause 4.1.4, compression; CVE-2020-15795, NAME:WRECK"
_LABELS = "RFC 1035 clause 3.1, labels of 63 octets and names of 255"
_COUNTS = "RFC 1035 clause 4.1.1, counts"


def dns(random: Random) -> Iterator[Message]:
    """Yield the datagrams that are named."""
    yield from _names()
    yield from _counts()
    yield from _records()
    yield Message("noise", random.randbytes(512), "random octets from the seed")


def dns_mutations(random: Random) -> Iterator[Message]:
    """Yield valid queries that were changed, without end."""
    return mutations(_valid(), random, 9_000)


def dns_over_tcp(random: Random) -> Iterator[Message]:
    """Yield the same messages as a stream has them, and lengths that lie."""
    query = _valid()[0]
    lengths = "RFC 1035 clause 4.2.2, the length of a message in a stream"
    yield Message("stream_length_zero", b"\x00\x00" * 256, lengths)
    yield Message("stream_length_short", struct.pack("!H", 5) + query, lengths)
    yield Message("stream_length_long", b"\xff\xff" + query, lengths)
    for one in dns(random):
        yield Message(one.name, struct.pack("!H", len(one.data)) + one.data, one.origin)


def dns_over_tcp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid queries with their length that were changed, without end."""
    return mutations(tuple(struct.pack("!H", len(query)) + query for query in _valid()), random, 9_000)


def _valid() -> tuple[bytes, ...]:
    return (
        _query(_question(_SERVICES)),
        _query(_question(b"\x06camera\x05local\x00", _ANY) + _question(_pointer(19), 1), counts=(2, 0, 0, 0)),
        _query(_question(_SERVICES), _record(b"\x00", _OPT, b"\x00\x03\x00\x00"), counts=(1, 0, 0, 1)),
    )


def _query(*parts: bytes, counts: tuple[int, int, int, int] = (1, 0, 0, 0), flags: int = 0) -> bytes:
    return struct.pack("!HHHHHH", 0x7470, flags, *counts) + b"".join(parts)


def _question(name: bytes, kind: int = _PTR) -> bytes:
    return name + struct.pack("!HH", kind, 1)


def _record(name: bytes, kind: int, data: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 120, len(data) if length is None else length) + data


def _pointer(offset: int) -> bytes:
    return struct.pack("!H", 0xC000 | offset)


def _names() -> Iterator[Message]:
    yield Message("pointer_to_itself", _query(_question(_pointer(12))), _NAMES)
    yield Message("pointers_in_a_ring", _query(_question(_pointer(14) + _pointer(12))), _NAMES)
    yield Message("label_and_pointer_back", _query(_question(b"\x05local" + _pointer(12))), _NAMES)
    yield Message("pointer_behind_the_end", _query(_question(_pointer(0x3FFF))), _NAMES)
    yield Message("pointer_into_the_header", _query(_question(_pointer(0))), _NAMES)
    yield Message("pointer_cut_off", _query(b"\xc0"), _NAMES)
    chain = b"".join(_pointer(12 + 2 * number + 2) for number in range(2_000)) + b"\x00"
    yield Message("pointer_chain", _query(_question(chain)), _NAMES)
    yield Message("label_of_64", _query(_question(b"\x40" + b"a" * 64 + b"\x00")), _LABELS)
    yield Message("label_of_191", _query(_question(b"\xbf" + b"a" * 191 + b"\x00")), _LABELS)
    yield Message("name_of_4000", _query(_question((b"\x3f" + b"a" * 63) * 62 + b"\x00")), _LABELS)
    yield Message("many_labels", _query(_question(b"\x01a" * 1_000 + b"\x00")), _LABELS)
    yield Message("name_without_end", _query(b"\x3f" + b"a" * 63 + b"\x3f"), _LABELS)
    yield Message("label_longer_than_message", _query(b"\x3fabc"), _LABELS)
    yield Message("empty_name", _query(_question(b"\x00", _ANY)), _LABELS)
    yield Message(
        "label_not_utf8", _query(_question(bytes([len(NOT_UTF8)]) + NOT_UTF8 + b"\x05local\x00")), "RFC 6762 16"
    )
    yield Message("label_format", _query(_question(bytes([len(FORMATS)]) + FORMATS + b"\x00")), "CWE-134")
    yield Message(
        "label_zeros", _query(_question(b"\x04\x00\x00\x00\x00\x05local\x00")), "CWE-158, zeros within a label"
    )


def _counts() -> Iterator[Message]:
    yield Message("empty_datagram_of_one", b"\x00", "RFC 1035 clause 4.1.1, a header of 12 octets")
    yield Message("header_alone", _query(counts=(0, 0, 0, 0)), _COUNTS)
    yield Message("header_cut_off", _query()[:11], _COUNTS)
    yield Message("questions_65535", _query(_question(_SERVICES), counts=(0xFFFF, 0, 0, 0)), _COUNTS)
    yield Message("all_counts_65535", _query(_question(_SERVICES), counts=(0xFFFF,) * 4), _COUNTS)
    yield Message("no_question", _query(_question(_SERVICES), counts=(0, 0, 0, 0)), _COUNTS)
    yield Message("many_questions", _query(_question(_SERVICES) * 200, counts=(200, 0, 0, 0)), _COUNTS)
    yield Message("type_cut_off", _query(_SERVICES + b"\x00"), _COUNTS)
    yield Message("ones", b"\xff" * 512, _COUNTS)
    yield Message("zeros", b"\x00" * 512, _COUNTS)
    yield Message(
        "operation_15", _query(_question(_SERVICES), flags=0x7FFF), "RFC 6895 clause 2.2, an unknown operation"
    )
    yield Message(
        "transfer", _query(_question(b"\x05local\x00", _AXFR)), "RFC 5936 clause 4.2, a transfer as a datagram"
    )


def _records() -> Iterator[Message]:
    asked = _question(_SERVICES)
    one = (1, 1, 0, 0)
    answer = 0x8400
    data = "RFC 1035 clause 4.1.3, RDLENGTH"
    long = _record(_SERVICES, _PTR, b"\x01a\x00", 0xFFFF)
    yield Message("data_longer_than_message", _query(asked, long, counts=one, flags=answer), data)
    yield Message("data_shorter_than_name", _query(asked, _record(_SERVICES, _PTR, _SERVICES, 1), counts=one), data)
    yield Message("no_data", _query(asked, _record(_SERVICES, 1, b""), counts=one, flags=answer), data)
    yield Message(
        "service_cut_off", _query(asked, _record(_SERVICES, 33, b"\x00"), counts=one, flags=answer), "RFC 2782"
    )
    loop = _record(_pointer(12), _PTR, _pointer(46 + 12), None)
    yield Message("answer_that_loops", _query(asked, loop, counts=one, flags=answer), _NAMES)
    text = _record(_SERVICES, 16, b"\xff" + b"a" * 10)
    yield Message("text_longer_than_data", _query(asked, text, counts=one, flags=answer), "RFC 1035 clause 3.3.14")
    nsec = _record(_SERVICES, 47, b"\x00\xff\xff" + b"\xff" * 64)
    yield Message(
        "nsec_bitmap", _query(asked, nsec, counts=one, flags=answer), "RFC 4034 clause 4.1.2; RFC 6762 clause 6.1"
    )
    more = (1, 0, 0, 1)
    yield Message(
        "edns_option_long", _query(asked, _record(b"\x00", _OPT, b"\x00\x03\xff\xff"), counts=more), "RFC 6891 6.1.2"
    )
    yield Message(
        "edns_twice", _query(asked, _record(b"\x00", _OPT, b"") * 2, counts=(1, 0, 0, 2)), "RFC 6891 clause 6.1.1"
    )
    yield Message(
        "edns_size_zero", _query(asked, b"\x00\x00\x29\x00\x00\xff\xff\xff\xff\x00\x00", counts=more), "RFC 6891"
    )
    yield Message("tkey", _query(_question(b"\x00", _TKEY), _record(b"\x00", _TKEY, b""), counts=more), "CVE-2015-5477")
    yield Message("tsig", _query(asked, _record(b"\x00", _TSIG, b"\x00" * 3), counts=more), "CVE-2020-8617")
