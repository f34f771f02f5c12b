"""Malformed answers of a resolver and of a DHCP server (RFC 1035, RFC 2131, RFC 2132).

What shows whose question was asked (identifier, question, transaction, hardware address) is written in by the server.
"""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

ASKED = b"\x05asked\x07invalid\x00\x00\x01\x00\x01"
"""Stands for the question that was asked."""
COOKIE = b"\x63\x82\x53\x63"
OFFER = b"\x35\x01\x02"
"""The option that says which message it is; the server makes an ACK of it where a REQUEST is answered."""
_NAMES = "RFC 1035 clause 4.1.4, compression; CVE-2020-15795, NAME:WRECK"
_DATA = "RFC 1035 clause 4.1.3, RDLENGTH (CWE-130)"
_COUNTS = "RFC 1035 clause 4.1.1, counts"
_OPTIONS = "RFC 2132 clause 2, options (CWE-125)"
_FIELDS = "RFC 2131 clause 2, the message"


def name_answers(random: Random) -> Iterator[Message]:
    """Yield the answers of a resolver that are named."""
    here = b"\xc0\x0c"
    for name, data, origin in (
        ("pointer_to_itself", _dns(_rr(b"\xc0\x1f", 1, b"\x7f\0\0\1")), _NAMES),
        ("pointer_behind_end", _dns(_rr(b"\xff\xff", 1, b"\x7f\0\0\1")), _NAMES),
        ("pointer_cut_off", _dns(b"\xc0"), _NAMES),
        ("alias_of_itself", _dns(_rr(here, 5, here)), "RFC 1034 clause 3.6.2, a loop of CNAME (CWE-835)"),
        ("aliases_many", _dns(*(_rr(here, 5, here) for _ in range(80)), count=80), "RFC 1034 clause 3.6.2"),
        ("length_0", _dns(_rr(here, 1, b"")), _DATA),
        ("length_3", _dns(_rr(here, 1, b"\x7f\0\0")), _DATA),
        ("length_65535", _dns(_rr(here, 1, b"\x7f\0\0\1", 0xFFFF)), f"{_DATA}; CVE-2015-7547"),
        ("address_of_2000", _dns(_rr(here, 1, b"A" * 2_000)), f"{_DATA}; CVE-2015-7547"),
        ("address6_of_4", _dns(_rr(here, 28, b"\x7f\0\0\1")), _DATA),
        ("many_addresses", _dns(*(_rr(here, 1, b"\x7f\0\0\1") for _ in range(250)), count=250), "CWE-770"),
        ("counts_65535", _dns(_rr(here, 1, b"\x7f\0\0\1"), count=0xFFFF), _COUNTS),
        ("count_0", _dns(_rr(here, 1, b"\x7f\0\0\1"), count=0), _COUNTS),
        ("questions_0", b"\0\0\x81\x80\0\0\0\x01\0\0\0\0" + _rr(b"\0", 1, b"\x7f\0\0\1"), _COUNTS),
        ("questions_65535", b"\0\0\x81\x80\xff\xff\0\0\0\0\0\0" + ASKED, _COUNTS),
        ("header_cut_off", b"\0\0\x81\x80\0\x01", _COUNTS),
        ("header_alone", b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0", _COUNTS),
        ("question_cut_off", b"\0\0\x81\x80\0\x01\0\0\0\0\0\0" + ASKED[:4], _COUNTS),
        ("name_of_4000", _dns(_rr((b"\x3f" + b"a" * 63) * 60 + b"\0", 5, here)), "RFC 1035 clause 3.1"),
        ("label_of_64", _dns(_rr(b"\x40" + b"a" * 64 + b"\0", 1, b"\x7f\0\0\1")), "RFC 1035 clause 3.1"),
        ("alias_format", _dns(_rr(here, 5, bytes([len(FORMATS)]) + FORMATS + b"\0")), "CWE-134"),
        ("alias_not_utf8", _dns(_rr(here, 5, bytes([len(NOT_UTF8)]) + NOT_UTF8 + b"\0")), "RFC 1035 clause 3.1"),
        ("alias_zero", _dns(_rr(here, 5, b"\x04a\0b\0\0")), "CWE-158; CVE-2021-3672"),
        ("text_beyond_data", _dns(_rr(here, 16, b"\xff" + b"a" * 9)), "RFC 1035 clause 3.3.14"),
        ("service_cut_off", _dns(_rr(here, 33, b"\0\0")), "RFC 2782"),
        ("signature_cut_off", _dns(_rr(here, 46, b"\0\x01\x08")), "RFC 4034 clause 3.1"),
        ("edns_length", _dns(_rr(b"\0", 41, b"\0\x03\xff\xff")), "RFC 6891 clause 6.1.2"),
        ("code_15", b"\0\0\x81\x8f\0\x01\0\0\0\0\0\0" + ASKED, "RFC 6895 clause 2.3"),
        ("cut_short", b"\0\0\x83\x80\0\x01\0\0\0\0\0\0" + ASKED, "RFC 1035 clause 4.2.1, TC without TCP"),
        ("question_sent_back", b"\0\0\x01\x00\0\x01\0\0\0\0\0\0" + ASKED, "RFC 1035 clause 4.1.1, QR"),
        ("zeros", bytes(512), _COUNTS),
        ("ones", b"\xff" * 512, _COUNTS),
    ):
        yield Message(name, data, origin)
    yield Message("noise", b"\0\0\x81\x80" + random.randbytes(500), "random octets from the seed")


def name_answer_changes(random: Random) -> Iterator[Message]:
    """Yield answers that were changed, without end; each says SERVFAIL, so that nobody believes an address."""
    valid = _dns(_rr(b"\xc0\x0c", 5, b"\x01a\xc0\x0c"), _rr(b"\xc0\x0c", 1, b"\x7f\0\0\1"), count=2)[4:]
    for message in mutations((valid,), random, 1_400):
        yield Message(message.name, b"\0\0\x81\x82" + message.data, message.origin)


def _dns(*records: bytes, count: int | None = None) -> bytes:
    answers = len(records) if count is None else count
    return b"\0\0\x81\x80" + struct.pack("!HHHH", 1, answers, 0, 0) + ASKED + b"".join(records)


def _rr(name: bytes, kind: int, data: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 0, len(data) if length is None else length) + data


def address_answers(random: Random) -> Iterator[Message]:
    """Yield the answers of a DHCP server that are named. None gives an address that could be used."""
    for name, data, origin in (
        ("option_beyond_end", _dhcp(OFFER + b"\x36\xff\x01"), _OPTIONS),
        ("option_without_length", _dhcp(OFFER + b"\x36"), _OPTIONS),
        ("end_missing", _dhcp(OFFER), _OPTIONS),
        ("mask_of_0", _dhcp(OFFER + b"\x01\x00\xff"), _OPTIONS),
        ("mask_of_3", _dhcp(OFFER + b"\x01\x03\xff\xff\xff\xff"), _OPTIONS),
        ("routers_of_1", _dhcp(OFFER + b"\x03\x01\x01\xff"), _OPTIONS),
        ("routers_of_255", _dhcp(OFFER + b"\x03\xff" + b"\x01" * 255 + b"\xff"), _OPTIONS),
        ("servers_many", _dhcp(OFFER + (b"\x06\xfc" + b"\x01" * 252) * 4 + b"\xff"), "RFC 3396, options in parts"),
        ("name_long", _dhcp(OFFER + (b"\x0f\xff" + b"A" * 255) * 4 + b"\xff"), "RFC 3396, options in parts"),
        (
            "name_command",
            _dhcp(OFFER + b"\x0f\x10" + b"$(true);`true`;x" + b"\xff"),
            "CVE-2011-0997, scripts of clients",
        ),
        ("name_format", _dhcp(OFFER + b"\x0f" + bytes([len(FORMATS)]) + FORMATS + b"\xff"), "CWE-134"),
        ("name_not_utf8", _dhcp(OFFER + b"\x0c" + bytes([len(NOT_UTF8)]) + NOT_UTF8 + b"\xff"), _OPTIONS),
        ("search_pointer", _dhcp(OFFER + b"\x77\x04\xc0\x00\xc0\x00\xff"), "RFC 3397; CVE-2020-7461"),
        ("search_cut_off", _dhcp(OFFER + b"\x77\x02\x3fa\xff"), "RFC 3397"),
        ("routes_of_33", _dhcp(OFFER + b"\x79\x05\x21\x01\x01\x01\x01\xff"), "RFC 3442, a prefix of 33"),
        ("routes_cut_off", _dhcp(OFFER + b"\x79\x02\x18\x01\xff"), "RFC 3442, a truncated router"),
        ("lease_of_0", _dhcp(OFFER + b"\x33\x04\0\0\0\0\xff"), "RFC 2131 clause 3.3"),
        ("lease_of_1", _dhcp(OFFER + b"\x33\x01\x01\xff"), _OPTIONS),
        ("kind_of_0", _dhcp(b"\x35\x00\xff"), _OPTIONS),
        ("kind_255", _dhcp(b"\x35\x01\xff\xff"), "RFC 2132 clause 9.6"),
        ("kind_missing", _dhcp(b"\xff"), "RFC 2132 clause 9.6"),
        (
            "overload_3",
            _dhcp(OFFER + b"\x34\x01\x03\xff", fill=b"\x0f\xff"),
            "RFC 2132 clause 9.3, options in sname and file",
        ),
        ("overload_255", _dhcp(OFFER + b"\x34\x01\xff\xff", fill=b"A"), "RFC 2132 clause 9.3"),
        ("vendor_beyond_end", _dhcp(OFFER + b"\x2b\x04\x01\xff\x01\x01\xff"), "RFC 2132 clause 8.4"),
        ("agent_beyond_end", _dhcp(OFFER + b"\x52\x04\x01\xff\x01\x01\xff"), "RFC 3046 clause 2.0"),
        ("padding", _dhcp(OFFER + bytes(1_000)), _OPTIONS),
        ("options_many", _dhcp(OFFER + b"\xe0\x00" * 500 + b"\xff"), _OPTIONS),
        ("cookie_wrong", _dhcp(OFFER + b"\xff", cookie=bytes(4)), _FIELDS),
        ("hardware_length_255", _dhcp(OFFER + b"\xff", hardware=255), _FIELDS),
        ("hardware_length_0", _dhcp(OFFER + b"\xff", hardware=0), _FIELDS),
        ("cut_off_at_100", _dhcp(OFFER)[:100], _FIELDS),
        ("cut_off_at_236", _dhcp(OFFER)[:236], _FIELDS),
        ("names_not_ended", _dhcp(OFFER + b"\xff", fill=b"A"), _FIELDS),
    ):
        yield Message(name, data, origin)
    yield Message("noise", _dhcp(random.randbytes(250)), "random octets from the seed")


def address_answer_changes(random: Random) -> Iterator[Message]:
    """Yield changed options, endlessly, after a header that gives no address."""
    valid = OFFER + b"\x36\x04\0\0\0\0\x01\x04\xff\xff\xff\0\x0f\x02tp\xff"
    for message in mutations((valid,), random, 1_000):
        yield Message(message.name, _dhcp(message.data), message.origin)


def _dhcp(options: bytes, *, cookie: bytes = COOKIE, hardware: int = 6, fill: bytes = b"\0") -> bytes:
    head = struct.pack("!BBBBIHH", 2, 1, hardware, 0, 0, 0, 0) + bytes(16) + bytes(16)
    return head + (fill * 192)[:192] + cookie + options
