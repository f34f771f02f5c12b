"""What is read of certificates that strict parsers refuse: every part that can be read, and what is odd about it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.tls.certificate_bytes import CertificateDecodeError, read_certificate, read_time, time_remark
from drivers.network.tls.certificate_fields import CertificateFields, load, read_chain_key, read_fields

KEY = rsa.generate_private_key(65537, 1024)
SHA1_RSA = bytes.fromhex("06092a864886f70d0101050500")
UTC_TIME, GENERALIZED = 0x17, 0x18


def tlv(tag: int, *parts: bytes, octets: int = 0) -> bytes:
    """An element; with `octets`, its length in so many, be they needed or not."""
    content = b"".join(parts)
    size = len(content)
    if octets == 0 and size < 0x80:
        return bytes([tag, size]) + content
    octets = octets or (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | octets]) + size.to_bytes(octets) + content


def endless(tag: int, *parts: bytes) -> bytes:
    """A constructed element whose length is not stated (BER)."""
    return bytes([tag, 0x80]) + b"".join(parts) + b"\0\0"


def number(dotted: str) -> bytes:
    return tlv(6, _oid(dotted))


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    octets = bytes([40 * first + second])
    for one in rest:
        groups = [one & 0x7F]
        while one := one >> 7:
            groups.insert(0, one & 0x7F | 0x80)
        octets += bytes(groups)
    return octets


def extension(dotted: str, value: bytes) -> bytes:
    return tlv(0x30, number(dotted), tlv(4, value))


SAN = extension("2.5.29.17", tlv(0x30, tlv(0x82, b"box.local"), tlv(0x87, bytes([192, 0, 2, 7]))))
SERVER = extension("2.5.29.37", tlv(0x30, number("1.3.6.1.5.5.7.3.1")))
NAME = tlv(0x30, tlv(0x31, tlv(0x30, number("2.5.4.3"), tlv(0x0C, b"box.local"))))
SPKI = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def certificate(**parts: bytes) -> bytes:
    """A self-signed certificate of 1024 bits and SHA-1 that has no other fault but for these parts."""
    algorithm = tlv(0x30, SHA1_RSA)
    given_parts = {
        "version": tlv(0xA0, tlv(2, b"\2")),
        "serial": tlv(2, b"\5\x11"),
        "inner": algorithm,
        "issuer": NAME,
        "before": tlv(UTC_TIME, b"240101000000Z"),
        "after": tlv(UTC_TIME, b"351231235959Z"),
        "subject": NAME,
        "key": SPKI,
        "extensions": tlv(0xA3, tlv(0x30, SAN, SERVER)),
    } | parts
    times = tlv(0x30, given_parts.pop("before"), given_parts.pop("after"))
    order = ("version", "serial", "inner", "issuer", "times", "subject", "key", "extensions")
    tbs = tlv(0x30, *((given_parts | {"times": times})[name] for name in order))
    signature = KEY.sign(tbs, padding.PKCS1v15(), hashes.SHA1())
    return tlv(0x30, tbs, algorithm, tlv(3, b"\0", signature))


def fields(der: bytes) -> CertificateFields:
    return read_fields(der, load(der))


WEAK = {"key_type": "RSA", "key_bits": 1024, "signature_hash": "sha1"}
WHOLE: dict[str, Any] = WEAK | {
    "subject": "CN=box.local",
    "issuer": "CN=box.local",
    "not_before": datetime(2024, 1, 1, tzinfo=UTC),
    "not_after": datetime(2035, 12, 31, 23, 59, 59, tzinfo=UTC),
    "dns_names": ("box.local",),
    "ip_addresses": ("192.0.2.7",),
    "extended_key_usage": ("serverAuth",),
    "self_signed": True,
}
HUGE_EXPONENT = tlv(
    0x30,
    tlv(0x30, number("1.2.840.113549.1.1.1"), tlv(5)),
    tlv(3, b"\0", tlv(0x30, tlv(2, b"\0" + b"\xc5" * 128), tlv(2, b"\x7f" * 100))),
)
LONG = "a length that is longer than needed (BER)"
ODD: dict[str, tuple[dict[str, bytes], dict[str, Any], set[str], str]] = {
    # what it is: its parts, the fields that differ, those that cannot be read, and the remark
    "nothing": ({}, {}, set(), ""),
    "fraction of a second": ({"after": tlv(GENERALIZED, b"99981130215959.125Z")}, {}, {"not_after"}, ""),
    "no digits in a date": ({"before": tlv(UTC_TIME, b"yesterday")}, {}, {"not_before"}, ""),
    "a month 13": ({"after": tlv(UTC_TIME, b"351331235959Z")}, {}, {"not_after"}, ""),
    "an empty date": ({"after": tlv(UTC_TIME)}, {}, {"not_after"}, ""),
    "a date of another type": ({"after": tlv(0x0C, b"351231235959Z")}, {}, {"not_after"}, ""),
    "a GeneralizedTime before 2050": ({"before": tlv(GENERALIZED, b"20240101000000Z")}, {}, set(), "before 2050"),
    "a date without seconds": (
        {"before": tlv(UTC_TIME, b"2401010000Z")},
        {},
        set(),
        "'2401010000Z' is not written as RFC 5280",
    ),
    "a date with an offset": (
        {"before": tlv(UTC_TIME, b"240101020000+0200")},
        {},
        set(),
        "'240101020000+0200' is not written",
    ),
    "a negative serial": ({"serial": tlv(2, b"\x85\x11")}, {}, set(), "the serial number is negative"),
    "a serial of zero": ({"serial": tlv(2, b"\0")}, {}, set(), "the serial number is zero"),
    "a long serial": ({"serial": tlv(2, b"\x01" * 30)}, {}, set(), "the serial number has 30 bytes"),
    "version 9": ({"version": tlv(0xA0, tlv(2, b"\x08"))}, {}, set(), "the version is 8"),
    "version 1 with extensions": ({"version": b""}, {}, set(), "extensions in a certificate of version 1"),
    "another algorithm inside": (
        {"inner": tlv(0x30, bytes.fromhex("06092a864886f70d01010b0500"))},
        {"self_signed": False},
        set(),
        "the signature's algorithm is not the one inside",
    ),
    "no common name": ({"subject": tlv(0x30), "issuer": tlv(0x30)}, {"subject": "", "issuer": ""}, set(), ""),
    "a name that is none": (
        {"subject": tlv(0x30, b"\x31\x03abc")},
        {"self_signed": False},
        {"subject"},
        "whose content is no BER",
    ),
    "a length in more bytes than needed": ({"issuer": tlv(0x30, NAME[2:], octets=4)}, {}, set(), LONG),
    "a length that is not stated": (
        {"subject": endless(0x30, NAME[2:]), "issuer": NAME},
        {},
        set(),
        "a length that is not stated (BER)",
    ),
    "a critical extension that nobody knows": (
        {"extensions": tlv(0xA3, tlv(0x30, SAN, SERVER, tlv(0x30, number("1.2.3.4"), tlv(1, b"\xff"), tlv(4, b"??"))))},
        {},
        set(),
        "",
    ),
    "an extension twice": (
        {"extensions": tlv(0xA3, tlv(0x30, SAN, SAN, SERVER))},
        {},
        {"dns_names", "ip_addresses"},
        "the extension 2.5.29.17 twice",
    ),
    "an alternative name that is none": (
        {"extensions": tlv(0xA3, tlv(0x30, extension("2.5.29.17", b"\x30\x03\x82\x05a"), SERVER))},
        {},
        {"dns_names", "ip_addresses"},
        "",
    ),
    "an exponent of 800 bits": ({"key": HUGE_EXPONENT}, {"self_signed": False}, set(), ""),
}


@pytest.mark.parametrize("kind", ODD)
def test_one_odd_part_hides_no_other(kind: str) -> None:
    parts, different, lost, remark = ODD[kind]
    found = fields(certificate(**parts))
    expected = {name: value for name, value in (WHOLE | different).items() if name not in lost}
    read = {name: value for name, value in found.known.items() if name in expected and name not in found.unread}
    assert {name: read.get(name) for name in WEAK} == WEAK
    unverified = {"self_signed"} & set(found.unread)
    assert {name: read.get(name) for name in expected if name not in unverified} == {
        name: value for name, value in expected.items() if name not in unverified
    }
    assert lost <= set(found.unread) <= lost | {"self_signed"}
    assert (remark in "; ".join(found.remarks)) if remark else not found.remarks


RSA_512 = tlv(0x30, tlv(2, b"\0" + b"\xc1" * 64), tlv(2, b"\3"))


def curve(point: bytes, parameters: bytes) -> bytes:
    return tlv(0x30, tlv(0x30, number("1.2.840.10045.2.1"), parameters), tlv(3, b"\0", point))


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (curve(b"\4" + bytes(40), number("1.3.132.0.8.99")), "EC", 160),
        (curve(b"\2" + bytes(14), number("1.3.132.0.6.99")), "EC", 112),
        (curve(b"\4" + bytes(64), tlv(0x30, tlv(2, b"\1"))), "EC", 256),
        (HUGE_EXPONENT, "RSA", 1024),
        (
            tlv(
                0x30,
                tlv(0x30, number("2.5.8.1.1")),
                tlv(3, b"\0", tlv(0x30, tlv(2, b"\0" + b"\xc1" * 64), tlv(2, b"\3"))),
            ),
            "RSA",
            512,
        ),
    ],
)
def test_a_key_that_no_library_takes_is_measured_by_its_bytes(key: bytes, kind: str, bits: int) -> None:
    found = fields(certificate(key=key))
    assert (found.known["key_type"], found.known["key_bits"]) == (kind, bits)


def test_a_key_of_an_unknown_kind_is_unread_and_hides_no_hash() -> None:
    found = fields(certificate(key=tlv(0x30, tlv(0x30, number("1.2.3.4")), tlv(3, b"\0abc"))))
    assert {"key_type", "key_bits"} <= set(found.unread)
    assert found.known["signature_hash"] == "sha1"


def test_bytes_after_the_certificate_are_remarked_on() -> None:
    found = read_fields(certificate() + b"\0\0", load(certificate()))
    assert found.remarks == ["2 bytes after its end"]
    assert found.known["key_bits"] == 1024


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x04nope", b"\x30\x80", b"\x30" * 200, b"\x30\x00", b"\x02\x01\x00"]
)
def test_what_has_no_frame_of_a_certificate_is_refused_by_the_reader_alone(data: bytes) -> None:
    with pytest.raises(CertificateDecodeError):
        read_certificate(data)


@given(st.integers(0, len(certificate()) - 1), st.integers(0, 255))
def test_no_altered_octet_raises_anything_else(place: int, octet: int) -> None:
    der = bytearray(certificate())
    der[place] = octet
    try:
        found = fields(bytes(der))
    except CertificateDecodeError:
        return
    assert set(found.unread).isdisjoint(found.known)


@pytest.mark.parametrize(
    ("tag", "text", "year"),
    [(UTC_TIME, b"491231235959Z", 2049), (UTC_TIME, b"500101000000Z", 1950), (GENERALIZED, b"20500101000000Z", 2050)],
)
def test_the_century_of_a_time_is_that_of_rfc_5280(tag: int, text: bytes, year: int) -> None:
    assert read_time(tag, text).year == year
    assert time_remark(tag, text) == ""


def test_the_key_and_signature_of_a_further_certificate_are_read() -> None:
    found = read_chain_key(certificate(after=tlv(GENERALIZED, b"99981130215959.125Z")))
    assert found.model_dump() == WEAK | {"subject": "CN=box.local", "self_signed": True}
    assert read_chain_key(b"nope").key_type == ""


def good() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "good")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 9, WHOLE["not_before"], WHOLE["not_after"])
    return builder.sign(key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("make", [good, certificate])
def test_a_certificate_that_every_parser_takes_has_no_remark(make: Callable[[], bytes]) -> None:
    found = fields(make())
    assert not found.remarks
    assert not found.unread
