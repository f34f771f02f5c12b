"""Malformed SNMP: BER tags and lengths that lie, integers that turn over (X.690, RFC 3416, RFC 3412).

The community is `public`, or none; no user of v3 is named, so that no message counts as a failed login.
"""

from collections.abc import Iterator
from random import Random

from drivers.network.logins.ber import INTEGER, NULL, OBJECT, OCTETS, SEQUENCE, element, integer, object_identifier
from drivers.network.logins.snmp_message import Version, discovery, request
from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_GET, _NEXT, _SET, _BULK = 0xA0, 0xA1, 0xA3, 0xA5
_BER = "X.690 clause 8.1.3, lengths; CVE-2002-0013"
_VALUES = "X.690 clause 8, contents"
_PDU = "RFC 3416 clause 3, the fields of a PDU"
_DATAGRAM = 60_000


def snmp(random: Random) -> Iterator[Message]:
    """Yield the datagrams that are named."""
    yield from _lengths()
    yield from _fields()
    yield from _bindings()
    yield from _version_3()
    yield Message("noise", b"\x30\x82\x01\xfc" + random.randbytes(508), "random octets from the seed, in one sequence")


def snmp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end."""
    valid = (
        request(Version.V1, 1, "public"),
        request(Version.V2C, 2, "public", following=True),
        discovery(3),
    )
    return mutations(valid, random, _DATAGRAM)


def _raw(tag: int, length: bytes, content: bytes = b"") -> bytes:
    return bytes([tag]) + length + content


def _message(pdu: bytes, *, version: bytes = b"\x02\x01\x01", community: bytes | None = None) -> bytes:
    return element(SEQUENCE, version, element(OCTETS, b"public") if community is None else community, pdu)


def _pdu(bindings: bytes, *, tag: int = _GET, number: bytes | None = None, error: bytes | None = None) -> bytes:
    return element(tag, number or integer(1), error or integer(0), integer(0), bindings)


def _binding(name: bytes, value: bytes | None = None) -> bytes:
    return element(SEQUENCE, element(SEQUENCE, name, element(NULL) if value is None else value))


_NAME = object_identifier("1.3.6.1.2.1.1.1.0")


def _lengths() -> Iterator[Message]:
    whole = request(Version.V2C, 1, "public")
    inner = whole[2:]
    yield Message("zeros", b"\x00" * 512, _BER)
    yield Message("ones", b"\xff" * 512, _BER)
    yield Message("tag_alone", b"\x30", _BER)
    yield Message("length_zero", b"\x30\x00", _BER)
    yield Message("length_indefinite", b"\x30\x80" + inner + b"\x00\x00", _BER)
    yield Message("length_of_127_octets", b"\x30\xff" + b"\xff" * 127, _BER)
    yield Message("length_4_gib", b"\x30\x84\xff\xff\xff\xff" + inner, _BER)
    yield Message("length_negative", b"\x30\x84\x80\x00\x00\x00" + inner, _BER)
    yield Message("length_64_bit", b"\x30\x88" + b"\xff" * 8 + inner, _BER)
    yield Message("length_long_form", b"\x30\x84\x00\x00\x00" + bytes([len(inner)]) + inner, _BER)
    yield Message("length_short", b"\x30\x05" + inner, _BER)
    yield Message("cut_off", whole[: len(whole) // 2], _BER)
    yield Message("octets_left_over", whole + b"\x00" * 400, _BER)
    nested = b"".join(b"\x30\x82" + (4 * left).to_bytes(2, "big") for left in range(8_000, 0, -1))
    yield Message("nested_sequences", nested, "CWE-674")
    yield Message("tag_of_many_octets", b"\x3f" + b"\xff" * 200, "X.690 clause 8.1.2.4")


def _fields() -> Iterator[Message]:
    asked = _pdu(_binding(_NAME))
    yield Message("version_missing", element(SEQUENCE, element(OCTETS, b"public"), asked), _PDU)
    yield Message("version_of_no_octets", _message(asked, version=b"\x02\x00"), _VALUES)
    yield Message("version_of_9_octets", _message(asked, version=b"\x02\x09" + b"\xff" * 9), _VALUES)
    yield Message("version_negative", _message(asked, version=b"\x02\x01\xff"), _VALUES)
    yield Message("version_is_text", _message(asked, version=element(OCTETS, b"1")), _VALUES)
    yield Message("community_long", _message(asked, community=element(OCTETS, b"A" * 30_000)), "CVE-2002-0013, CWE-120")
    yield Message("community_empty", _message(asked, community=b"\x04\x00"), _VALUES)
    yield Message("community_beyond_end", _message(asked, community=_raw(OCTETS, b"\x84\x7f\xff\xff\xff")), _BER)
    yield Message("community_format", _message(asked, community=element(OCTETS, FORMATS)), "CWE-134; CVE-2002-0013")
    yield Message("community_not_utf8", _message(asked, community=element(OCTETS, NOT_UTF8)), _VALUES)
    yield Message("community_is_sequence", _message(asked, community=element(SEQUENCE)), _VALUES)
    yield Message("pdu_missing", _message(b""), _PDU)
    yield Message("pdu_empty", _message(element(_GET)), _PDU)
    yield Message("pdu_unknown", _message(_pdu(_binding(_NAME), tag=0xAF)), _PDU)
    yield Message(
        "number_of_200_octets", _message(_pdu(_binding(_NAME), number=element(INTEGER, b"\x7f" * 200))), _VALUES
    )
    yield Message("number_of_no_octets", _message(_pdu(_binding(_NAME), number=b"\x02\x00")), _VALUES)
    yield Message("error_ones", _message(_pdu(_binding(_NAME), error=b"\x02\x04\xff\xff\xff\xff")), _PDU)
    yield Message("trap", _message(element(0xA4, _NAME, element(0x40, b"\x7f"), integer(99))), "RFC 1157 clause 4.1.6")
    bulk = element(_BULK, integer(1), b"\x02\x01\xff", b"\x02\x04\x7f\xff\xff\xff", _binding(_NAME))
    yield Message("bulk_repetitions", _message(bulk), "RFC 3416 clause 4.2.3")
    many = element(_BULK, integer(1), integer(0), integer(2**31 - 1), element(SEQUENCE, _binding(_NAME)[2:] * 200))
    yield Message("bulk_many_names", _message(many), "RFC 3416 clause 4.2.3")


def _bindings() -> Iterator[Message]:
    for name, identifier in (
        ("name_of_no_octets", b""),
        ("name_cut_off", b"\x2b\x86"),
        ("name_of_10000", b"\x2b" + b"\x01" * 10_000),
        ("name_arc_of_33_bits", b"\x2b\x9f\xff\xff\xff\x7f"),
        ("name_arc_without_end", b"\x2b" + b"\xff" * 500),
        ("name_padded", b"\x2b\x80\x80\x80\x06"),
    ):
        yield Message(name, _message(_pdu(_binding(element(OBJECT, identifier)), tag=_NEXT)), "X.690 clause 8.19")
    yield Message("bindings_none", _message(_pdu(element(SEQUENCE))), _PDU)
    yield Message("bindings_no_sequence", _message(_pdu(element(OCTETS, b"x"))), _PDU)
    yield Message("binding_without_value", _message(_pdu(element(SEQUENCE, element(SEQUENCE, _NAME)))), _PDU)
    yield Message("bindings_2000", _message(_pdu(element(SEQUENCE, _binding(_NAME)[2:] * 2_000))), "CWE-770")
    counter = element(0x46, b"\xff" * 20)
    yield Message("counter_of_20_octets", _message(_pdu(_binding(_NAME, counter))), "RFC 2578 clause 7.1.10")
    yield Message(
        "address_of_1_octet", _message(_pdu(_binding(_NAME, element(0x40, b"\x7f")))), "RFC 2578 clause 7.1.5"
    )
    opaque = element(0x44, b"\x9f\x78\x7f\xff\xff\xff")
    yield Message("opaque_float", _message(_pdu(_binding(_NAME, opaque))), "RFC 2578 clause 7.1.9")


def _version_3() -> Iterator[Message]:
    whole = discovery(1)
    header = "RFC 3412 clause 6, the message of version 3"
    yield Message("v3_cut_off", whole[:30], header)
    three = integer(3)
    number = b"\x02\x04\xff\xff\xff\xff"
    negative = element(SEQUENCE, number, number, element(OCTETS, b"\xff"), number)
    yield Message("v3_numbers_negative", element(SEQUENCE, three, negative, element(OCTETS, b"")), header)
    flags = element(SEQUENCE, integer(1), integer(65_507), element(OCTETS, b"\x07" * 400), integer(3))
    yield Message("v3_flags_of_400", element(SEQUENCE, three, flags, element(OCTETS, b""), element(SEQUENCE)), header)
    model = element(SEQUENCE, integer(1), integer(65_507), element(OCTETS, b"\x04"), integer(2**31 - 1))
    yield Message("v3_model_unknown", element(SEQUENCE, three, model, element(OCTETS, b""), element(SEQUENCE)), header)
    right = element(SEQUENCE, integer(1), integer(65_507), element(OCTETS, b"\x04"), integer(3))
    engine = element(SEQUENCE, element(OCTETS, b"E" * 20_000), integer(0), integer(0), *[element(OCTETS)] * 3)
    yield Message(
        "v3_engine_of_20000", element(SEQUENCE, three, right, element(OCTETS, engine)), "RFC 3411, of up to 32"
    )
    broken = element(OCTETS, b"\x30\x84\xff\xff\xff\xff")
    yield Message(
        "v3_security_beyond_end", element(SEQUENCE, three, right, broken, element(SEQUENCE)), "RFC 3414 clause 2.4"
    )
    yield Message(
        "v3_encrypted_noise",
        element(SEQUENCE, three, right, element(OCTETS, b""), element(OCTETS, b"\xa5" * 64)),
        header,
    )
