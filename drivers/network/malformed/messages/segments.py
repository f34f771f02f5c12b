"""Malformed TCP segments: options, data offsets, flags and numbers that a stack trips over (RFC 9293)."""

import socket
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from drivers.network.malformed.messages.frames import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    URG,
    Ends,
    Train,
    changed,
    train_of,
    with_sum,
)

if TYPE_CHECKING:
    from scapy.packet import Packet

CONTROL = "checksum_wrong"
"""The control: a segment that has to be ignored (RFC 9293 clause 3.1, MUST-2 and MUST-3)."""
_OPTIONS = "RFC 9293 clause 3.1, options (CWE-835: an endless loop over a length of zero)"
_OFFSET = "RFC 9293 clause 3.1, the data offset (CWE-125)"
_FLAGS = "RFC 9293 clause 3.10.7, flags that exclude each other"
_WITHIN = "RFC 9293 clause 3.4, numbers; RFC 5961, blind attacks"
_NUMBERS = 1 << 32
MSS, TIMES, SACK_OK = b"\x02\x04\x05\xb4", b"\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x00", b"\x04\x02"


def segments(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the segments that are named."""
    yield from _options(ends)
    yield from _headers(ends)
    yield from _flags(ends)
    yield from within(ends)
    yield train_of("noise", "random octets from the seed", _octets(ends, random.randbytes(64)))


def segment_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid segments that were changed, without end."""
    syn = ends.segment(options=MSS + SACK_OK + TIMES + b"\x01\x03\x03\x07")
    asks = ends.segment(ACK | PSH, ack=1, options=b"\x01\x01" + TIMES, payload=b"GET / HTTP/1.1\r\n")
    return changed((bytes(syn), bytes(asks)), random, lambda octets: _octets(ends, octets))


def _octets(ends: Ends, octets: bytes) -> "Packet":
    headers = ends.ip(socket.IPPROTO_TCP)
    return headers / with_sum(octets, 16, headers)


def _options(ends: Ends) -> Iterator[Train]:
    for name, options in (
        ("option_length_0", b"\x08\x00" + bytes(10)),
        ("option_length_1", b"\x08\x01" + bytes(10)),
        ("option_length_255", b"\x03\xff\x07\x00"),
        ("option_without_length", b"\x01\x01\x01\x08"),
        ("option_unknown_length_0", MSS + b"\xfd\x00\x01\x01"),
        ("option_unknown_of_40", b"\xfe\x28" + b"\xff" * 38),
        ("mss_length_2", b"\x02\x02" + MSS),
        ("mss_length_3", b"\x02\x03\x05\x01"),
        ("mss_zero", b"\x02\x04\x00\x00"),
        ("mss_one", b"\x02\x04\x00\x01"),
        ("mss_65535", b"\x02\x04\xff\xff"),
        ("mss_many", MSS * 10),
        ("window_scale_255", MSS + b"\x01\x03\x03\xff"),
        ("window_scale_length_2", b"\x03\x02\x01\x01"),
        ("timestamps_length_9", b"\x08\x09" + bytes(8)),
        ("timestamps_many", TIMES * 4),
        ("sack_permitted_length_6", b"\x04\x06" + bytes(6)),
        ("sack_on_syn", b"\x05\x0a" + b"\xff" * 8),
        ("sack_length_3", b"\x05\x03\x00\x01"),
        ("no_operations", b"\x01" * 40),
        ("behind_the_end", b"\x00\x08\x00\xff" * 10),
        ("md5_length_2", b"\x13\x02\x01\x01"),
        ("authentication_length_3", b"\x1d\x03\x00\x01"),
        ("multipath_length_2", b"\x1e\x02\x01\x01"),
        ("multipath_subtype", b"\x1e\x0c\xf0" + b"\xff" * 9),
        ("fast_open_odd", b"\x22\x05\xff\xff\xff\x01\x01\x01"),
        ("fast_open_of_38", b"\x22\x28" + b"\xff" * 38),
    ):
        yield train_of(name, _OPTIONS, ends.ip() / ends.segment(options=options))


def _headers(ends: Ends) -> Iterator[Train]:
    for words in (0, 4, 15):
        yield train_of(f"offset_{words}", _OFFSET, ends.ip() / ends.segment(dataofs=words))
    for octets in (0, 1, 12, 19):
        yield train_of(f"header_of_{octets}", _OFFSET, _octets(ends, bytes(ends.segment())[:octets]))
    data = ends.ip() / ends.segment(dataofs=10, payload=b"\x08\x00" * 10)
    yield train_of("offset_into_data", _OFFSET, data)
    yield train_of(CONTROL, "RFC 9293 clause 3.1: to be ignored; the control", ignored(ends))
    nowhere = ends.ip() / ends.segment(sport=0), ends.ip() / ends.segment(dport=0)
    yield train_of("port_zero", "RFC 6335 clause 6", *nowhere)
    land = ends.ip(src=ends.theirs) / ends.segment(sport=ends.port)
    yield train_of("from_itself", "CVE-1999-0016, Land: source and destination are the device", land)


def ignored(ends: Ends) -> "Packet":
    """Return a SYN with a wrong sum."""
    headers = ends.ip(socket.IPPROTO_TCP)
    return headers / with_sum(bytes(ends.segment()), 16, headers, wrong=True)


def _flags(ends: Ends) -> Iterator[Train]:
    for name, flags in (
        ("syn_fin", SYN | FIN),
        ("syn_reset", SYN | RST),
        ("no_flags", 0),
        ("all_flags", 0xFFF),
        ("fin_push_urgent", FIN | PSH | URG),
        ("reserved_flags", SYN | 0xE00),
        ("synack_unasked", SYN | ACK),
        ("fin_unasked", FIN),
    ):
        yield train_of(name, _FLAGS, ends.ip() / ends.segment(flags, ack=1))
    for name, origin, packet in (
        ("syn_with_data", "RFC 9293 clause 3.5", ends.segment(payload=b"A" * 1_400)),
        ("syn_urgent", "RFC 6093, the urgent pointer", ends.segment(SYN | URG, urgptr=0xFFFF)),
        ("syn_window_zero", "RFC 9293 clause 3.8.6.1, a window of zero", ends.segment(window=0)),
    ):
        yield train_of(name, origin, ends.ip() / packet)


def within(ends: Ends) -> Iterator[Train]:
    """Yield what goes into a connection that is open: numbers count from the next one that is due."""
    data = ACK | PSH

    def made(name: str, *segments: "Packet", origin: str = _WITHIN) -> Train:
        return train_of(name, origin, *(ends.ip() / one for one in segments), within=True)

    def part(flags: int, at: int = 0, payload: bytes = b"", *, ahead: int = 0, **fields: Any) -> "Packet":
        seq, ack = (ends.number + at) % _NUMBERS, (ends.acknowledged + ahead) % _NUMBERS
        return ends.segment(flags, payload=payload, seq=seq, ack=ack, **fields)

    queue = part(data, 4, b"B" * 8), part(data, 0, b"A" * 8), part(data, 2, b"C" * 100)
    yield made("overlap", *queue, origin="RFC 9293 3.10.7.4; CWE-191")
    yield made("overlap_by_one", part(data, 1, b"B" * 1_000), part(data, 999, b"C" * 2), part(data, 0, b"A"))
    backwards = (part(data, at, b"x") for at in range(32, 0, -1))
    yield made("backwards", *backwards, origin="CVE-2018-5390, a queue out of order")
    beyond = part(data | URG, payload=b"A", urgptr=0xFFFF)
    yield made("urgent_beyond", beyond, origin="RFC 6093; CVE-2019-12255, Urgent11")
    yield made("urgent_zero", part(data | URG, payload=b"A"), origin="CVE-2019-12255, an urgent pointer of zero")
    yield made("option_length_0_within", part(data, options=b"\x08\x00\x01\x01"), origin=_OPTIONS)
    yield made("sack_backwards", part(ACK, options=b"\x01\x01\x05\x0a" + b"\xff\xff\xff\xff\x00\x00\x00\x01"))
    sack = part(ACK, options=b"\x05\x22" + bytes(range(32)) + b"\x01\x01")
    yield made("sack_of_4", sack, origin="CVE-2019-11477")
    yield made("acknowledges_ahead", part(ACK, ahead=0x40000000))
    yield made("syn_within", part(SYN))
    yield made("reset_beside_window", part(RST, 0x20000000))
    yield made("window_zero_held", part(ACK, window=0), origin="RFC 9293 clause 3.8.6.1; CVE-2008-4609, Sockstress")
