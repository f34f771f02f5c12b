"""Malformed TCP segments: options, data offsets, flags and numbers that a stack trips over (RFC 9293)."""

import socket
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.frames import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    URG,
    Ends,
    Train,
    Wrap,
    changed,
    ipv4,
    pseudo,
    segment,
    tcp,
    with_sum,
)

CONTROL = "checksum_wrong"
"""The control: a segment that has to be ignored (RFC 9293 clause 3.1, MUST-2 and MUST-3)."""
_OPTIONS = "RFC 9293 clause 3.1, options (CWE-835 where a length of zero is walked for ever)"
_OFFSET = "RFC 9293 clause 3.1, the data offset (CWE-125)"
_FLAGS = "RFC 9293 clause 3.10.7, flags that exclude each other"
_WITHIN = "RFC 9293 clause 3.4, numbers; RFC 5961, what comes blind"
MSS, TIMES, SACK_OK = b"\x02\x04\x05\xb4", b"\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x00", b"\x04\x02"


def segments(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the segments that are named."""
    yield from _options(ends)
    yield from _headers(ends)
    yield from _flags(ends)
    yield from _within(ends)
    yield Train("noise", (segment(ends, random.randbytes(64)),), "octets of the seed")


def segment_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid segments that were changed, without end."""
    whole = tcp(ends, options=MSS + SACK_OK + TIMES + b"\x01\x03\x03\x07")
    valid = (whole, tcp(ends, ACK | PSH, acknowledged=1, options=b"\x01\x01" + TIMES, payload=b"GET / HTTP/1.1\r\n"))
    return changed(valid, random, Wrap(ends, socket.IPPROTO_TCP, 16))


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
        yield Train(name, (segment(ends, tcp(ends, options=options)),), _OPTIONS)


def _headers(ends: Ends) -> Iterator[Train]:
    for words in (0, 4, 15):
        yield Train(f"offset_{words}", (segment(ends, tcp(ends, words=words)),), _OFFSET)
    for octets in (0, 1, 12, 19):
        yield Train(f"header_of_{octets}", (segment(ends, tcp(ends)[:octets]),), _OFFSET)
    yield Train("offset_into_data", (segment(ends, tcp(ends, words=10, payload=b"\x08\x00" * 10)),), _OFFSET)
    yield Train(CONTROL, (segment(ends, tcp(ends), wrong_sum=True),), "RFC 9293 clause 3.1: to be ignored; the control")
    yield Train(
        "port_zero", (segment(ends, tcp(ends, source=0)), segment(ends, tcp(ends, port=0))), "RFC 6335 clause 6"
    )
    land = tcp(ends, source=ends.port)
    land = with_sum(land, 16, pseudo(ends.theirs, ends.theirs, socket.IPPROTO_TCP, len(land)))
    own = ipv4(ends, socket.IPPROTO_TCP, land, source=ends.theirs)
    yield Train("from_itself", (own,), "CVE-1999-0016, Land: source and destination are the device")


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
        yield Train(name, (segment(ends, tcp(ends, flags, acknowledged=1)),), _FLAGS)
    yield Train("syn_with_data", (segment(ends, tcp(ends, payload=b"A" * 1_400)),), "RFC 9293 clause 3.5")
    yield Train("syn_urgent", (segment(ends, tcp(ends, SYN | URG, urgent=0xFFFF)),), "RFC 6093, the urgent pointer")
    yield Train("syn_window_zero", (segment(ends, tcp(ends, window=0)),), "RFC 9293 clause 3.8.6.1, a window of zero")


def _within(ends: Ends) -> Iterator[Train]:
    """Yield what goes into a connection that is open: numbers count from the next one that is due."""
    data = ACK | PSH

    def train(name: str, *octets: bytes, origin: str = _WITHIN) -> Train:
        return Train(name, tuple(segment(ends, one) for one in octets), origin, within=True)

    def part(at: int, payload: bytes, flags: int = data, urgent: int = 0) -> bytes:
        return tcp(ends, flags, number=at, payload=payload, urgent=urgent)

    yield train(
        "overlap", part(4, b"B" * 8), part(0, b"A" * 8), part(2, b"C" * 100), origin="RFC 9293 3.10.7.4; CWE-191"
    )
    yield train("overlap_by_one", part(1, b"B" * 1_000), part(999, b"C" * 2), part(0, b"A"), origin=_WITHIN)
    yield train("backwards", *(part(at, b"x") for at in range(32, 0, -1)), origin="CVE-2018-5390, a queue out of order")
    yield train("urgent_beyond", part(0, b"A", data | URG, urgent=0xFFFF), origin="RFC 6093; CVE-2019-12255, Urgent11")
    yield train("urgent_zero", part(0, b"A", data | URG, urgent=0), origin="CVE-2019-12255, an urgent pointer of zero")
    yield train("option_length_0_within", tcp(ends, data, number=0, options=b"\x08\x00\x01\x01"), origin=_OPTIONS)
    yield train("sack_backwards", tcp(ends, ACK, options=b"\x01\x01\x05\x0a" + b"\xff\xff\xff\xff\x00\x00\x00\x01"))
    yield train(
        "sack_of_4", tcp(ends, ACK, options=b"\x05\x22" + bytes(range(32)) + b"\x01\x01"), origin="CVE-2019-11477"
    )
    yield train("acknowledges_ahead", tcp(ends, ACK, acknowledged=0x40000000))
    yield train("syn_within", tcp(ends, SYN))
    yield train("reset_beside_window", tcp(ends, RST, number=0x20000000))
    yield train(
        "window_zero_held", tcp(ends, ACK, window=0), origin="RFC 9293 clause 3.8.6.1; CVE-2008-4609, Sockstress"
    )
